//! Packets put down to processes, when counts are published and not packet by packet.

use std::collections::HashMap;
use std::sync::Arc;

use super::flows::Entry;
use crate::model::flow_owner::{FlowOwners, PortSet};
use crate::model::owner::{Process, ProcessKey};
use crate::model::packets::{Count, FlowKey, FlowOwner, ProcessCount};

/// Processes that fit; packets of further ones are counted as lost to the table.
const MAX_PROCESSES: usize = 4_096;

/// What was made of a flow so far.
#[derive(Clone, Copy, Debug, Default)]
struct FlowState {
    /// How much of its packets has been put down to processes.
    attributed: Count,
    /// Index of the process to name, plus one; 0 while none is known.
    owner: u32,
}

/// What each process's flows counted. A flow that once had a process keeps it when the socket is
/// gone, and packets that came before the process was known are put down to it afterwards.
#[derive(Debug, Default)]
pub(super) struct Attribution {
    /// By the flow's place in the table.
    flows: Vec<FlowState>,
    processes: Vec<(Arc<Process>, Count)>,
    by_key: HashMap<ProcessKey, usize>,
    /// Packets of processes that found no room.
    pub(super) lost: u64,
}

impl Attribution {
    /// The ports of those `flows`, all of the table, that counted anything since the last time;
    /// `None` when none did.
    pub(super) fn ports(&self, flows: &[Entry]) -> Option<PortSet> {
        let mut ports = None;
        for (index, flow) in flows.iter().enumerate() {
            let attributed = self.flows.get(index).map(|state| state.attributed);
            if flow.count().since(attributed.unwrap_or_default()).packets > 0 {
                let FlowKey { a, b, .. } = flow.id.key();
                let ports: &mut PortSet = ports.get_or_insert_default();
                ports.insert(a.port);
                ports.insert(b.port);
            }
        }
        ports
    }

    /// Puts down what `flows`, all flows of the table, counted since the last time.
    pub(super) fn attribute(&mut self, flows: &[Entry], owners: &FlowOwners) {
        self.flows.resize(flows.len(), FlowState::default());
        for (index, flow) in flows.iter().enumerate() {
            let state = self.flows[index];
            let count = flow.count();
            let new = count.since(state.attributed);
            if new.packets == 0 {
                continue;
            }
            if let Some(owner) = self.attribute_flow(flow, state.owner, new, owners) {
                self.flows[index] = FlowState { attributed: count, owner };
            }
        }
    }

    /// The process to name from now on; `None` leaves the packets for a later try.
    fn attribute_flow(
        &mut self,
        flow: &Entry,
        known: u32,
        new: Count,
        owners: &FlowOwners,
    ) -> Option<u32> {
        let ends = owners.ends(&flow.id.key());
        let Some(principal) = ends.principal() else {
            // The socket may be gone, or not seen yet.
            return self.add_to_known(known, new);
        };
        let owner = self.add(principal, new);
        let other = if ends.b_first { &ends.a } else { &ends.b };
        if let Some(other) = other.as_ref().filter(|other| other.key() != principal.key()) {
            self.add(other, new);
        }
        Some(owner)
    }

    fn add_to_known(&mut self, owner: u32, new: Count) -> Option<u32> {
        let index = (owner as usize).checked_sub(1)?;
        self.processes[index].1 += new;
        Some(owner)
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

    /// The process to name for the flow at this place in the table.
    pub(super) fn owner(&self, flow: usize) -> Option<FlowOwner> {
        let owner = self.flows.get(flow)?.owner as usize;
        let (process, _) = self.processes.get(owner.checked_sub(1)?)?;
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
