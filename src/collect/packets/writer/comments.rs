//! Whose each packet is, as a comment in the file.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Chunk;
use crate::collect::packets::sockets::Sockets;
use crate::model::flow_owner::{FlowOwners, PortSet};
use crate::model::owner::Process;
use crate::model::packets::FlowKey;

/// Between two looks at the sockets: each costs as much as tens of thousands of packets.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// How long a look may take.
const LOOK: Duration = Duration::from_millis(1_000);

/// Looks at the sockets.
pub(super) struct Comments {
    /// `None` where nobody is asked whose the packets are.
    sockets: Option<Sockets>,
    looked: Option<Instant>,
}

impl Comments {
    pub(super) fn new(sockets: Option<Sockets>) -> Self {
        Self { sockets, looked: None }
    }

    /// When it may look again; now, where it does not.
    pub(super) fn due(&self) -> Instant {
        let looked = self.looked.filter(|_| self.sockets.is_some());
        looked.map_or_else(Instant::now, |looked| looked + BETWEEN_LOOKS)
    }

    /// Whose these packets are, by a new look where one is due: a table that was read after they
    /// came knows their sockets, if any does.
    pub(super) fn look(&mut self, chunks: &[Chunk], is_last: bool) -> Option<Owners> {
        let is_due = is_last || self.due() <= Instant::now();
        let sockets = self.sockets.as_mut()?;
        let mut ports = PortSet::default();
        for flow in chunks.iter().flat_map(|chunk| &chunk.packets).filter_map(|meta| meta.flow) {
            ports.insert_ends(&flow);
        }
        if is_due {
            sockets.refresh_within(LOOK);
            self.looked = Some(Instant::now());
        }
        Some(Owners { owners: sockets.owners(&ports), known: HashMap::new() })
    }
}

/// Who holds the ends of some flows.
pub(super) struct Owners {
    owners: FlowOwners,
    known: HashMap<FlowKey, Option<String>>,
}

impl Owners {
    /// `pid 7 name`, or two of them; `None` where nobody is known.
    pub(super) fn comment(&mut self, flow: FlowKey) -> Option<&str> {
        let Self { owners, known } = self;
        known.entry(flow).or_insert_with(|| words(owners, &flow)).as_deref()
    }
}

fn words(owners: &FlowOwners, flow: &FlowKey) -> Option<String> {
    let ends = owners.ends(flow, None);
    let one = |end: &Option<Arc<Process>>| {
        end.as_ref().map(|process| format!("pid {} {}", process.pid, process.name))
    };
    match (one(&ends.a), one(&ends.b)) {
        (Some(a), Some(b)) if a != b => Some(format!("{a}, {b}")),
        (a, b) => a.or(b),
    }
}
