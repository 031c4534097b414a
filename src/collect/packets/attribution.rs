//! Packets put down to processes, when counts are published and not packet by packet.

use std::collections::HashMap;
use std::sync::Arc;

use super::flows::Entry;
use crate::model::flow_owner::FlowOwners;
use crate::model::owner::{Process, ProcessKey};
use crate::model::packets::{Count, FlowOwner, ProcessCount};

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
}

impl Attribution {
    /// Puts down what `flows` counted since the last time.
    pub(super) fn attribute(&mut self, flows: &mut [Entry], owners: &FlowOwners) {
        for flow in flows.iter_mut() {
            let new = flow.count.since(flow.attributed);
            if new.packets > 0 && self.attribute_flow(flow, new, owners) {
                flow.attributed = flow.count;
            }
        }
    }

    /// `false` leaves the packets for a later try.
    fn attribute_flow(&mut self, flow: &mut Entry, new: Count, owners: &FlowOwners) -> bool {
        let ends = owners.ends(&flow.id.key());
        let Some(principal) = ends.principal() else {
            // The socket may be gone, or not seen yet.
            return self.add_to_known(flow.owner, new);
        };
        flow.owner = self.add(principal, new);
        let other = if ends.b_first { &ends.a } else { &ends.b };
        if let Some(other) = other.as_ref().filter(|other| other.key() != principal.key()) {
            self.add(other, new);
        }
        true
    }

    fn add_to_known(&mut self, owner: u32, new: Count) -> bool {
        let Some(index) = (owner as usize).checked_sub(1) else { return false };
        self.processes[index].1 += new;
        true
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

    /// The process that [`Entry::owner`] stands for.
    pub(super) fn owner(&self, owner: u32) -> Option<FlowOwner> {
        let (process, _) = self.processes.get((owner as usize).checked_sub(1)?)?;
        Some(FlowOwner { pid: process.pid, name: process.name.clone() })
    }

    /// Every process with its packets, in no order.
    pub(super) fn processes(&self) -> impl Iterator<Item = ProcessCount> {
        self.processes.iter().map(|(process, count)| ProcessCount {
            pid: process.pid,
            name: process.name.clone(),
            count: *count,
        })
    }
}
