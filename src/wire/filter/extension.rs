//! Loads that the kernel answers instead of the packet (linux/filter.h, SKF_AD_OFF).

pub(super) const EXTENSIONS: u32 = -0x1000i32 as u32;
pub(super) const PROTOCOL: u32 = EXTENSIONS;
pub(super) const PACKET_TYPE: u32 = EXTENSIONS + 4;
pub(super) const INTERFACE: u32 = EXTENSIONS + 8;
pub(super) const HARDWARE: u32 = EXTENSIONS + 28;
pub(super) const TAG: u32 = EXTENSIONS + 44;
pub(super) const HAS_TAG: u32 = EXTENSIONS + 48;
pub(super) const TAG_TYPE: u32 = EXTENSIONS + 60;
