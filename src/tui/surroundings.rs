//! What is known around one socket: who is at its other end, and where its owners come from.
//! Looked up on a worker, for the one row whose details are open.

use std::sync::Arc;

use crate::inspect::{keepers, lineage};
use crate::model::owner::Process;
use crate::model::peer::{Peer, Peers};
use crate::model::socket::SocketKey;
use crate::model::table::{SocketRow, SocketTable};
use crate::text::keeper;

/// Owners whose parents are looked up.
const MOST_OWNERS: usize = 16;

/// A look around a row.
#[derive(Debug)]
pub struct LookAround {
    /// The row.
    pub row: Arc<SocketRow>,
    /// All rows, in which its peer may be.
    pub table: Arc<SocketTable>,
}

/// What it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Around which row.
    pub key: SocketKey,
    /// Who is at the other end, if that is on this machine.
    pub peer: Option<Peer>,
    /// By an owner's pid, its ancestors, parent first.
    pub parents: Vec<(u32, Vec<Process>)>,
}

impl LookAround {
    /// Looks.
    pub fn run(&self) -> Surroundings {
        let Self { row, table } = self;
        let sockets = table.rows.iter().map(|row| &row.socket);
        let peers = Peers::around(&row.socket, sockets);
        let peer = peers.of(&row.socket).map(Peer::of);
        let mut processes: Vec<&Process> =
            row.socket.owners.iter().map(|owner| &*owner.process).collect();
        processes.dedup_by_key(|process| process.pid);
        let lineage = |process: &Process| (process.pid, lineage::ancestors(process));
        let parents = processes.into_iter().take(MOST_OWNERS).map(lineage).collect();
        Surroundings { key: row.key, peer, parents }
    }
}

impl Surroundings {
    /// The ancestors of the owner with this pid.
    pub fn parents_of(&self, pid: u32) -> &[Process] {
        self.parents.iter().find(|(of, _)| *of == pid).map_or(&[], |(_, parents)| parents)
    }
}

/// Who keeps the holders of a row's socket: a clause for each, uncleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBy {
    /// Of which row.
    pub key: SocketKey,
    /// As `kill` and `why` word it.
    pub clauses: Vec<String>,
}

impl KeptBy {
    /// Asks the keepers. Blocks, for seconds where they are slow.
    pub fn ask(row: &SocketRow) -> Self {
        let found = keepers::of_socket(&row.socket);
        let clauses = keeper::clauses(&found).into_iter().map(|(_, clause)| clause).collect();
        Self { key: row.key, clauses }
    }
}
