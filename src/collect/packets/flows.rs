//! The flow table: bounded, and without allocating for a known flow. When it is full the flows
//! that ended longest ago make room, and what they counted is handed out.

mod entry;

use std::hash::{BuildHasher, RandomState};

use crate::model::packets::Count;
use crate::wire::frame::{Address, Ip, TCP_ACK, TCP_SYN, Transport};
pub(super) use entry::{Entry, FlowId, Seen, Step};

/// Flows that fit.
pub(super) const MAX_FLOWS: usize = 65_536;

/// How many packets are counted at once.
pub(super) const BATCH: usize = 32;

/// A slot holds the index of its flow plus one, and the upper bits of the flow's hash.
const INDEX_BITS: u32 = 17;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
const _: () = assert!(MAX_FLOWS < INDEX_MASK as usize);

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

    pub(super) fn limit(&self) -> usize {
        self.limit
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
        let icmp = match ip.transport {
            Transport::Icmp { kind, code, .. } => Some((kind, code)),
            _ => None,
        };
        Step {
            id,
            hash: self.hash(&id),
            backwards,
            flags,
            opens,
            icmp,
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
        let mask = self.slots.len() - 1;
        let touched = steps.iter().fold(0, |sum, step| sum ^ self.slots[step.hash as usize & mask]);
        let mut indices = [usize::MAX; BATCH];
        for (index, step) in indices.iter_mut().zip(steps) {
            *index = self.guess(step.hash).unwrap_or(usize::MAX);
        }
        let known = indices.iter().filter_map(|index| self.entries.get(*index));
        std::hint::black_box(known.fold(touched, |sum, entry| sum ^ entry.touch()));
        let sweeps = self.sweeps;
        for (index, step) in indices.into_iter().zip(steps) {
            // There is no guess for a flow that is new or far from its first slot, and none is
            // right after flows have made room.
            let guessed = self.entries.get(index).filter(|entry| entry.id == step.id);
            let is_right = guessed.is_some() && self.sweeps == sweeps;
            let index = if is_right { index } else { self.find_or_add(step) };
            self.packets += 1;
            self.entries[index].add(step, self.packets);
        }
    }

    /// The index that the first slots have for a hash: mostly that of its flow.
    #[inline]
    fn guess(&self, hash: u64) -> Option<usize> {
        const FIRST_SLOTS: usize = 4;
        let mask = self.slots.len() - 1;
        let first = hash as usize;
        let slots = (first..first + FIRST_SLOTS).map(|at| self.slots[at & mask]);
        let slot = slots.take_while(|slot| *slot != 0).find(|slot| slot & !INDEX_MASK == tag(hash));
        slot.map(|slot| (slot & INDEX_MASK) as usize - 1)
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
        self.entries.push(Entry::new(step));
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
