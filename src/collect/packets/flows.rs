//! The flow table: bounded, without deletion, and without allocating for a known flow.

use std::hash::{BuildHasher, RandomState};

use crate::model::packets::{Count, Flow, FlowEnd, FlowKey};
use crate::wire::frame::{Address, Ip, Transport};
use crate::wire::names;

/// Flows that fit; packets of further ones are counted as lost to the table.
pub(super) const MAX_FLOWS: usize = 65_536;

/// How many packets are counted at once.
pub(super) const BATCH: usize = 32;

/// A slot holds the index of its flow plus one, and the upper bits of the flow's hash.
const INDEX_BITS: u32 = 17;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
const _: () = assert!(MAX_FLOWS < INDEX_MASK as usize);

/// What identifies a flow, in the form that compares fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    bytes: u32,
}

impl Step {
    /// No packet; fills places that are not used yet.
    pub(super) const NONE: Self = Self {
        id: FlowId { a: Address::V4(0), b: Address::V4(0), ports: 0, protocol: 0 },
        hash: 0,
        backwards: false,
        flags: 0,
        bytes: 0,
    };
}

/// What went one way, and the TCP flags that it had, OR-ed.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    count: Count,
    flags: u8,
}

/// What a flow counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) id: FlowId,
    /// From the smaller end to the greater, and back.
    ways: [Way; 2],
}

impl Entry {
    /// Both directions together.
    pub(super) fn count(&self) -> Count {
        let [there, back] = self.ways.map(|way| way.count);
        Count { packets: there.packets + back.packets, bytes: there.bytes + back.bytes }
    }

    #[inline]
    fn add(&mut self, step: &Step) {
        let way = &mut self.ways[usize::from(step.backwards)];
        way.count.add(u64::from(step.bytes));
        way.flags |= step.flags;
    }

    /// In the model's form, without its owner.
    pub(super) fn flow(&self) -> Flow {
        let key = self.id.key();
        let [there, back] = self.ways;
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
        }
    }
}

/// An open-addressed index over a list of flows.
#[derive(Debug)]
pub(super) struct FlowTable {
    slots: Box<[u32]>,
    entries: Vec<Entry>,
    limit: usize,
    /// Senders choose addresses and ports: an unknown seed keeps them from choosing slots.
    seed: u64,
    /// Packets of flows that found no room.
    pub(super) lost: u64,
}

impl FlowTable {
    pub(super) fn new(limit: usize) -> Self {
        let seed = RandomState::new().hash_one(0u8) | 1;
        let limit = limit.min(MAX_FLOWS);
        Self { slots: vec![0; 1024].into(), entries: Vec::new(), limit, seed, lost: 0 }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What the table needs to know of a packet.
    #[inline]
    pub(super) fn step(&self, ip: &Ip, bytes: u32) -> Step {
        let (id, backwards) = FlowId::of(ip);
        let flags = match ip.transport {
            Transport::Tcp { flags: Some(flags), .. } => flags,
            _ => 0,
        };
        Step { id, hash: self.hash(&id), backwards, flags, bytes }
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
        for (index, step) in indices.into_iter().zip(steps) {
            // The guess is wrong for a flow that is new or not in its first slot.
            let index = if index == usize::MAX { self.find_or_add(step) } else { Some(index) };
            match index {
                Some(index) => self.entries[index].add(step),
                None => self.lost += 1,
            }
        }
    }

    /// The flow's index if it is the one that `slot` stands for.
    #[inline]
    fn guess(&self, slot: u32, step: &Step) -> Option<usize> {
        let index = ((slot & INDEX_MASK) as usize).wrapping_sub(1);
        let entry = self.entries.get(index)?;
        (entry.id == step.id).then_some(index)
    }

    fn find_or_add(&mut self, step: &Step) -> Option<usize> {
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
                return Some(index);
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn add(&mut self, step: &Step, at: usize) -> Option<usize> {
        let index = self.entries.len();
        if index == self.limit {
            return None;
        }
        self.entries.push(Entry { id: step.id, ways: [Way::default(); 2] });
        self.slots[at] = tag(step.hash) | (index as u32 + 1);
        if (index + 1) * 2 > self.slots.len() {
            self.grow();
        }
        Some(index)
    }

    fn grow(&mut self) {
        let mut slots = vec![0u32; self.slots.len() * 2].into_boxed_slice();
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
mod tests {
    use super::*;

    fn packet(source: u32, port: u16) -> Ip {
        Ip {
            source: Address::V4(source),
            destination: Address::V4(0x0a00_0001),
            protocol: 17,
            transport: Transport::Ports { source: port, destination: 53 },
            inner: None,
        }
    }

    fn reply(to: &Ip) -> Ip {
        let (source, destination) = to.transport.ports().unwrap_or_default();
        Ip {
            source: to.destination,
            destination: to.source,
            transport: Transport::Ports { source: destination, destination: source },
            ..*to
        }
    }

    fn count(table: &mut FlowTable, ip: &Ip, bytes: u32) {
        let mut steps = [Step::NONE; BATCH];
        steps[0] = table.step(ip, bytes);
        table.count(&steps, 1);
    }

    #[test]
    fn both_directions_are_one_flow() {
        let mut table = FlowTable::new(MAX_FLOWS);
        let request = packet(0x0a00_0002, 4000);
        count(&mut table, &request, 60);
        count(&mut table, &reply(&request), 100);
        count(&mut table, &reply(&request), 100);
        let [entry] = table.entries() else { panic!("one flow") };
        let flow = entry.flow();
        assert_eq!(flow.a.to_owned(), FlowEnd { addr: [10, 0, 0, 1].into(), port: 53 });
        assert_eq!(flow.count, Count { packets: 3, bytes: 260 });
        assert_eq!((flow.packets_a_to_b, flow.bytes_a_to_b), (2, 200));
        assert_eq!((flow.packets_b_to_a, flow.bytes_b_to_a), (1, 60));
    }

    #[test]
    fn a_full_table_counts_what_it_turns_away() {
        let mut table = FlowTable::new(1000);
        for round in 0..2 {
            for source in 0..3000 {
                count(&mut table, &packet(source, 7), 60);
            }
            assert_eq!(table.lost, 2000 * (round + 1));
        }
        assert_eq!(table.entries().len(), 1000);
        assert!(table.entries().iter().all(|entry| entry.count().packets == 2));
    }

    #[test]
    fn the_largest_table_tells_all_its_flows_apart() {
        let mut table = FlowTable::new(MAX_FLOWS);
        for _ in 0..2 {
            for number in 0..=u16::MAX {
                count(&mut table, &packet(0x0b00_0000 | u32::from(number % 256), number), 1);
            }
        }
        assert_eq!((table.entries().len(), table.lost), (MAX_FLOWS, 0));
        assert!(table.entries().iter().all(|entry| entry.count().packets == 2));
    }

    #[test]
    fn ipv6_addresses_that_differ_in_any_half_are_told_apart() {
        let mut table = FlowTable::new(MAX_FLOWS);
        let address = |bit: u32| match bit {
            0..64 => Address::V6(1 << bit, 0),
            _ => Address::V6(0, 1 << (bit - 64)),
        };
        for source in 0..128 {
            for destination in 0..128 {
                count(
                    &mut table,
                    &Ip {
                        source: address(source),
                        destination: address(destination),
                        protocol: 58,
                        transport: Transport::None,
                        inner: None,
                    },
                    1,
                );
            }
        }
        // Unordered pairs, and each address with itself.
        assert_eq!(table.entries().len(), 128 * 127 / 2 + 128);
    }

    #[test]
    fn packets_of_a_batch_count_as_if_they_came_alone() {
        let mut together = FlowTable::new(3_000);
        let mut alone = FlowTable::new(3_000);
        let mut random = 1u32;
        for _ in 0..2_000 {
            let mut steps = [Step::NONE; BATCH];
            for step in &mut steps {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let request = packet(random >> 20, (random >> 8) as u16 & 1);
                let ip = if random & 0x80 == 0 { request } else { reply(&request) };
                *step = together.step(&ip, random >> 24);
                count(&mut alone, &ip, random >> 24);
            }
            together.count(&steps, BATCH);
        }
        assert_eq!(together.lost, alone.lost);
        assert!(together.lost > 0);
        let flows =
            |table: &FlowTable| -> Vec<_> { table.entries().iter().map(Entry::flow).collect() };
        assert_eq!(flows(&together), flows(&alone));
    }
}
