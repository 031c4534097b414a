//! The VLAN tag that the kernel takes off a packet.

/// Bytes of a tag.
pub(super) const BYTES: u32 = 4;
/// The type of a tag where the kernel does not tell it (IEEE 802.1Q).
const TYPE: u16 = 0x8100;

/// Its type and control information, by what stands beside the packet (linux/if_packet.h).
pub(super) fn of(status: u32, information: u16, kind: u16) -> Option<(u16, u16)> {
    // Kernels before 3.15 do not tell the type.
    let has_kind = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let is_there = status & libc::TP_STATUS_VLAN_VALID != 0;
    is_there.then_some((if has_kind { kind } else { TYPE }, information))
}
