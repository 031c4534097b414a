//! `port 80`, `portrange 80-90`: of TCP, UDP and SCTP, or of one of them.

use super::ast::{Direction, PortRange};
use super::code::{Condition, Jump, Size};
use super::compiler::Compiler;
use super::error::{FilterError, Result};
use super::linktype::{IPV4, IPV6};
use super::place::Anchor;

/// SCTP, TCP, UDP.
const TRANSPORTS: [u8; 3] = [132, 6, 17];

impl Compiler {
    pub(super) fn port(&mut self, direction: Direction, range: &PortRange) -> Result<Condition> {
        if let Direction::Wireless(_) = direction {
            return Err(FilterError::new(
                "addr1 to addr4, ra and ta stand before addresses of IEEE 802.11, not before ports",
            ));
        }
        let v6 = self.link_type(IPV6)?;
        let v6 = v6.and(self.any_transport(range, |compiler, transport| {
            let protocol = compiler.compare(Anchor::Payload, 6, Size::Byte, transport.into());
            protocol.and(compiler.port_of(Anchor::Transport6, direction, range))
        }));
        let v4 = self.link_type(IPV4)?;
        let v4 = v4.and(self.any_transport(range, |compiler, transport| {
            let protocol = compiler.compare(Anchor::Payload, 9, Size::Byte, transport.into());
            let first = compiler.no_later_fragment();
            let first = protocol.and(first);
            first.and(compiler.port_of(Anchor::Transport4, direction, range))
        }));
        Ok(v6.or(v4))
    }

    fn any_transport(
        &mut self,
        range: &PortRange,
        mut one: impl FnMut(&mut Self, u8) -> Condition,
    ) -> Condition {
        match range.transport {
            Some(transport) => one(self, transport),
            None => {
                let [first, second, third] = TRANSPORTS.map(|transport| one(self, transport));
                first.or(second.or(third))
            }
        }
    }

    pub(super) fn port_of(
        &mut self,
        anchor: Anchor,
        direction: Direction,
        range: &PortRange,
    ) -> Condition {
        let source = self.in_range(anchor, 0, range);
        let destination = self.in_range(anchor, 2, range);
        match direction {
            Direction::Source => source,
            Direction::Destination => destination,
            Direction::Both => source.and(destination),
            Direction::Any | Direction::Wireless(_) => source.or(destination),
        }
    }

    fn in_range(&mut self, anchor: Anchor, at: u32, range: &PortRange) -> Condition {
        let (first, last) = (u32::from(range.first), u32::from(range.last));
        if first == last {
            return self.compare(anchor, at, Size::Half, first);
        }
        let from = self.test(anchor, at, Size::Half, Jump::GreaterOrEqual, first);
        from.and(self.test(anchor, at, Size::Half, Jump::Greater, last).not())
    }
}
