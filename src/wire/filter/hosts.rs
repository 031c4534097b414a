//! The tests for addresses, ports and protocols.

mod parse;

use super::ast::{Address, Direction, Qualifiers, WirelessAddress};
use super::code::{Condition, Jump, Size};
use super::compiler::Compiler;
use super::error::{FilterError, Result};
use super::linktype::{IPV4, IPV6};
use super::place::{Anchor, LinkKind};
use super::word::Protocol;

pub(super) use parse::parse;

impl Compiler {
    pub(super) fn host(&mut self, qualifiers: &Qualifiers, address: &Address) -> Result<Condition> {
        let direction = qualifiers.direction;
        match *address {
            Address::Mac(mac) => self.link_host(direction, mac),
            _ if matches!(direction, Direction::Wireless(_)) => Err(FilterError::new(
                "addr1 to addr4, ra and ta stand before link addresses of IEEE 802.11 only",
            )),
            Address::V4 { address, mask } => {
                let (value, protocol) = (address.to_bits(), qualifiers.protocol);
                let mut in_header = |ether_type, source, destination| {
                    self.host4(direction, (value, mask), ether_type, source, destination)
                };
                match protocol {
                    Some(Protocol::Ip) => in_header(IPV4, 12, 16),
                    Some(Protocol::Arp) => in_header(0x0806, 14, 24),
                    Some(Protocol::Rarp) => in_header(0x8035, 14, 24),
                    Some(other) => Err(wrong_protocol(other, &address.to_string())),
                    None => {
                        let ip = in_header(IPV4, 12, 16)?;
                        if self.layout.labels > 0 {
                            return Ok(ip);
                        }
                        let mut in_header =
                            |ether_type| self.host4(direction, (value, mask), ether_type, 14, 24);
                        let arp = in_header(0x0806)?;
                        Ok(ip.or(arp.or(in_header(0x8035)?)))
                    }
                }
            }
            Address::V6 { address, mask } => match qualifiers.protocol {
                None | Some(Protocol::Ip6) => self.host6(direction, address.to_bits(), mask),
                Some(other) => Err(wrong_protocol(other, &address.to_string())),
            },
        }
    }

    fn host4(
        &mut self,
        direction: Direction,
        (value, mask): (u32, u32),
        ether_type: u32,
        source: u32,
        destination: u32,
    ) -> Result<Condition> {
        self.either_end(direction, source, destination, |compiler, at| {
            let carries = compiler.link_type(ether_type)?;
            Ok(carries.and(compiler.compare_masked(Anchor::Payload, at, Size::Word, value, mask)))
        })
    }

    fn host6(&mut self, direction: Direction, value: u128, mask: u128) -> Result<Condition> {
        self.either_end(direction, 8, 24, |compiler, at| {
            let mut all = compiler.link_type(IPV6)?;
            for word in 0..4 {
                let shift = 96 - 32 * word;
                let (value, mask) = ((value >> shift) as u32, (mask >> shift) as u32);
                let at = at + 4 * word;
                let same = compiler.compare_masked(Anchor::Payload, at, Size::Word, value, mask);
                all = all.and(same);
            }
            Ok(all)
        })
    }

    fn either_end(
        &mut self,
        direction: Direction,
        source: u32,
        destination: u32,
        mut test: impl FnMut(&mut Self, u32) -> Result<Condition>,
    ) -> Result<Condition> {
        match direction {
            Direction::Source => test(self, source),
            Direction::Destination => test(self, destination),
            Direction::Both => Ok(test(self, source)?.and(test(self, destination)?)),
            Direction::Any | Direction::Wireless(_) => {
                Ok(test(self, source)?.or(test(self, destination)?))
            }
        }
    }

    /// A link address.
    pub(super) fn link_host(&mut self, direction: Direction, mac: [u8; 6]) -> Result<Condition> {
        if self.layout.is_wireless() {
            return self.wireless_host(direction, mac);
        }
        if let Direction::Wireless(_) = direction {
            return Err(FilterError::new(format!(
                "addr1 to addr4, ra and ta are addresses of IEEE 802.11, and this is {}",
                self.layout.name()
            )));
        }
        let (destination, source) = match self.layout.kind {
            LinkKind::Ethernet => (0, 6),
            LinkKind::Fddi => (1, 7),
            LinkKind::TokenRing => (2, 8),
            _ => {
                return Err(FilterError::new(format!(
                    "\"ether\" addresses are not in {}",
                    self.layout.name()
                )));
            }
        };
        let test = self.either_end(direction, source, destination, |compiler, at| {
            Ok(compiler.compare_mac(at, mac))
        })?;
        Ok(match self.has_link_header() {
            Some(check) => check.and(test),
            None => test,
        })
    }

    fn wireless_host(&mut self, direction: Direction, mac: [u8; 6]) -> Result<Condition> {
        let address = match direction {
            Direction::Source => return Ok(self.wireless_source(mac)),
            Direction::Destination => {
                return Ok(self.wireless_destination(|compiler, at| compiler.compare_mac(at, mac)));
            }
            Direction::Both | Direction::Any => {
                let source = self.wireless_source(mac);
                let destination =
                    self.wireless_destination(|compiler, at| compiler.compare_mac(at, mac));
                return Ok(match direction {
                    Direction::Both => source.and(destination),
                    _ => source.or(destination),
                });
            }
            Direction::Wireless(address) => address,
        };
        let is_control = self.wireless_frame(0x0c, 0x04);
        let is_not_management = self.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x08);
        let has_second = {
            // Clear-to-send and acknowledgement have one address.
            let short = self.wireless_frame(0xf0, 0xc0).or(self.wireless_frame(0xf0, 0xd0));
            is_control.clone().and(short).not()
        };
        Ok(match address {
            WirelessAddress::First => self.compare_mac(4, mac),
            WirelessAddress::Second => has_second.and(self.compare_mac(10, mac)),
            WirelessAddress::Third => is_control.not().and(self.compare_mac(16, mac)),
            WirelessAddress::Fourth => {
                let both = self.compare_masked(Anchor::LinkHeader, 1, Size::Byte, 3, 3);
                both.and(self.compare_mac(24, mac))
            }
            WirelessAddress::Receiver => is_not_management.and(self.compare_mac(4, mac)),
            WirelessAddress::Transmitter => {
                is_not_management.and(has_second).and(self.compare_mac(10, mac))
            }
        })
    }

    fn wireless_frame(&mut self, mask: u32, value: u32) -> Condition {
        self.compare_masked(Anchor::LinkHeader, 0, Size::Byte, value, mask)
    }

    fn wireless_source(&mut self, mac: [u8; 6]) -> Condition {
        let to = |c: &mut Self| c.test(Anchor::LinkHeader, 1, Size::Byte, Jump::BitsSet, 0x01);
        let from = |c: &mut Self| c.test(Anchor::LinkHeader, 1, Size::Byte, Jump::BitsSet, 0x02);
        let data = |c: &mut Self| c.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x08);
        let control = self.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x04);
        let management = data(self).not().and(self.compare_mac(10, mac));
        let plain = from(self).not().and(self.compare_mac(10, mac));
        let relayed = to(self).not().and(self.compare_mac(16, mac));
        let between = to(self).and(self.compare_mac(24, mac));
        let from_system = from(self).and(relayed.or(between));
        let in_data = data(self).and(plain.or(from_system));
        control.not().and(management.or(in_data))
    }

    /// Tests the destination of a management or data frame, wherever it stands.
    pub(super) fn wireless_destination(
        &mut self,
        mut test: impl FnMut(&mut Self, u32) -> Condition,
    ) -> Condition {
        let to = |c: &mut Self| c.test(Anchor::LinkHeader, 1, Size::Byte, Jump::BitsSet, 0x01);
        let data = |c: &mut Self| c.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x08);
        let control = self.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x04);
        let management = data(self).not().and(test(self, 4));
        let direct = to(self).not().and(test(self, 4));
        let relayed = to(self).and(test(self, 16));
        let in_data = data(self).and(direct.or(relayed));
        control.not().and(management.or(in_data))
    }
}

fn wrong_protocol(protocol: Protocol, address: &str) -> FilterError {
    FilterError::new(format!("\"{}\" cannot stand before the address {address}", protocol.name()))
}
