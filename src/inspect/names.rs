//! Names for addresses, from whatever this system asks: the hosts file, DNS.
//!
//! A name server that does not answer holds a look-up for as long as the system's resolver
//! is configured to wait, and nothing can end it earlier. So look-ups run on threads of their
//! own, few at a time, and whoever wants names waits no longer than it said.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::{self, Formatter};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::health::{Health, Source};
use crate::model::socket::{Endpoint, HostName, Socket};
use crate::sys::lookup::LookupFailure;
use crate::sys::resolve;

/// Look-ups that run at the same time.
const PARALLEL: usize = 32;

/// What came of asking for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameAnswer {
    /// The address has this name, uncleaned.
    Name(HostName),
    /// It has none.
    NoName,
    /// Nobody answered.
    NoAnswer,
}

/// Asks the system for the name of an address. Blocks for as long as its resolver takes.
pub fn ask(addr: IpAddr) -> NameAnswer {
    match resolve::name_of(addr) {
        Ok(name) => told(&name),
        Err(error) => match error.failure {
            LookupFailure::NoSuchName | LookupFailure::NoAddress => NameAnswer::NoName,
            LookupFailure::Temporary | LookupFailure::Other => NameAnswer::NoAnswer,
        },
    }
}

/// Whoever answers for an address may say anything. Another address is no name: it would
/// stand where addresses stand.
fn told(name: &str) -> NameAnswer {
    let is_name = !name.trim().is_empty() && name.parse::<IpAddr>().is_err();
    if is_name { NameAnswer::Name(HostName(name.into())) } else { NameAnswer::NoName }
}

/// The address to ask for: as plain IPv4 where it is mapped. `None` for the wildcard.
pub fn askable(end: &Endpoint) -> Option<IpAddr> {
    end.canonical_addr().filter(|addr| !addr.is_unspecified())
}

type Asker = dyn Fn(IpAddr) -> NameAnswer + Send + Sync;

/// Names that were asked for, each once.
pub struct Names {
    ask: Arc<Asker>,
    known: HashMap<IpAddr, NameAnswer>,
    /// Asked for, and no answer has come.
    open: HashSet<IpAddr>,
    running: Arc<AtomicUsize>,
    tell: Sender<(IpAddr, NameAnswer)>,
    told: Receiver<(IpAddr, NameAnswer)>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { known, open, .. } = self;
        f.debug_struct("Names").field("known", known).field("open", open).finish_non_exhaustive()
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::asking(ask)
    }
}

impl Names {
    fn asking(ask: impl Fn(IpAddr) -> NameAnswer + Send + Sync + 'static) -> Self {
        let (tell, told) = channel();
        Self {
            ask: Arc::new(ask),
            known: HashMap::new(),
            open: HashSet::new(),
            running: Arc::default(),
            tell,
            told,
        }
    }

    /// Writes into the ends of these sockets what they are called, waiting for at most
    /// `limit` in all. The line says how many addresses stayed numbers for want of an answer.
    pub fn fill<'a>(
        &mut self,
        sockets: impl IntoIterator<Item = &'a mut Socket>,
        limit: Duration,
    ) -> Health {
        let mut sockets: Vec<&mut Socket> = sockets.into_iter().collect();
        let wanted: HashSet<IpAddr> = sockets.iter().flat_map(|socket| ends(socket)).collect();
        self.look_up(&wanted, limit);
        for socket in &mut sockets {
            let remote = socket.remote.as_mut();
            for end in std::iter::once(&mut socket.local).chain(remote) {
                end.name = askable(end).and_then(|addr| self.name(addr)).cloned().map(Box::new);
            }
        }
        self.health(&wanted, limit)
    }

    /// The name of an address that was asked for.
    fn name(&self, addr: IpAddr) -> Option<&HostName> {
        match self.known.get(&addr)? {
            NameAnswer::Name(name) => Some(name),
            NameAnswer::NoName | NameAnswer::NoAnswer => None,
        }
    }

    fn health(&self, wanted: &HashSet<IpAddr>, limit: Duration) -> Health {
        let is_open = |addr: &&IpAddr| {
            self.known.get(addr).is_none_or(|known| *known == NameAnswer::NoAnswer)
        };
        match wanted.iter().filter(is_open).count() {
            0 => Health::ready(Source::Names),
            open => Health::degraded(
                Source::Names,
                format!(
                    "no answer within {} s to what {open} of {} addresses are called: they stay \
                     numbers",
                    limit.as_secs(),
                    wanted.len()
                ),
            ),
        }
    }

    fn look_up(&mut self, wanted: &HashSet<IpAddr>, limit: Duration) {
        let deadline = Instant::now() + limit;
        // What came too late for the last time.
        while let Ok((addr, answer)) = self.told.try_recv() {
            self.take(addr, answer);
        }
        let is_new = |addr: &&IpAddr| !self.known.contains_key(addr) && !self.open.contains(addr);
        let mut queue: Vec<IpAddr> = wanted.iter().filter(is_new).copied().collect();
        queue.sort_unstable();
        let queue = Arc::new(Mutex::new(VecDeque::from(queue)));
        self.start_workers(&queue);
        while wanted.iter().any(|addr| !self.known.contains_key(addr)) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((addr, answer)) = self.told.recv_timeout(left) else { break };
            self.take(addr, answer);
        }
        // Whoever was not asked for yet may be asked for another time.
        let unasked = std::mem::take(&mut *queue.lock().unwrap_or_else(PoisonError::into_inner));
        let is_open = |addr: &&IpAddr| !self.known.contains_key(addr) && !unasked.contains(addr);
        self.open.extend(wanted.iter().filter(is_open));
    }

    fn take(&mut self, addr: IpAddr, answer: NameAnswer) {
        self.open.remove(&addr);
        self.known.insert(addr, answer);
    }

    /// As many as are of use, and no more than may run beside those that still wait for a
    /// name server from before.
    fn start_workers(&self, queue: &Arc<Mutex<VecDeque<IpAddr>>>) {
        let waiting = queue.lock().unwrap_or_else(PoisonError::into_inner).len();
        let room = PARALLEL.saturating_sub(self.running.load(Ordering::Acquire));
        for _ in 0..waiting.min(room) {
            let (ask, queue) = (Arc::clone(&self.ask), Arc::clone(queue));
            let (running, tell) = (Arc::clone(&self.running), self.tell.clone());
            running.fetch_add(1, Ordering::AcqRel);
            let work = move || {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                while let Some(addr) = next() {
                    // Fails only when nobody wants names any more.
                    if tell.send((addr, ask(addr))).is_err() {
                        break;
                    }
                }
                running.fetch_sub(1, Ordering::AcqRel);
            };
            if thread::Builder::new().name("names".to_owned()).spawn(work).is_err() {
                self.running.fetch_sub(1, Ordering::AcqRel);
                return;
            }
        }
    }
}

/// The addresses of a socket that could have names.
fn ends(socket: &Socket) -> impl Iterator<Item = IpAddr> {
    std::iter::once(&socket.local).chain(&socket.remote).filter_map(askable)
}

#[cfg(test)]
mod tests;
