//! The flow table: bounded, and without allocating for a known flow. When it is full the flows
//! that ended longest ago make room, and what they counted is handed out.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use super::tcp::Connection;
use crate::model::packets::{Count, Flow, FlowEnd, FlowKey};
use crate::wire::frame::{
    Address, Application, Ip, Segment, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Transport,
};
use crate::wire::names;

const TCP: u8 = 6;

/// Flows that fit.
pub(super) const MAX_FLOWS: usize = 65_536;

/// How many packets are counted at once.
pub(super) const BATCH: usize = 32;

/// A slot holds the index of its flow plus one, and the upper bits of the flow's hash.
const INDEX_BITS: u32 = 17;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
const _: () = assert!(MAX_FLOWS < INDEX_MASK as usize);

/// What identifies a flow, in the form that compares fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlowId {
    a: Address,
    b: Address,
    /// Port of `a` in the upper half, of `b` in the lower.
    ports: u32,
    protocol: u8,
}

impl FlowId {
    /// The flow of a packet, and whether the packet goes from its greater end to its smaller.
    #[inline]
    pub(super) fn of(ip: &Ip) -> (Self, bool) {
        let (source_port, destination_port) = ip.transport.ports().unwrap_or((0, 0));
        let source = (ip.source, source_port);
        let destination = (ip.destination, destination_port);
        let backwards = source > destination;
        let (a, b) = if backwards { (destination, source) } else { (source, destination) };
        let ports = u32::from(a.1) << 16 | u32::from(b.1);
        (Self { a: a.0, b: b.0, ports, protocol: ip.protocol }, backwards)
    }

    /// Whether it is UDP.
    pub(super) fn is_datagram(&self) -> bool {
        self.protocol == 17
    }

    pub(super) fn key(&self) -> FlowKey {
        FlowKey {
            ip_protocol: self.protocol,
            a: FlowEnd { addr: self.a.into(), port: (self.ports >> 16) as u16 },
            b: FlowEnd { addr: self.b.into(), port: self.ports as u16 },
        }
    }
}

/// A packet on its way into the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    id: FlowId,
    hash: u64,
    /// From the greater end to the smaller.
    backwards: bool,
    /// TCP flags; 0 for others.
    flags: u8,
    /// Asks for a connection: SYN without ACK, or SCTP's INIT.
    opens: bool,
    /// Whether it was counted already, on another interface.
    again: bool,
    interface: u8,
    application: Application,
    segment: Option<Segment>,
    bytes: u32,
    time_ns: i64,
}

/// A packet as the table takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) bytes: u32,
    /// Number of the interface.
    pub(super) interface: usize,
    /// Whether it was counted already, on another interface.
    pub(super) again: bool,
    /// When, in nanoseconds since 1970; 0 where that is not known.
    pub(super) time_ns: i64,
    /// What is told of its payload.
    pub(super) application: Application,
    /// What is counted of a TCP segment.
    pub(super) segment: Option<Segment>,
}

/// Interfaces that a flow's path may have.
const MOST_INTERFACES: usize = 6;

impl Step {
    /// No packet; fills places that are not used yet.
    pub(super) const NONE: Self = Self {
        id: FlowId { a: Address::V4(0), b: Address::V4(0), ports: 0, protocol: 0 },
        hash: 0,
        backwards: false,
        flags: 0,
        opens: false,
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
}

/// What a flow counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) id: FlowId,
    /// From the smaller end to the greater, and back.
    directions: [Direction; 2],
    /// Number of its last packet among all packets of the table.
    last: u64,
    /// When its first packet was seen.
    pub(super) began_ns: i64,
    /// Interfaces that saw it, in that order: numbers plus one, 0 behind the last.
    path: [u8; MOST_INTERFACES],
    /// What its payload is, as soon as that was told.
    pub(super) application: Application,
    pub(super) connection: Connection,
    /// ICMP errors that speak of it, and type and code of the last.
    icmp_errors: (u32, u8, u8),
}

impl Entry {
    /// Both directions together.
    pub(super) fn count(&self) -> Count {
        let [there, back] = self.directions.map(|direction| direction.count);
        Count { packets: there.packets + back.packets, bytes: there.bytes + back.bytes }
    }

    #[inline]
    fn add(&mut self, step: &Step, number: u64) {
        self.note_interface(step.interface);
        if step.again {
            return;
        }
        let direction = &mut self.directions[usize::from(step.backwards)];
        direction.count.add(u64::from(step.bytes));
        direction.flags |= step.flags;
        direction.opened |= step.opens;
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
    pub(super) fn path(&self) -> impl Iterator<Item = usize> {
        self.path.iter().filter_map(|number| usize::from(*number).checked_sub(1))
    }

    /// Whether a TCP connection ended with it: by a reset, or by a FIN each way.
    fn has_ended(&self) -> bool {
        let [there, back] = self.directions.map(|direction| direction.flags);
        (there | back) & TCP_RST != 0 || there & back & TCP_FIN != 0
    }

    /// The end that was asked for a connection, where exactly one was: `true` for the greater.
    pub(super) fn was_opened_to_b(&self) -> Option<bool> {
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
    pub(super) fn went_only_to_b(&self) -> Option<bool> {
        let [there, back] = self.directions.map(|direction| direction.count.packets > 0);
        (there != back).then_some(there)
    }

    fn icmp_error(&self, key: &FlowKey) -> Cow<'static, str> {
        let (_, kind, code) = self.icmp_errors;
        if key.a.addr.is_ipv4() { names::icmp(kind, code) } else { names::icmpv6(kind, code) }
    }

    /// In the model's form, without its owners.
    pub(super) fn flow(&self) -> Flow {
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
            tcp: (key.ip_protocol == TCP).then(|| self.connection.of_flow()),
            icmp_errors: self.icmp_errors.0.into(),
            icmp_error: (self.icmp_errors.0 > 0).then(|| self.icmp_error(&key)),
        }
    }
}

/// What was made of a flow so far, which stays with its place in the table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributed {
    /// How much of its packets has been put down to processes.
    pub(super) count: Count,
    /// Index of the process at the smaller end, plus one; 0 while none is known.
    pub(super) a: u32,
    /// The same for the greater end.
    pub(super) b: u32,
    /// Whether the greater end is the one to name when only one can be.
    pub(super) b_first: bool,
    /// The end that a socket of this host serves at: `true` for the greater.
    pub(super) served_at_b: Option<bool>,
}

/// An open-addressed index over a list of flows.
#[derive(Debug)]
pub(super) struct FlowTable {
    slots: Box<[u32]>,
    entries: Vec<Entry>,
    /// By the same index.
    attributed: Vec<Attributed>,
    limit: usize,
    /// Packets so far.
    packets: u64,
    /// Flows that made room and were not taken yet.
    evicted: Vec<(Entry, Attributed)>,
    /// How often flows made room: indices changed then.
    sweeps: u64,
    /// Senders choose addresses and ports: an unknown seed keeps them from choosing slots.
    seed: u64,
}

impl FlowTable {
    pub(super) fn new(limit: usize) -> Self {
        let seed = RandomState::new().hash_one(0u8) | 1;
        let limit = limit.clamp(1, MAX_FLOWS);
        Self {
            slots: vec![0; 1024].into(),
            entries: Vec::new(),
            attributed: Vec::new(),
            limit,
            packets: 0,
            evicted: Vec::new(),
            sweeps: 0,
            seed,
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What was made of each of the entries.
    pub(super) fn attributed(&self) -> &[Attributed] {
        &self.attributed
    }

    /// The entries, and what is made of them.
    pub(super) fn split_attributed(&mut self) -> (&[Entry], &mut [Attributed]) {
        (&self.entries, &mut self.attributed)
    }

    /// Whether flows made room since [`FlowTable::take_evicted`].
    #[inline]
    pub(super) fn has_evicted(&self) -> bool {
        !self.evicted.is_empty()
    }

    /// The flows that made room.
    pub(super) fn take_evicted(&mut self) -> Vec<(Entry, Attributed)> {
        std::mem::take(&mut self.evicted)
    }

    /// What the table needs to know of a packet.
    #[inline]
    pub(super) fn step(&self, ip: &Ip, seen: &Seen) -> Step {
        let (id, backwards) = FlowId::of(ip);
        let (flags, opens) = match ip.transport {
            Transport::Tcp { flags: Some(flags), .. } => {
                (flags, flags & (TCP_SYN | TCP_ACK) == TCP_SYN)
            }
            Transport::Ports { opens, .. } => (0, opens),
            _ => (0, false),
        };
        Step {
            id,
            hash: self.hash(&id),
            backwards,
            flags,
            opens,
            again: seen.again,
            interface: seen.interface.try_into().unwrap_or(u8::MAX),
            application: seen.application,
            segment: seen.segment,
            bytes: seen.bytes,
            time_ns: seen.time_ns,
        }
    }

    /// Notes that an ICMP error speaks of a flow, if it is in the table.
    pub(super) fn note_icmp_error(&mut self, id: &FlowId, kind: u8, code: u8) {
        let hash = self.hash(id);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            let entry = &mut self.entries[(self.slots[at] & INDEX_MASK) as usize - 1];
            if entry.id == *id {
                entry.icmp_errors = (entry.icmp_errors.0.saturating_add(1), kind, code);
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Counts several packets. In a large table each costs a wait for memory or two; taking them
    /// stage by stage lets the processor wait for several at once.
    #[inline]
    pub(super) fn count(&mut self, steps: &[Step; BATCH], length: usize) {
        let steps = &steps[..length];
        let mut slots = [0; BATCH];
        let mask = self.slots.len() - 1;
        for (slot, step) in slots.iter_mut().zip(steps) {
            *slot = self.slots[step.hash as usize & mask];
        }
        let mut indices = [usize::MAX; BATCH];
        for ((index, slot), step) in indices.iter_mut().zip(slots).zip(steps) {
            *index = self.guess(slot, step).unwrap_or(usize::MAX);
        }
        let sweeps = self.sweeps;
        for (index, step) in indices.into_iter().zip(steps) {
            // The guess is wrong for a flow that is new or not in its first slot, and for all
            // after flows have made room.
            let is_right = index != usize::MAX && self.sweeps == sweeps;
            let index = if is_right { index } else { self.find_or_add(step) };
            self.packets += 1;
            self.entries[index].add(step, self.packets);
        }
    }

    /// The flow's index if it is the one that `slot` stands for.
    #[inline]
    fn guess(&self, slot: u32, step: &Step) -> Option<usize> {
        let index = ((slot & INDEX_MASK) as usize).wrapping_sub(1);
        let entry = self.entries.get(index)?;
        (entry.id == step.id).then_some(index)
    }

    fn find_or_add(&mut self, step: &Step) -> usize {
        let tag = tag(step.hash);
        let mask = self.slots.len() - 1;
        let mut at = step.hash as usize & mask;
        // At most half of the slots are in use, so the search ends.
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return self.add(step, at);
            }
            let index = (slot & INDEX_MASK) as usize - 1;
            if slot & !INDEX_MASK == tag && self.entries[index].id == step.id {
                return index;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn add(&mut self, step: &Step, at: usize) -> usize {
        let index = self.entries.len();
        if index == self.limit {
            self.make_room();
            return self.find_or_add(step);
        }
        self.entries.push(Entry {
            id: step.id,
            directions: [Direction::default(); 2],
            last: 0,
            began_ns: step.time_ns,
            path: [0; MOST_INTERFACES],
            application: Application::Unknown,
            connection: Connection::default(),
            icmp_errors: (0, 0, 0),
        });
        self.attributed.push(Attributed::default());
        self.slots[at] = tag(step.hash) | (index as u32 + 1);
        if (index + 1) * 2 > self.slots.len() {
            self.index_anew(self.slots.len() * 2);
        }
        index
    }

    /// Evicts an eighth of the flows: those that ended first, of these and of the others those
    /// whose last packet is oldest.
    fn make_room(&mut self) {
        let count = (self.limit / 8).max(1);
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.select_nth_unstable_by_key(count - 1, |index| {
            let entry = &self.entries[*index];
            (!entry.has_ended(), entry.last)
        });
        let mut is_evicted = vec![false; self.entries.len()];
        for index in &order[..count] {
            is_evicted[*index] = true;
            self.evicted.push((self.entries[*index], self.attributed[*index]));
        }
        keep(&mut self.entries, &is_evicted);
        keep(&mut self.attributed, &is_evicted);
        self.index_anew(self.slots.len());
        self.sweeps += 1;
    }

    fn index_anew(&mut self, size: usize) {
        let mut slots = vec![0u32; size].into_boxed_slice();
        let mask = slots.len() - 1;
        for (index, entry) in self.entries.iter().enumerate() {
            let hash = self.hash(&entry.id);
            let mut at = hash as usize & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = tag(hash) | (index as u32 + 1);
        }
        self.slots = slots;
    }

    #[inline]
    fn hash(&self, id: &FlowId) -> u64 {
        let rest = u64::from(id.ports) << 8 | u64::from(id.protocol);
        let (a, b) = match (id.a, id.b) {
            (Address::V4(a), Address::V4(b)) => (u64::from(a) << 32 | u64::from(b), 0),
            (a, b) => (self.fold(halves(a)), self.fold(halves(b)).rotate_left(17)),
        };
        mix(mix(a ^ self.seed, rest ^ FIRST), b ^ self.seed ^ SECOND)
    }

    fn fold(&self, (high, low): (u64, u64)) -> u64 {
        mix(high ^ self.seed, low ^ SECOND)
    }
}

/// Keeps what is not evicted, in its order.
fn keep<T>(all: &mut Vec<T>, is_evicted: &[bool]) {
    let mut evicted = is_evicted.iter();
    all.retain(|_| evicted.next() == Some(&false));
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32 & !INDEX_MASK
}

fn halves(address: Address) -> (u64, u64) {
    match address {
        Address::V4(number) => (1, u64::from(number)),
        Address::V6(high, low) => (high, low),
    }
}

// Fractional bits of pi: numbers without a pattern.
const FIRST: u64 = 0x243f_6a88_85a3_08d3;
const SECOND: u64 = 0x1319_8a2e_0370_7344;

/// Both halves of a product: every bit of either factor reaches every bit of it.
#[inline]
fn mix(x: u64, y: u64) -> u64 {
    let product = u128::from(x) * u128::from(y);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests;
