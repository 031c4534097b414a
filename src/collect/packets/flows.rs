//! The flow table: bounded, without deletion, and without allocating for a known flow.

use std::hash::{BuildHasher, RandomState};

use crate::model::packets::{Count, Flow, FlowEnd, FlowKey};
use crate::wire::frame::{Address, Ip, Transport};
use crate::wire::names;

/// Flows that fit; packets of further ones are counted as lost to the table.
pub(super) const MAX_FLOWS: usize = 65_536;

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

/// What a flow counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) id: FlowId,
    pub(super) count: Count,
    a_to_b: Count,
    flags_a_to_b: u8,
    flags_b_to_a: u8,
    /// How much of `count` has been put down to processes.
    pub(super) attributed: Count,
    /// Index of the process to name, plus one; 0 while none is known.
    pub(super) owner: u32,
}

impl Entry {
    fn new(id: FlowId) -> Self {
        Self {
            id,
            count: Count::default(),
            a_to_b: Count::default(),
            flags_a_to_b: 0,
            flags_b_to_a: 0,
            attributed: Count::default(),
            owner: 0,
        }
    }

    #[inline]
    fn add(&mut self, bytes: u64, backwards: bool, flags: u8) {
        self.count.add(bytes);
        if backwards {
            self.flags_b_to_a |= flags;
        } else {
            self.a_to_b.add(bytes);
            self.flags_a_to_b |= flags;
        }
    }

    /// In the model's form, without its owner.
    pub(super) fn flow(&self) -> Flow {
        let key = self.id.key();
        let back = self.count.since(self.a_to_b);
        Flow {
            protocol: names::ip_protocol(key.ip_protocol),
            ip_protocol: key.ip_protocol,
            a: key.a,
            b: key.b,
            count: self.count,
            packets_a_to_b: self.a_to_b.packets,
            bytes_a_to_b: self.a_to_b.bytes,
            packets_b_to_a: back.packets,
            bytes_b_to_a: back.bytes,
            flags_a_to_b: self.flags_a_to_b,
            flags_b_to_a: self.flags_b_to_a,
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

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    #[inline]
    pub(super) fn count(&mut self, ip: &Ip, bytes: u64) {
        let (id, backwards) = FlowId::of(ip);
        let flags = match ip.transport {
            Transport::Tcp { flags: Some(flags), .. } => flags,
            _ => 0,
        };
        match self.find_or_add(&id) {
            Some(index) => self.entries[index].add(bytes, backwards, flags),
            None => self.lost += 1,
        }
    }

    #[inline]
    fn find_or_add(&mut self, id: &FlowId) -> Option<usize> {
        let hash = self.hash(id);
        let tag = (hash >> 32) as u32 & !INDEX_MASK;
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        // At most half of the slots are in use, so the search ends.
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return self.add(id, hash, at, tag);
            }
            let index = (slot & INDEX_MASK) as usize - 1;
            if slot & !INDEX_MASK == tag && self.entries[index].id == *id {
                return Some(index);
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn add(&mut self, id: &FlowId, hash: u64, at: usize, tag: u32) -> Option<usize> {
        let index = self.entries.len();
        if index == self.limit {
            return None;
        }
        self.entries.push(Entry::new(*id));
        if (index + 1) * 2 > self.slots.len() {
            self.grow();
        } else {
            debug_assert_eq!(hash, self.hash(id));
            self.slots[at] = tag | (index as u32 + 1);
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
            slots[at] = (hash >> 32) as u32 & !INDEX_MASK | (index as u32 + 1);
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

    #[test]
    fn both_directions_are_one_flow() {
        let mut table = FlowTable::new(MAX_FLOWS);
        let request = packet(0x0a00_0002, 4000);
        table.count(&request, 60);
        table.count(&reply(&request), 100);
        table.count(&reply(&request), 100);
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
                table.count(&packet(source, 7), 60);
            }
            assert_eq!(table.lost, 2000 * (round + 1));
        }
        assert_eq!(table.entries().len(), 1000);
        assert!(table.entries().iter().all(|entry| entry.count.packets == 2));
    }

    #[test]
    fn the_largest_table_tells_all_its_flows_apart() {
        let mut table = FlowTable::new(MAX_FLOWS);
        for _ in 0..2 {
            for number in 0..=u16::MAX {
                table.count(&packet(0x0b00_0000 | u32::from(number % 256), number), 1);
            }
        }
        assert_eq!((table.entries().len(), table.lost), (MAX_FLOWS, 0));
        assert!(table.entries().iter().all(|entry| entry.count.packets == 2));
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
                table.count(
                    &Ip {
                        source: address(source),
                        destination: address(destination),
                        protocol: 58,
                        transport: Transport::None,
                    },
                    1,
                );
            }
        }
        // Unordered pairs, and each address with itself.
        assert_eq!(table.entries().len(), 128 * 127 / 2 + 128);
    }
}
