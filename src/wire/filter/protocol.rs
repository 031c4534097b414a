//! `tcp`, `arp`, `ip proto 6`: what a packet carries.

use super::ast::{Direction, Qualifiers};
use super::code::{Condition, Size};
use super::compiler::Compiler;
use super::error::{FilterError, Result};
use super::linktype::{IPV4, IPV6};
use super::place::{Anchor, LinkKind};
use super::word::Protocol;

/// The IPv6 fragment header.
const FRAGMENT: u32 = 44;
const SAP_ISO: u32 = 0xfe;

impl Compiler {
    /// A protocol alone.
    pub(super) fn protocol(&mut self, protocol: Protocol) -> Result<Condition> {
        use Protocol as P;
        match protocol {
            P::Link | P::Radio => Err(FilterError::new(format!(
                "\"{}\" alone selects nothing; it stands before an address, proto or […]",
                protocol.name()
            ))),
            P::Ip => self.link_type(IPV4),
            P::Ip6 => self.link_type(IPV6),
            P::Arp => self.link_type(0x0806),
            P::Rarp => self.link_type(0x8035),
            P::Tcp => self.ip_any(6),
            P::Udp => self.ip_any(17),
            P::Sctp => self.ip_any(132),
            P::Pim => self.ip_any(103),
            P::Ah => self.ip_any(51),
            P::Esp => self.ip_any(50),
            P::Icmp => self.ip4(1),
            P::Igmp => self.ip4(2),
            P::Igrp => self.ip4(9),
            P::Vrrp | P::Carp => self.ip4(112),
            P::Icmp6 => self.ip6(58),
            P::AppleTalk => self.link_type(0x809b),
            P::Aarp => self.link_type(0x80f3),
            P::Lat => self.link_type(0x6004),
            P::Sca => self.link_type(0x6007),
            P::MopDl => self.link_type(0x6001),
            P::MopRc => self.link_type(0x6002),
            P::Iso => self.link_type(SAP_ISO),
            P::Clnp => self.iso(0x81),
            P::Esis => self.iso(0x82),
            P::Stp => self.link_type(0x42),
            P::Ipx => self.link_type(0xe0),
            P::NetBeui => self.link_type(0xf0),
        }
    }

    /// `proto NUMBER`.
    pub(super) fn proto(&mut self, qualifiers: &Qualifiers, number: u32) -> Result<Condition> {
        if qualifiers.direction != Direction::Any {
            return Err(FilterError::new("\"proto\" has no direction"));
        }
        match qualifiers.protocol {
            None => self.ip_any(number),
            Some(Protocol::Ip) => self.ip4(number),
            Some(Protocol::Ip6) => self.ip6(number),
            Some(Protocol::Link) => self.link_type(number),
            Some(Protocol::Iso) => self.iso(number),
            Some(other) => Err(FilterError::new(format!(
                "\"{} proto\" means nothing: ip, ip6, ether and iso have protocols in them",
                other.name()
            ))),
        }
    }

    fn ip_any(&mut self, number: u32) -> Result<Condition> {
        Ok(self.ip4(number)?.or(self.ip6(number)?))
    }

    fn ip4(&mut self, number: u32) -> Result<Condition> {
        let ip = self.link_type(IPV4)?;
        Ok(ip.and(self.compare(Anchor::Payload, 9, Size::Byte, number)))
    }

    /// Directly behind the IPv6 header, or behind a fragment header there.
    fn ip6(&mut self, number: u32) -> Result<Condition> {
        let ip = self.link_type(IPV6)?;
        let direct = self.compare(Anchor::Payload, 6, Size::Byte, number);
        let fragment = self.compare(Anchor::Payload, 6, Size::Byte, FRAGMENT);
        let behind = self.compare(Anchor::Payload, 40, Size::Byte, number);
        Ok(ip.and(direct.or(fragment.and(behind))))
    }

    /// An OSI network protocol (ISO/IEC TR 9577).
    fn iso(&mut self, number: u32) -> Result<Condition> {
        if self.layout.kind == LinkKind::FrameRelay {
            return Ok(self.compare(Anchor::Packet, 2, Size::Half, 0x0300 | number));
        }
        let iso = self.link_type(SAP_ISO)?;
        // Cisco HDLC has a byte more before it.
        let at = u32::from(self.layout.kind == LinkKind::CiscoHdlc);
        Ok(iso.and(self.compare(Anchor::PayloadNoSnap, at, Size::Byte, number)))
    }
}
