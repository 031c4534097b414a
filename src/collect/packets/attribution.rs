//! Packets put down to processes, when counts are published and not packet by packet.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::flows::{Attributed, Entry, FlowTable};
use crate::model::flow_owner::{FlowOwners, PortSet};
use crate::model::owner::{Process, ProcessKey};
use crate::model::packets::{Count, FlowOwner, ProcessCount};

const TCP: u8 = 6;
/// Processes that fit; packets of further ones are counted as lost to the table.
const MAX_PROCESSES: usize = 4_096;

/// What each process's flows counted. A flow that once had a process keeps it when the socket is
/// gone, and packets that came before the process was known are put down to it afterwards.
#[derive(Debug, Default)]
pub(super) struct Attribution {
    processes: Vec<(Arc<Process>, Count)>,
    by_key: HashMap<ProcessKey, usize>,
    /// Packets of processes that found no room.
    pub(super) lost: u64,
    /// What evicted flows counted without a process.
    pub(super) unattributed: Count,
}

impl Attribution {
    /// The ports of those flows that counted anything since the last time; `None` when none did.
    pub(super) fn ports(&self, flows: &FlowTable) -> Option<PortSet> {
        let mut ports = None;
        for (flow, attributed) in flows.entries().iter().zip(flows.attributed()) {
            if flow.count().since(attributed.count).packets > 0 {
                let ports: &mut PortSet = ports.get_or_insert_default();
                ports.insert_ends(&flow.id.key());
            }
        }
        ports
    }

    /// Puts down what the flows counted since the last time.
    pub(super) fn attribute(&mut self, flows: &mut FlowTable, owners: &FlowOwners) {
        let (flows, attributed) = flows.split_attributed();
        for (flow, attributed) in flows.iter().zip(attributed) {
            let count = flow.count();
            let new = count.since(attributed.count);
            if new.packets > 0 && self.attribute_flow(flow, attributed, new, owners) {
                attributed.count = count;
            }
        }
    }

    /// Whether the packets were put down; otherwise they are left for a later try.
    fn attribute_flow(
        &mut self,
        flow: &Entry,
        attributed: &mut Attributed,
        new: Count,
        owners: &FlowOwners,
    ) -> bool {
        let key = flow.id.key();
        let began = (flow.began_ns != 0).then(|| Timestamp::from_nanosecond(flow.began_ns.into()));
        let ends = owners.ends(&key, began.and_then(Result::ok));
        // A connection stays with who had it: its port may have another server by now.
        let is_settled = key.ip_protocol == TCP && !owners.is_connected(&key);
        if ends.principal().is_none() || (is_settled && (attributed.a, attributed.b) != (0, 0)) {
            // The socket may be gone, or not seen yet.
            return self.add_to_known(attributed, new);
        }
        let is_same = match (&ends.a, &ends.b) {
            (Some(a), Some(b)) => a.key() == b.key(),
            _ => false,
        };
        // A process that speaks to itself counts its packets once.
        let a = ends.a.as_ref().map(|process| self.add(process, new));
        let b = match &ends.b {
            Some(_) if is_same => a,
            other => other.as_ref().map(|process| self.add(process, new)),
        };
        // The process at an end that is not known any more is still the one that it was.
        attributed.a = a.unwrap_or(attributed.a);
        attributed.b = b.unwrap_or(attributed.b);
        attributed.b_first = ends.b_first;
        attributed.served_at_b = ends.served_at_b.or(attributed.served_at_b);
        true
    }

    /// What an evicted flow counted since the last time goes to the processes that it has.
    pub(super) fn fold(&mut self, count: Count, attributed: &Attributed) {
        let new = count.since(attributed.count);
        if new.packets > 0 && !self.add_to_known(attributed, new) {
            self.unattributed += new;
        }
    }

    /// Whether any process is known.
    fn add_to_known(&mut self, attributed: &Attributed, new: Count) -> bool {
        let Attributed { a, b, .. } = *attributed;
        let known = [a, if a == b { 0 } else { b }];
        for place in known.into_iter().filter_map(|index| (index as usize).checked_sub(1)) {
            self.processes[place].1 += new;
        }
        known != [0, 0]
    }

    /// The process's index plus one; 0 when there is no room for it.
    fn add(&mut self, process: &Arc<Process>, new: Count) -> u32 {
        let index = match self.by_key.get(&process.key()) {
            Some(index) => *index,
            None if self.processes.len() == MAX_PROCESSES => {
                self.lost += new.packets;
                return 0;
            }
            None => {
                let index = self.processes.len();
                self.processes.push((Arc::clone(process), Count::default()));
                self.by_key.insert(process.key(), index);
                index
            }
        };
        self.processes[index].1 += new;
        index as u32 + 1
    }

    /// The processes at the ends of a flow, and whether the one at the greater end goes first.
    pub(super) fn owners(&self, attributed: &Attributed) -> [Option<FlowOwner>; 2] {
        [attributed.a, attributed.b].map(|index| {
            let (process, _) = self.processes.get((index as usize).checked_sub(1)?)?;
            Some(FlowOwner { pid: process.pid, name: process.name.clone() })
        })
    }

    /// Every process with its packets, in no order.
    pub(super) fn processes(&self) -> impl Iterator<Item = ProcessCount> {
        self.processes.iter().map(|(process, count)| process_count(process, *count))
    }

    /// The processes that these flows have now, with their packets that were put down.
    pub(super) fn processes_of<'a>(
        &self,
        flows: impl Iterator<Item = (&'a Entry, &'a Attributed)>,
    ) -> Vec<ProcessCount> {
        let mut counts = vec![Count::default(); self.processes.len()];
        for (_, Attributed { count, a, b, .. }) in flows {
            let known = [*a, if a == b { 0 } else { *b }];
            for place in known.into_iter().filter_map(|index| (index as usize).checked_sub(1)) {
                counts[place] += *count;
            }
        }
        let all = self.processes.iter().zip(counts);
        all.filter(|(_, count)| count.packets > 0)
            .map(|((process, _), count)| process_count(process, count))
            .collect()
    }
}

fn process_count(process: &Process, count: Count) -> ProcessCount {
    ProcessCount { pid: process.pid, name: process.name.clone(), count }
}
