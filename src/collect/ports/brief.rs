//! Connections that are too short for any look: they are over before the table is read again. Where
//! it is permitted, the kernel tells of each as it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::SignedDuration;

use super::ledger::HISTORY;
use crate::catalog::services;
use crate::model::event::{EventKind, SocketEvent};
use crate::model::owner::{Owner, Process};
use crate::model::table::{EndedRow, SocketRow};
use crate::model::tcp::TcpInfo;
use crate::sys;
use crate::sys::events::{Events, Scope, Watched};

/// The start of a process is known to a hundredth of a second.
const TICK: SignedDuration = SignedDuration::from_millis(10);

/// What the kernel tells of connections that end.
#[derive(Debug, Default)]
pub(super) enum Brief {
    /// Nobody has asked yet.
    #[default]
    Unasked,
    Opening(JoinHandle<Result<Events, sys::Error>>),
    Open(Box<Events>),
    /// It does not tell here. `doctor` says why.
    Closed,
}

impl Brief {
    /// The connections that ended since the last time, each as the last that is known of it.
    /// Nothing at first: the programs are taken into the kernel meanwhile.
    pub(super) fn take(&mut self) -> Vec<EndedRow> {
        self.open();
        let Self::Open(events) = self else { return Vec::new() };
        let mut ended = Vec::new();
        let polled = events.poll(Duration::ZERO, |event| {
            let is_end = matches!(event.event, EventKind::Closed | EventKind::Failed);
            if is_end && ended.len() < HISTORY {
                ended.push(event);
            }
        });
        if polled.is_err() {
            *self = Self::Closed;
        }
        let mut processes = HashMap::new();
        ended.iter().map(|event| row(event, &mut processes)).collect()
    }

    fn open(&mut self) {
        if let Self::Unasked = self {
            let thread = thread::Builder::new().name("sockpit-bpf".to_owned());
            let open = || Events::open(Scope { all_namespaces: true, watched: Watched::Ends });
            *self = thread.spawn(open).map_or(Self::Closed, Self::Opening);
        }
        if let Self::Opening(thread) = self
            && thread.is_finished()
            && let Self::Opening(thread) = std::mem::take(self)
        {
            *self = match thread.join() {
                Ok(Ok(events)) => Self::Open(Box::new(events)),
                _ => Self::Closed,
            };
        }
    }
}

/// What an event tells of a connection that is over.
fn row(event: &SocketEvent, processes: &mut HashMap<u32, Arc<Process>>) -> EndedRow {
    let mut socket = event.socket();
    if let Some(owner) = socket.owners.first_mut() {
        let named = Arc::clone(&owner.process);
        let process = processes.entry(named.pid).or_insert_with(|| whole(named, event));
        *owner = Owner::new(None, Arc::clone(process));
    }
    let lasted = event.duration_us.and_then(|us| i64::try_from(us).ok());
    let lasted = lasted.map(SignedDuration::from_micros);
    socket.first_seen = lasted.and_then(|lasted| event.at.checked_sub(lasted).ok());
    socket.service = services::of_socket(&socket);
    let (bytes_sent, bytes_received) = (event.bytes_sent, event.bytes_received);
    socket.tcp = Some(Box::new(TcpInfo { bytes_sent, bytes_received, ..TcpInfo::default() }));
    let key = socket.key();
    let row = SocketRow { key, socket, changed_at: None, appeared: true, observed_at: event.at };
    EndedRow { row: Arc::new(row), ended_at: event.at }
}

/// All about the process if it still lives; by its name else. One that began after the event only
/// has the same pid.
fn whole(named: Arc<Process>, event: &SocketEvent) -> Arc<Process> {
    let was_there = |process: &Process| {
        let began = process.started_at.and_then(|at| at.checked_sub(TICK).ok());
        began.is_some_and(|began| began <= event.at)
    };
    let read = sys::processes::read(named.pid).ok().filter(was_there);
    read.map_or(named, Arc::new)
}
