//! A flow: what identifies it, a packet on its way to it, and what it counted.

use std::borrow::Cow;

use crate::collect::packets::tcp::Connection;
use crate::model::packets::{Count, Flow, FlowEnd, FlowIcmp, FlowKey, IcmpKind};
use crate::wire::frame::{
    Address, Application, Ip, Segment, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Transport,
};
use crate::wire::names;

const TCP: u8 = 6;
/// That an ICMP flow has an identifier, in the place of ports.
const HAS_IDENT: u32 = 1 << 16;

/// What identifies a flow, in the form that compares fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::collect::packets) struct FlowId {
    pub(in crate::collect::packets) a: Address,
    pub(in crate::collect::packets) b: Address,
    /// Port of `a` in the upper half, of `b` in the lower. Of ICMP the identifier, with
    /// [`HAS_IDENT`].
    pub(in crate::collect::packets) ports: u32,
    pub(in crate::collect::packets) protocol: u8,
}

impl FlowId {
    /// The flow of a packet, and whether the packet goes from its greater end to its smaller.
    #[inline]
    pub(in crate::collect::packets) fn of(ip: &Ip) -> (Self, bool) {
        let (source_port, destination_port) = ip.transport.ports().unwrap_or((0, 0));
        let ident = match ip.transport {
            Transport::Icmp { ident: Some(ident), .. } => HAS_IDENT | u32::from(ident),
            _ => 0,
        };
        let source = (ip.source, source_port);
        let destination = (ip.destination, destination_port);
        let backwards = source > destination;
        let (a, b) = if backwards { (destination, source) } else { (source, destination) };
        let ports = u32::from(a.1) << 16 | u32::from(b.1) | ident;
        (Self { a: a.0, b: b.0, ports, protocol: ip.protocol }, backwards)
    }

    /// Whether it is UDP.
    pub(in crate::collect::packets) fn is_datagram(&self) -> bool {
        self.protocol == 17
    }

    pub(in crate::collect::packets) fn key(&self) -> FlowKey {
        let is_icmp = matches!(self.protocol, 1 | 58);
        let ports = if is_icmp { 0 } else { self.ports };
        FlowKey {
            ip_protocol: self.protocol,
            a: FlowEnd { addr: self.a.into(), port: (ports >> 16) as u16 },
            b: FlowEnd { addr: self.b.into(), port: ports as u16 },
            ident: (is_icmp && self.ports & HAS_IDENT != 0).then_some(self.ports as u16),
        }
    }
}

/// A packet on its way into the table.
#[derive(Clone, Copy, Debug)]
pub(in crate::collect::packets) struct Step {
    pub(in crate::collect::packets) id: FlowId,
    pub(in crate::collect::packets) hash: u64,
    /// From the greater end to the smaller.
    pub(in crate::collect::packets) backwards: bool,
    /// TCP flags; 0 for others.
    pub(in crate::collect::packets) flags: u8,
    /// Asks for a connection: SYN without ACK, or SCTP's INIT.
    pub(in crate::collect::packets) opens: bool,
    /// Type and code of an ICMP message.
    pub(in crate::collect::packets) icmp: Option<(u8, u8)>,
    /// Whether it was counted already, on another interface.
    pub(in crate::collect::packets) again: bool,
    pub(in crate::collect::packets) interface: u8,
    pub(in crate::collect::packets) application: Application,
    pub(in crate::collect::packets) segment: Option<Segment>,
    pub(in crate::collect::packets) bytes: u32,
    pub(in crate::collect::packets) time_ns: i64,
}

/// A packet as the table takes it.
#[derive(Clone, Copy, Debug)]
pub(in crate::collect::packets) struct Seen {
    pub(in crate::collect::packets) bytes: u32,
    /// Number of the interface.
    pub(in crate::collect::packets) interface: usize,
    /// Whether it was counted already, on another interface.
    pub(in crate::collect::packets) again: bool,
    /// When, in nanoseconds since 1970; 0 where that is not known.
    pub(in crate::collect::packets) time_ns: i64,
    /// What is told of its payload.
    pub(in crate::collect::packets) application: Application,
    /// What is counted of a TCP segment.
    pub(in crate::collect::packets) segment: Option<Segment>,
}

/// Interfaces that a flow's path may have.
const MOST_INTERFACES: usize = 6;

impl Step {
    /// No packet; fills places that are not used yet.
    pub(in crate::collect::packets) const NONE: Self = Self {
        id: FlowId { a: Address::V4(0), b: Address::V4(0), ports: 0, protocol: 0 },
        hash: 0,
        backwards: false,
        flags: 0,
        opens: false,
        icmp: None,
        again: false,
        interface: 0,
        application: Application::Unknown,
        segment: None,
        bytes: 0,
        time_ns: 0,
    };
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    count: Count,
    /// Every TCP flag that it had.
    flags: u8,
    /// Whether it asked for a connection.
    opened: bool,
    /// Type and code of its last ICMP message.
    icmp: Option<(u8, u8)>,
}

/// What a flow counted.
#[derive(Clone, Copy, Debug)]
pub(in crate::collect::packets) struct Entry {
    pub(in crate::collect::packets) id: FlowId,
    /// From the smaller end to the greater, and back.
    directions: [Direction; 2],
    /// Number of its last packet among all packets of the table.
    pub(in crate::collect::packets) last: u64,
    /// When its first packet was seen.
    pub(in crate::collect::packets) began_ns: i64,
    /// Interfaces that saw it, in that order: numbers plus one, 0 behind the last.
    path: [u8; MOST_INTERFACES],
    /// What its payload is, as soon as that was told.
    pub(in crate::collect::packets) application: Application,
    pub(in crate::collect::packets) connection: Connection,
    /// ICMP errors that speak of it, and type and code of the last.
    pub(in crate::collect::packets) icmp_errors: (u32, u8, u8),
}

impl Entry {
    /// A flow whose first packet this is; it is not counted yet.
    pub(in crate::collect::packets) fn new(step: &Step) -> Self {
        Self {
            id: step.id,
            directions: [Direction::default(); 2],
            last: 0,
            began_ns: step.time_ns,
            path: [0; MOST_INTERFACES],
            application: Application::Unknown,
            connection: Connection::default(),
            icmp_errors: (0, 0, 0),
        }
    }

    /// Both directions together.
    pub(in crate::collect::packets) fn count(&self) -> Count {
        let [there, back] = self.directions.map(|direction| direction.count);
        Count { packets: there.packets + back.packets, bytes: there.bytes + back.bytes }
    }

    /// Reads a little of each part, so that all of it is on its way from memory.
    #[inline]
    pub(in crate::collect::packets) fn touch(&self) -> u32 {
        let directions = self.directions.iter().fold(0, |sum, one| sum ^ one.flags);
        u32::from(directions) ^ self.last as u32 ^ self.connection.touch()
    }

    #[inline]
    pub(in crate::collect::packets) fn add(&mut self, step: &Step, number: u64) {
        self.note_interface(step.interface);
        if step.again {
            return;
        }
        let direction = &mut self.directions[usize::from(step.backwards)];
        direction.count.add(u64::from(step.bytes));
        direction.flags |= step.flags;
        direction.opened |= step.opens;
        direction.icmp = step.icmp.or(direction.icmp);
        self.last = number;
        if self.application == Application::Unknown {
            self.application = step.application;
        }
        if let Some(segment) = &step.segment {
            let from = usize::from(step.backwards);
            self.connection.note(from, step.flags, segment, step.time_ns);
        }
    }

    #[inline]
    fn note_interface(&mut self, interface: u8) {
        let number = interface.saturating_add(1);
        let known = self.path.iter_mut().find(|known| **known == number || **known == 0);
        if let Some(known) = known {
            *known = number;
        }
    }

    /// Numbers of the interfaces that saw it, in that order.
    pub(in crate::collect::packets) fn path(&self) -> impl Iterator<Item = usize> {
        self.path.iter().filter_map(|number| usize::from(*number).checked_sub(1))
    }

    /// Whether a TCP connection ended with it: by a reset, or by a FIN each way.
    pub(in crate::collect::packets) fn has_ended(&self) -> bool {
        let [there, back] = self.directions.map(|direction| direction.flags);
        (there | back) & TCP_RST != 0 || there & back & TCP_FIN != 0
    }

    /// The end that was asked for a connection, where exactly one was: `true` for the greater.
    pub(in crate::collect::packets) fn was_opened_to_b(&self) -> Option<bool> {
        let [there, back] = self.directions.map(|direction| direction.opened);
        let accepts = |flags: u8| flags & (TCP_SYN | TCP_ACK) == TCP_SYN | TCP_ACK;
        match (there, back) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            (true, true) => None,
            // The SYN came before the capture; its answer names the same end.
            (false, false) => {
                let [there, back] = self.directions.map(|direction| accepts(direction.flags));
                (there != back).then_some(back)
            }
        }
    }

    /// The end that packets went to, where none came back: `true` for the greater.
    pub(in crate::collect::packets) fn went_only_to_b(&self) -> Option<bool> {
        let [there, back] = self.directions.map(|direction| direction.count.packets > 0);
        (there != back).then_some(there)
    }

    fn icmp_error(&self, key: &FlowKey) -> Cow<'static, str> {
        let (_, kind, code) = self.icmp_errors;
        icmp_name(key, kind, code)
    }

    /// What its ICMP messages are, each way.
    fn icmp(&self, key: &FlowKey) -> Option<FlowIcmp> {
        let [a_to_b, b_to_a] = self.directions.map(|direction| {
            let (kind, code) = direction.icmp?;
            Some(IcmpKind { r#type: kind, code, name: icmp_name(key, kind, code) })
        });
        let is_any = a_to_b.is_some() || b_to_a.is_some();
        is_any.then_some(FlowIcmp { ident: key.ident, a_to_b, b_to_a })
    }

    /// In the model's form, without its owners.
    pub(in crate::collect::packets) fn flow(&self) -> Flow {
        let key = self.id.key();
        let [there, back] = self.directions;
        Flow {
            protocol: names::ip_protocol(key.ip_protocol),
            ip_protocol: key.ip_protocol,
            a: key.a,
            b: key.b,
            count: self.count(),
            packets_a_to_b: there.count.packets,
            bytes_a_to_b: there.count.bytes,
            packets_b_to_a: back.count.packets,
            bytes_b_to_a: back.count.bytes,
            flags_a_to_b: there.flags,
            flags_b_to_a: back.flags,
            owner: None,
            owner_a: None,
            owner_b: None,
            interfaces: Vec::new(),
            application: self.application.name().map(Cow::Borrowed),
            server: None,
            icmp: self.icmp(&key),
            tcp: (key.ip_protocol == TCP).then(|| self.connection.of_flow()),
            icmp_errors: self.icmp_errors.0.into(),
            icmp_error: (self.icmp_errors.0 > 0).then(|| self.icmp_error(&key)),
        }
    }
}

fn icmp_name(key: &FlowKey, kind: u8, code: u8) -> Cow<'static, str> {
    if key.a.addr.is_ipv4() { names::icmp(kind, code) } else { names::icmpv6(kind, code) }
}
