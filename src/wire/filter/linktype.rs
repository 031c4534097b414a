//! Which protocol a link header says that it carries, for each kind of link.

use super::code::{Condition, Jump, Op, Operand, Size};
use super::compiler::Compiler;
use super::error::{FilterError, Result};
use super::extension;
use super::place::{Anchor, LinkKind};

pub(super) const IPV4: u32 = 0x0800;
pub(super) const IPV6: u32 = 0x86dd;
const APPLE_TALK: u32 = 0x809b;
const AARP: u32 = 0x80f3;
const NOVELL: u32 = 0x8137;
/// Smaller numbers in an Ethernet header are a length.
const MAX_LENGTH: u32 = 1500;
/// LLC access points that are told by both of their numbers.
const SAP_IP: u32 = 0x06;
const SAP_IPX: u32 = 0xe0;
const SAP_NETBEUI: u32 = 0xf0;
const SAP_ISO: u32 = 0xfe;
const SAP_BRIDGE: u32 = 0x42;

impl Compiler {
    /// Whether the link header says that it carries `protocol`: an EtherType, or for small
    /// numbers an LLC access point.
    pub(super) fn link_type(&mut self, protocol: u32) -> Result<Condition> {
        if self.layout.labels > 0 {
            return self.behind_labels(protocol);
        }
        Ok(match self.layout.kind {
            LinkKind::Ethernet => self.ethernet_type(protocol),
            LinkKind::LinuxSll => self.cooked_type(protocol),
            LinkKind::Fddi | LinkKind::TokenRing => self.llc_type(protocol),
            LinkKind::Wireless
            | LinkKind::Radiotap
            | LinkKind::Prism
            | LinkKind::Avs
            | LinkKind::Ppi => {
                let data = self.wireless_data();
                data.and(self.llc_type(protocol))
            }
            LinkKind::CiscoHdlc if protocol == SAP_ISO => {
                self.compare(Anchor::LinkType, 0, Size::Half, SAP_ISO << 8 | SAP_ISO)
            }
            LinkKind::CiscoHdlc | LinkKind::LinuxSll2 => {
                self.compare(Anchor::LinkType, 0, Size::Half, protocol)
            }
            LinkKind::Ppp => self.compare(Anchor::LinkType, 0, Size::Half, ppp_protocol(protocol)),
            LinkKind::RawIp => match protocol {
                IPV4 => self.compare_masked(Anchor::Packet, 0, Size::Byte, 0x40, 0xf0),
                IPV6 => self.compare_masked(Anchor::Packet, 0, Size::Byte, 0x60, 0xf0),
                _ => Condition::Always(false),
            },
            LinkKind::RawIp4 => Condition::Always(protocol == IPV4),
            LinkKind::RawIp6 => Condition::Always(protocol == IPV6),
            LinkKind::Null => self.null_type(protocol),
            LinkKind::Pflog => self.family(protocol, |compiler, family| {
                compiler.compare(Anchor::Packet, 1, Size::Byte, family)
            }),
            LinkKind::FrameRelay => self.frame_relay_type(protocol),
            LinkKind::Payload => Condition::Test {
                code: vec![Op::LoadAbsolute(Size::Half, extension::PROTOCOL)],
                jump: Jump::Equal,
                operand: Operand::K(protocol),
            },
        })
    }

    fn behind_labels(&mut self, protocol: u32) -> Result<Condition> {
        let version = match protocol {
            IPV4 => 0x40,
            IPV6 => 0x60,
            _ => {
                return Err(FilterError::new(
                    "behind \"mpls\" only IPv4 and IPv6 can be told, by their first digit",
                ));
            }
        };
        let bottom = self.compare_masked(Anchor::LastLabel, 2, Size::Byte, 1, 1);
        Ok(bottom.and(self.compare_masked(Anchor::Payload, 0, Size::Byte, version, 0xf0)))
    }

    fn ethernet_type(&mut self, protocol: u32) -> Condition {
        match protocol {
            SAP_IP | SAP_ISO | SAP_NETBEUI => {
                let length = self.is_length();
                length.and(self.compare(
                    Anchor::BehindLink,
                    0,
                    Size::Half,
                    protocol << 8 | protocol,
                ))
            }
            SAP_IPX => {
                let named = self.compare(Anchor::LinkType, 0, Size::Half, NOVELL);
                let length = self.is_length();
                let snap = self.snap(0, NOVELL);
                let llc = self.compare(Anchor::BehindLink, 0, Size::Byte, SAP_IPX);
                let bare = self.compare(Anchor::BehindLink, 0, Size::Half, 0xffff);
                named.or(length.and(snap.or(llc.or(bare))))
            }
            APPLE_TALK | AARP => {
                let named = self.compare(Anchor::LinkType, 0, Size::Half, protocol);
                let length = self.is_length();
                named.or(length.and(self.snap_of_apple(protocol)))
            }
            0..=MAX_LENGTH => {
                let length = self.is_length();
                length.and(self.compare(Anchor::BehindLink, 0, Size::Byte, protocol))
            }
            _ => self.compare(Anchor::LinkType, 0, Size::Half, protocol),
        }
    }

    pub(super) fn is_length(&mut self) -> Condition {
        self.test(Anchor::LinkType, 0, Size::Half, Jump::Greater, MAX_LENGTH).not()
    }

    fn cooked_type(&mut self, protocol: u32) -> Condition {
        // Numbers of linux/if_ether.h for frames without an EtherType.
        const NOVELL_802_3: u32 = 1;
        const LLC: u32 = 4;
        let is_llc = self.compare(Anchor::LinkType, 0, Size::Half, LLC);
        match protocol {
            SAP_IP | SAP_ISO | SAP_NETBEUI => is_llc.and(self.compare(
                Anchor::BehindLink,
                0,
                Size::Half,
                protocol << 8 | protocol,
            )),
            SAP_IPX => {
                let named = self.compare(Anchor::LinkType, 0, Size::Half, NOVELL);
                let bare = self.compare(Anchor::LinkType, 0, Size::Half, NOVELL_802_3);
                let llc = self.compare(Anchor::BehindLink, 0, Size::Byte, SAP_IPX);
                let snap = self.snap(0, NOVELL);
                named.or(bare.or(is_llc.and(llc.or(snap))))
            }
            APPLE_TALK | AARP => {
                let named = self.compare(Anchor::LinkType, 0, Size::Half, protocol);
                named.or(is_llc.and(self.snap_of_apple(protocol)))
            }
            0..=MAX_LENGTH => is_llc.and(self.compare(Anchor::BehindLink, 0, Size::Byte, protocol)),
            _ => self.compare(Anchor::LinkType, 0, Size::Half, protocol),
        }
    }

    /// Links on which everything has an LLC header.
    fn llc_type(&mut self, protocol: u32) -> Condition {
        match protocol {
            SAP_IP | SAP_ISO | SAP_NETBEUI => {
                self.compare(Anchor::BehindLink, 0, Size::Half, protocol << 8 | protocol)
            }
            APPLE_TALK => self.snap(0x08_0007, protocol),
            0..=MAX_LENGTH => self.compare(Anchor::BehindLink, 0, Size::Byte, protocol),
            _ => self.compare(Anchor::BehindLink, 6, Size::Half, protocol),
        }
    }

    fn snap_of_apple(&mut self, protocol: u32) -> Condition {
        self.snap(if protocol == APPLE_TALK { 0x08_0007 } else { 0 }, protocol)
    }

    /// SNAP with an organisation and its protocol (RFC 1042).
    fn snap(&mut self, organisation: u32, protocol: u32) -> Condition {
        let low = (organisation & 0xffff) << 16 | protocol;
        let protocol = self.compare(Anchor::BehindLink, 4, Size::Word, low);
        let begin = 0xaaaa_0300 | organisation >> 16;
        protocol.and(self.compare(Anchor::BehindLink, 0, Size::Word, begin))
    }

    /// A data frame of IEEE 802.11.
    pub(super) fn wireless_data(&mut self) -> Condition {
        let control = self.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x04);
        control.not().and(self.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x08))
    }

    /// In the byte order of the host that captured, or in network order.
    fn null_type(&mut self, protocol: u32) -> Condition {
        self.family(protocol, |compiler, family| {
            let other = compiler.compare(Anchor::Packet, 0, Size::Word, family.swap_bytes());
            compiler.compare(Anchor::Packet, 0, Size::Word, family).or(other)
        })
    }

    /// By address family: that of IPv6 has another number on each kind of system.
    fn family(
        &mut self,
        protocol: u32,
        mut test: impl FnMut(&mut Self, u32) -> Condition,
    ) -> Condition {
        let families: &[u32] = match protocol {
            IPV4 => &[2],
            IPV6 => &[10, 24, 28, 30],
            _ => &[],
        };
        let tests = families.iter().map(|family| test(self, *family));
        tests.reduce(Condition::or).unwrap_or(Condition::Always(false))
    }

    fn frame_relay_type(&mut self, protocol: u32) -> Condition {
        let mut named = |number: u32| self.compare(Anchor::Packet, 2, Size::Half, 0x0300 | number);
        match protocol {
            IPV4 => named(0xcc),
            IPV6 => named(0x8e),
            SAP_ISO => named(0x81).or(named(0x82).or(named(0x83))),
            _ => Condition::Always(false),
        }
    }
}

/// The PPP protocol number for an EtherType or access point (RFC 1661 and IANA's registry).
fn ppp_protocol(protocol: u32) -> u32 {
    match protocol {
        IPV4 => 0x21,
        IPV6 => 0x57,
        0x6003 => 0x27,
        APPLE_TALK => 0x29,
        0x0600 => 0x25,
        SAP_ISO => 0x23,
        SAP_BRIDGE => 0x31,
        SAP_IPX => 0x2b,
        other => other,
    }
}
