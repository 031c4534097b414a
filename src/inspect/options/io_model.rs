//! Who waits on a socket, over all its owners.

use std::collections::{BTreeSet, HashMap};

use crate::model::options::{IoModel, SigioOwner, Watcher};
use crate::model::socket::{Socket, State};
use crate::sys::options::ProcessWaits;

/// No more processes than this are looked at for one socket.
const MAX_PROCESSES: usize = 64;

/// What processes wait for, looked up once each; `None` where not readable.
#[derive(Debug, Default)]
pub(super) struct Waits(HashMap<u32, Option<ProcessWaits>>);

/// What a duplicate told of how it is used; nothing where there was none.
#[derive(Clone, Debug, Default)]
pub(super) struct Flags {
    pub(super) nonblocking: Option<bool>,
    pub(super) sigio: Option<SigioOwner>,
}

/// Who waits, and whether that is all there is to know.
pub(super) struct Model {
    pub(super) model: IoModel,
    /// Whether nothing else of the owners that are known can wait on it.
    pub(super) is_whole: bool,
    /// The owners whose programs pass it on to those that they start.
    pub(super) passed_on: Vec<u32>,
}

impl Waits {
    /// What the owners tell of the socket with this inode; `pid` is asked in any case. `None`
    /// where nothing was readable.
    pub(super) fn model(
        &mut self,
        socket: &Socket,
        pid: Option<u32>,
        inode: u64,
        flags: Flags,
    ) -> Option<Model> {
        let owners = socket.owners.iter().map(|owner| owner.process.pid);
        let mut pids: Vec<u32> = owners.chain(pid).filter(|_| inode != 0).collect();
        pids.sort_unstable();
        pids.dedup();
        let mut is_whole = !pids.is_empty() && pids.len() <= MAX_PROCESSES;
        let mut readable = flags.nonblocking.is_some();
        let Flags { nonblocking, sigio } = flags;
        let mut model = IoModel { nonblocking, sigio, ..IoModel::default() };
        let mut passed_on = Vec::new();
        for pid in pids.into_iter().take(MAX_PROCESSES) {
            let known = self.0.entry(pid).or_insert_with(|| ProcessWaits::of(pid).ok());
            let Some(waits) = known else {
                is_whole = false;
                continue;
            };
            let waiting = waits.on(inode);
            model.watchers.extend(waiting.watchers);
            model.blocked_in.extend(waiting.blocked);
            readable = true;
            is_whole &= waits.is_whole();
            if waits.passes_on(inode) == Some(true) {
                passed_on.push(pid);
            }
        }
        model.summary = readable.then(|| summary(socket, &model));
        readable.then_some(Model { model, is_whole, passed_on })
    }
}

/// How its program waits, in one sentence.
fn summary(socket: &Socket, model: &IoModel) -> String {
    let of_epoll = || model.watchers.iter().filter(|watcher| watcher.kind == "epoll");
    let processes: BTreeSet<u32> = of_epoll().map(|watcher| watcher.pid).collect();
    let has = |watcher: &Watcher, name: &str| watcher.events.iter().any(|event| event == name);
    let listens = socket.state == State::Listen;
    if let Some(first) = of_epoll().next() {
        let count = of_epoll().count();
        let trigger = match () {
            () if has(first, "EPOLLONESHOT") => "one-shot",
            () if has(first, "EPOLLET") => "edge-triggered",
            () => "level-triggered",
        };
        let place = match (count, processes.len()) {
            (1, _) => "one instance".to_owned(),
            (count, 1) => format!("{count} instances of one process"),
            (count, processes) if count == processes => format!("{count} processes"),
            (count, processes) => format!("{count} instances of {processes} processes"),
        };
        let exclusive = of_epoll().all(|watcher| has(watcher, "EPOLLEXCLUSIVE"));
        let wakes = match (listens, count, exclusive, trigger) {
            (true, 2.., false, "level-triggered") => {
                format!(" without EPOLLEXCLUSIVE: every connection wakes all {count}")
            }
            (true, 2.., true, _) => ": EPOLLEXCLUSIVE, so that a connection wakes one".to_owned(),
            (.., "edge-triggered") => {
                ": the program has to read until EAGAIN, or it gets no further event".to_owned()
            }
            (.., "one-shot") => ": it gets one event, and has to arm it again".to_owned(),
            _ => String::new(),
        };
        return format!("{trigger} epoll in {place}{wakes}");
    }
    if let Some(first) = model.blocked_in.first() {
        let call = &first.syscall;
        let same = model.blocked_in.iter().filter(|thread| thread.syscall == *call).count();
        let threads = if same == 1 { "one thread".to_owned() } else { format!("{same} threads") };
        return format!("{threads} asleep in {call} on it");
    }
    if let Some(ring) = model.watchers.iter().find(|watcher| watcher.kind == "io_uring") {
        return match ring.events.is_empty() {
            true => "its program has an io_uring, which may wait on it",
            false => "it is registered with an io_uring of its program",
        }
        .to_owned();
    }
    if let Some(owner) = &model.sigio {
        return format!("SIGIO goes to {} {} when something happens on it", owner.kind, owner.id);
    }
    let mode = match model.nonblocking {
        Some(true) => "it is non-blocking, and ",
        Some(false) => "it is blocking, and ",
        None => "",
    };
    format!("{mode}no thread was seen waiting on it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::options::BlockedThread;
    use crate::model::socket::{Endpoint, Family, Protocol};

    fn told(state: State, watchers: &[(u32, &[&str])], blocked: usize) -> String {
        let local = Endpoint::ip([127, 0, 0, 1], 8080);
        let socket = Socket::new(Family::Ipv4, Protocol::Tcp, state, local);
        let watcher = |(pid, events): &(u32, &[&str])| Watcher {
            pid: *pid,
            kind: "epoll".to_owned(),
            fd: Some(5),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
        };
        let thread = BlockedThread { pid: 7, tid: 8, syscall: "accept4".to_owned() };
        let model = IoModel {
            nonblocking: Some(true),
            watchers: watchers.iter().map(watcher).collect(),
            blocked_in: vec![thread; blocked],
            ..IoModel::default()
        };
        summary(&socket, &model)
    }

    #[test]
    fn how_a_program_waits_is_one_sentence() {
        let all: Vec<(u32, &[&str])> = (1..=4).map(|pid| (pid, &["EPOLLIN"][..])).collect();
        assert_eq!(
            told(State::Listen, &all, 0),
            "level-triggered epoll in 4 processes without EPOLLEXCLUSIVE: every connection wakes \
             all 4"
        );
        let exclusive: Vec<(u32, &[&str])> =
            (1..=2).map(|pid| (pid, &["EPOLLIN", "EPOLLEXCLUSIVE"][..])).collect();
        assert!(told(State::Listen, &exclusive, 0).ends_with("a connection wakes one"));
        let edge = told(State::Established, &[(1, &["EPOLLIN", "EPOLLET"])], 0);
        assert!(edge.starts_with("edge-triggered epoll in one instance"), "{edge}");
        assert_eq!(told(State::Listen, &[], 3), "3 threads asleep in accept4 on it");
        let nobody = told(State::Established, &[], 0);
        assert_eq!(nobody, "it is non-blocking, and no thread was seen waiting on it");
    }
}
