//! Where the parts of a packet begin.

/// Kinds of link header that a filter knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkKind {
    Ethernet,
    LinuxSll,
    LinuxSll2,
    RawIp,
    RawIp4,
    RawIp6,
    Null,
    Ppp,
    CiscoHdlc,
    FrameRelay,
    Fddi,
    TokenRing,
    Wireless,
    Radiotap,
    Prism,
    Avs,
    Ppi,
    Pflog,
    /// Behind a link header that the kernel has passed.
    Payload,
}

/// Where an offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The first byte that was captured.
    Packet,
    /// The link header, behind a radio header where there is one.
    LinkHeader,
    /// The EtherType or what stands in its place.
    LinkType,
    /// What follows the link header: LLC in many cases.
    BehindLink,
    /// The network header.
    Payload,
    /// The network header where LLC has no SNAP behind it.
    PayloadNoSnap,
    /// The last MPLS label.
    LastLabel,
    /// What follows an IPv4 header.
    Transport4,
    /// What follows an IPv6 header without extension headers.
    Transport6,
}

/// A place in a packet: behind one that is in a register, or from the first byte on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) register: Option<u8>,
    pub(super) at: u32,
}

impl Place {
    pub(super) const fn fixed(at: u32) -> Self {
        Self { register: None, at }
    }

    pub(super) const fn variable(register: u8) -> Self {
        Self { register: Some(register), at: 0 }
    }

    pub(super) fn plus(self, bytes: u32) -> Self {
        Self { at: self.at.wrapping_add(bytes), ..self }
    }
}

/// Registers that hold places; scratch registers grow from 0 towards them.
pub(super) const LINK_REGISTER: u8 = 15;

pub(super) const PAYLOAD_REGISTER: u8 = 14;

/// Three a tunnel, downwards.
pub(super) const FIRST_TUNNEL_REGISTER: u8 = 13;
