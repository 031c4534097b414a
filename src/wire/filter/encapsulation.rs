//! `vlan`, `mpls`, `pppoes` and `geneve`: tests after which the rest of the filter looks further
//! in.

use super::ast::{Direction, PortRange, Special};
use super::code::{Alu, Condition, Jump, Op, Operand, Size};
use super::compiler::Compiler;
use super::error::{FilterError, Result};
use super::linktype::{IPV4, IPV6};
use super::place::{Anchor, LinkKind, Place};

const GENEVE_PORT: u16 = 6081;
const UDP: u32 = 17;
const UDP_HEADER: u32 = 8;
/// Transparent Ethernet bridging, as the protocol in a tunnel.
const ETHERNET: u32 = 0x6558;

impl Compiler {
    pub(super) fn encapsulation(&mut self, special: &Special) -> Result<Condition> {
        match special {
            Special::Vlan(tag) => self.vlan(*tag),
            Special::Mpls(label) => self.mpls(*label),
            Special::PppoeSession(session) => self.pppoe_session(*session),
            Special::Geneve(network) => self.geneve(*network),
            _ => Ok(Condition::Always(false)),
        }
    }

    fn vlan(&mut self, tag: Option<u32>) -> Result<Condition> {
        if self.layout.labels > 0 {
            return Err(FilterError::new("\"vlan\" cannot stand behind \"mpls\""));
        }
        let is_wireless = self.layout.is_wireless() && self.layout.kind != LinkKind::Ppi;
        if self.layout.kind != LinkKind::Ethernet && !is_wireless {
            let name = self.layout.name();
            return Err(FilterError::new(format!("\"vlan\" tags are not in {name}")));
        }
        let mut tagged = self.link_type(0x8100)?;
        for other in [0x88a8, 0x9100] {
            tagged = tagged.or(self.link_type(other)?);
        }
        if let Some(tag) = tag {
            tagged = tagged.and(self.compare_masked(Anchor::Payload, 0, Size::Half, tag, 0x0fff));
        }
        self.layout.behind = self.layout.behind.plus(4);
        self.layout.link_type = self.layout.link_type.plus(4);
        Ok(tagged)
    }

    fn mpls(&mut self, label: Option<u32>) -> Result<Condition> {
        let mut labelled = if self.layout.labels > 0 {
            // Not the last label.
            self.compare_masked(Anchor::LastLabel, 2, Size::Byte, 0, 1)
        } else {
            match self.layout.kind {
                LinkKind::Ethernet | LinkKind::CiscoHdlc => self.link_type(0x8847)?,
                LinkKind::Ppp => self.link_type(0x0281)?,
                _ => {
                    let name = self.layout.name();
                    return Err(FilterError::new(format!("\"mpls\" labels are not in {name}")));
                }
            }
        };
        if let Some(label) = label {
            let (value, mask) = (label << 12, 0xffff_f000);
            labelled =
                labelled.and(self.compare_masked(Anchor::Payload, 0, Size::Word, value, mask));
        }
        self.layout.network += 4;
        self.layout.network_no_snap += 4;
        self.layout.labels += 1;
        Ok(labelled)
    }

    fn pppoe_session(&mut self, session: Option<u32>) -> Result<Condition> {
        let mut test = self.link_type(0x8864)?;
        if let Some(session) = session {
            test = test.and(self.compare_masked(Anchor::Payload, 0, Size::Word, session, 0xffff));
        }
        let link = self.layout.behind.plus(self.layout.network + 6);
        self.layout.kind = LinkKind::Ppp;
        self.layout.link = link;
        self.layout.link_type = link;
        self.layout.behind = link.plus(2);
        self.layout.network = 0;
        self.layout.network_no_snap = 0;
        Ok(test)
    }

    /// RFC 8926: behind UDP over IPv4 or IPv6; options, then an Ethernet frame or a network
    /// packet.
    fn geneve(&mut self, network: Option<u32>) -> Result<Condition> {
        let port = PortRange { first: GENEVE_PORT, last: GENEVE_PORT, transport: Some(UDP as u8) };
        let v4 = self.geneve_over(Anchor::Transport4, &port, network)?;
        let v6 = self.geneve_over(Anchor::Transport6, &port, network)?;
        let fixed = self.layout.behind.at.wrapping_add(self.layout.network);
        let registers =
            [self.take_place_register()?, self.take_place_register()?, self.take_place_register()?];
        let [link_type, link, behind] = registers;
        let find = Condition::Run(vec![
            // A has the way to the UDP header.
            Op::AluK(Alu::Add, fixed.wrapping_add(UDP_HEADER)),
            Op::Tax,
            Op::AluK(Alu::Add, 2),
            Op::Store(link_type),
            Op::LoadIndexed(Size::Byte, 0),
            Op::AluK(Alu::And, 0x3f),
            Op::AluK(Alu::Multiply, 4),
            Op::AluK(Alu::Add, 8),
            Op::AluX(Alu::Add),
            Op::Store(link),
            Op::Store(behind),
            Op::LoadIndexed(Size::Half, 2),
        ]);
        let is_ethernet =
            Condition::Test { code: Vec::new(), jump: Jump::Equal, operand: Operand::K(ETHERNET) };
        let further = Condition::RunIf(
            is_ethernet.into(),
            vec![
                Op::LoadMemory(link),
                Op::AluK(Alu::Add, 12),
                Op::Store(link_type),
                Op::AluK(Alu::Add, 2),
                Op::Store(behind),
            ],
        );
        let place = |register| Place { register: Some(register), at: 0 };
        self.layout.kind = LinkKind::Ethernet;
        self.layout.link = place(link);
        self.layout.link_type = place(link_type);
        self.layout.behind = place(behind);
        self.layout.network = 0;
        self.layout.network_no_snap = 3;
        self.layout.labels = 0;
        self.layout.in_tunnel = true;
        Ok(v4.or(v6).and(find.and(further)))
    }

    /// Leaves the way from the IP header to UDP in A.
    fn geneve_over(
        &mut self,
        anchor: Anchor,
        port: &PortRange,
        network: Option<u32>,
    ) -> Result<Condition> {
        let is_v4 = anchor == Anchor::Transport4;
        let ip = self.link_type(if is_v4 { IPV4 } else { IPV6 })?;
        let protocol = self.compare(Anchor::Payload, if is_v4 { 9 } else { 6 }, Size::Byte, UDP);
        let mut test = ip.and(protocol);
        if is_v4 {
            test = test.and(self.no_later_fragment());
        }
        test = test.and(self.port_of(anchor, Direction::Destination, port));
        test = test.and(self.compare_masked(anchor, UDP_HEADER, Size::Byte, 0, 0xc0));
        if let Some(network) = network {
            let (value, mask) = (network << 8, 0xffff_ff00);
            let at = UDP_HEADER + 4;
            test = test.and(self.compare_masked(anchor, at, Size::Word, value, mask));
        }
        let place = self.layout.place(Anchor::Payload);
        let way = if is_v4 {
            let mut code = self.header_length(place);
            code.push(Op::Txa);
            code
        } else {
            match place.register {
                None => vec![Op::LoadImmediate(40)],
                Some(register) => vec![Op::LoadMemory(register), Op::AluK(Alu::Add, 40)],
            }
        };
        Ok(test.and(Condition::Run(way)))
    }
}
