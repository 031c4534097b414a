//! Where headers lie behind each kind of link header, and what has been passed on the way there.

use super::code::{Condition, Op, Size};
use super::error::{FilterError, Result};
use super::place::{Anchor, LINK_REGISTER, LinkKind, PAYLOAD_REGISTER, Place};
use super::wireless::find_wireless_payload;

/// What a filter is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Frames of a capture file with this link type of the registry.
    File(u16),
    /// Frames of a packet socket that begin with an Ethernet header.
    LiveEthernet,
    /// Frames of a packet socket that begin with an IP header.
    LiveRaw,
    /// Frames of a packet socket whose link header has no form to rely on: the kernel says what
    /// lies behind it, and where.
    LivePayload,
}

/// Offsets from here on stand for "from the network header on" to the kernel (SKF_NET_OFF).
pub(super) const NET_OFFSET: u32 = -0x10_0000i32 as u32;

/// Where things lie now: VLAN tags, labels and tunnels that a filter names shift what it says
/// afterwards.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) kind: LinkKind,
    pub(super) target: Target,
    pub(super) link: Place,
    pub(super) link_type: Place,
    pub(super) behind: Place,
    /// From behind the link header to the network header: with SNAP, and without.
    pub(super) network: u32,
    pub(super) network_no_snap: u32,
    pub(super) labels: u32,
    /// In a tunnel that may carry a network header at once.
    pub(super) in_tunnel: bool,
    /// Whether a program must begin with finding these places.
    pub(super) uses_link: bool,
    pub(super) uses_payload: bool,
}

impl Layout {
    pub(super) fn new(target: Target) -> Result<Self> {
        use LinkKind as K;
        let kind = match target {
            Target::LiveEthernet => K::Ethernet,
            Target::LiveRaw => K::RawIp,
            Target::LivePayload => K::Payload,
            Target::File(number) => kind_of(number)?,
        };
        let (link, link_type, behind) = match kind {
            K::Ethernet => (0, 12, 14),
            K::LinuxSll => (0, 14, 16),
            K::LinuxSll2 => (0, 0, 20),
            K::RawIp | K::RawIp4 | K::RawIp6 | K::FrameRelay => (0, 0, 0),
            K::Null => (0, 0, 4),
            K::Ppp | K::CiscoHdlc => (0, 2, 4),
            K::Fddi => (0, 13, 13),
            K::TokenRing => (0, 14, 14),
            K::Payload => (0, 0, NET_OFFSET),
            K::Wireless | K::Radiotap | K::Prism | K::Avs | K::Ppi | K::Pflog => (0, 0, 0),
        };
        let (network, network_no_snap) = match kind {
            K::Ethernet => (0, 3),
            K::Fddi | K::TokenRing | K::Wireless | K::Radiotap | K::Prism | K::Avs | K::Ppi => {
                (8, 3)
            }
            _ => (0, 0),
        };
        let link = match kind {
            K::Radiotap | K::Prism | K::Avs | K::Ppi => Place::variable(LINK_REGISTER),
            _ => Place::fixed(link),
        };
        let behind = match kind {
            K::Wireless | K::Radiotap | K::Prism | K::Avs | K::Ppi | K::Pflog => {
                Place::variable(PAYLOAD_REGISTER)
            }
            _ => Place::fixed(behind),
        };
        Ok(Self {
            kind,
            target,
            link,
            link_type: Place::fixed(link_type),
            behind,
            network,
            network_no_snap,
            labels: 0,
            in_tunnel: false,
            uses_link: false,
            uses_payload: false,
        })
    }

    pub(super) fn is_wireless(&self) -> bool {
        use LinkKind as K;
        matches!(self.kind, K::Wireless | K::Radiotap | K::Prism | K::Avs | K::Ppi)
    }

    /// The place that an anchor stands for; what follows an IPv4 header is not one.
    pub(super) fn place(&self, anchor: Anchor) -> Place {
        match anchor {
            Anchor::Packet => Place::fixed(0),
            Anchor::LinkHeader => self.link,
            Anchor::LinkType => self.link_type,
            Anchor::BehindLink => self.behind,
            Anchor::Payload | Anchor::Transport4 => self.behind.plus(self.network),
            Anchor::PayloadNoSnap => self.behind.plus(self.network_no_snap),
            Anchor::LastLabel => self.behind.plus(self.network).plus(4u32.wrapping_neg()),
            Anchor::Transport6 => self.behind.plus(self.network + 40),
        }
    }

    pub(super) fn require_radio(&self) -> Result<()> {
        match self.kind {
            LinkKind::Radiotap | LinkKind::Prism | LinkKind::Avs => Ok(()),
            _ => Err(FilterError::new(format!(
                "\"radio[…]\" needs a radio header, and {} has none",
                self.name()
            ))),
        }
    }

    /// How sentences name this kind of link.
    pub(super) fn name(&self) -> &'static str {
        use LinkKind as K;
        match self.kind {
            K::Ethernet => "Ethernet",
            K::LinuxSll | K::LinuxSll2 => "a Linux cooked capture",
            K::RawIp | K::RawIp4 | K::RawIp6 => "raw IP",
            K::Null => "BSD loopback",
            K::Ppp => "PPP",
            K::CiscoHdlc => "Cisco HDLC",
            K::FrameRelay => "frame relay",
            K::Fddi => "FDDI",
            K::TokenRing => "token ring",
            K::Wireless | K::Radiotap | K::Prism | K::Avs | K::Ppi => "IEEE 802.11",
            K::Pflog => "the log of OpenBSD's firewall",
            K::Payload => "a link without a link header of its own",
        }
    }

    /// Finds the places that the program uses and that differ from packet to packet.
    pub(super) fn prologue(&self) -> Option<Condition> {
        let mut all = Vec::new();
        if self.uses_link || (self.uses_payload && self.is_wireless()) {
            all.extend(self.find_link());
        }
        if self.uses_payload {
            if self.kind == LinkKind::Pflog {
                all.push(Condition::Run(vec![
                    Op::LoadAbsolute(Size::Byte, 0),
                    Op::AluK(super::code::Alu::Add, 3),
                    Op::AluK(super::code::Alu::And, !3),
                    Op::Store(PAYLOAD_REGISTER),
                ]));
            } else {
                all.extend(find_wireless_payload(self.kind));
            }
        }
        all.into_iter().reduce(Condition::and)
    }

    fn find_link(&self) -> Vec<Condition> {
        use super::code::Alu;
        let length_le16 = || {
            Condition::Run(vec![
                Op::LoadAbsolute(Size::Byte, 3),
                Op::AluK(Alu::ShiftLeft, 8),
                Op::Tax,
                Op::LoadAbsolute(Size::Byte, 2),
                Op::AluX(Alu::Or),
                Op::Store(LINK_REGISTER),
            ])
        };
        match self.kind {
            LinkKind::Radiotap | LinkKind::Ppi => vec![length_le16()],
            LinkKind::Avs => vec![Condition::Run(vec![
                Op::LoadAbsolute(Size::Word, 4),
                Op::Store(LINK_REGISTER),
            ])],
            LinkKind::Prism => vec![
                Condition::Run(vec![Op::LoadImmediate(144), Op::Store(LINK_REGISTER)]),
                // The AVS header begins with its version in the place of Prism's.
                Condition::RunIf(
                    Box::new(Condition::Test {
                        code: vec![
                            Op::LoadAbsolute(Size::Word, 0),
                            Op::AluK(Alu::And, 0xffff_f000),
                        ],
                        jump: super::code::Jump::Equal,
                        operand: super::code::Operand::K(0x8021_1000),
                    }),
                    vec![Op::LoadAbsolute(Size::Word, 4), Op::Store(LINK_REGISTER)],
                ),
            ],
            _ => Vec::new(),
        }
    }
}

/// The kind of link header with this number in the registry of link types.
fn kind_of(number: u16) -> Result<LinkKind> {
    use LinkKind as K;
    Ok(match number {
        0 | 108 => K::Null,
        1 => K::Ethernet,
        6 => K::TokenRing,
        9 | 50 => K::Ppp,
        10 => K::Fddi,
        12 | 14 | 101 => K::RawIp,
        104 => K::CiscoHdlc,
        105 => K::Wireless,
        107 => K::FrameRelay,
        113 => K::LinuxSll,
        117 => K::Pflog,
        119 => K::Prism,
        127 => K::Radiotap,
        163 => K::Avs,
        192 => K::Ppi,
        228 => K::RawIp4,
        229 => K::RawIp6,
        276 => K::LinuxSll2,
        _ => {
            let name = crate::wire::names::link_type(number).unwrap_or("not in the registry");
            return Err(FilterError::new(format!(
                "frames of link type {number} ({name}) cannot be filtered"
            )));
        }
    })
}
