//! Knocking at ports, which tells at once what a host nearby answers.
//!
//! A socket whose connect was refused can be connected again: the second connect(2) tells what
//! became of the first and makes the socket new, so that a closed port of this host costs two
//! system calls.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use socket2::{SockAddr, Socket};
use tokio::sync::mpsc;

use super::super::fault::Fault;
use super::super::outfit::Outfit;
use crate::model::probe::ConnectDetail;
use crate::sys::{connecting, errno};

/// As many ports are told together.
const BATCH: usize = 256;
/// As many batches wait to be taken.
const BATCHES: usize = 4;
/// More threads than this find nothing to do: one tells what the others have found.
const MOST_THREADS: usize = 2;

/// What became of one port.
pub(super) enum Found {
    /// It can be connected to, or seems so.
    Open,
    /// It cannot.
    Failed(Fault, Box<ConnectDetail>),
}

impl Found {
    pub(super) fn refused(error: io::Error) -> Self {
        Self::Failed(Fault::Connect { error, at_once: false }, Box::default())
    }

    /// With what the error queue of its socket has.
    fn failed(error: io::Error, socket: &Socket) -> Self {
        let mut detail = ConnectDetail::default();
        while let Some((icmp, _)) = connecting::next_icmp_error(socket) {
            detail.icmp.push(icmp);
        }
        let at_once = detail.icmp.is_empty();
        Self::Failed(Fault::Connect { error, at_once }, Box::new(detail))
    }
}

/// What two calls of connect(2) tell.
pub(super) enum Knock {
    /// An answer; with the socket where it can be connected again.
    Told(Found, Option<Socket>),
    /// None yet.
    Waits(Socket),
}

/// Knocks at one port.
pub(super) fn knock(socket: Socket, to: SocketAddr) -> Knock {
    let to = SockAddr::from(to);
    let mut done = socket.connect(&to);
    if done.as_ref().is_err_and(errno::is_connecting) {
        done = socket.connect(&to);
    }
    match done {
        Ok(()) => {
            // Whoever probes it connects anew: nothing of this one shall linger.
            let _ = socket.set_linger(Some(Duration::ZERO));
            Knock::Told(Found::Open, None)
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Knock::Told(Found::refused(error), Some(socket))
        }
        Err(error) if errno::is_connecting(&error) || errno::is_still_connecting(&error) => {
            Knock::Waits(socket)
        }
        Err(error) => Knock::Told(Found::failed(error, &socket), None),
    }
}

/// A port by its place in the list, and what became of it.
type Batch = Vec<(usize, Found)>;

/// Threads that knock at ports of this very host, where an answer comes within the system call.
pub(super) struct Knockers {
    batches: Vec<mpsc::Receiver<Batch>>,
    next: usize,
}

impl Knockers {
    /// Begins; each of `ports` is a place in a list and an address. A thread ends where its work
    /// does, where nobody listens to it any more, and at a port that does not answer at once: what
    /// it has left is for more patient ones.
    pub(super) fn begin(
        ports: &[(usize, SocketAddr)],
        outfit: &Outfit,
        most: usize,
    ) -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(MOST_THREADS).min(most).max(1);
        let mut batches = Vec::new();
        for first in 0..threads {
            let own = ports.chunks(BATCH).skip(first).step_by(threads);
            let own: Vec<Vec<_>> = own.map(<[_]>::to_vec).collect();
            let (tell, told) = mpsc::channel(BATCHES);
            let outfit = outfit.clone();
            let work = move || knock_at_all(&own, &outfit, &tell);
            thread::Builder::new().name("knock".to_owned()).spawn(work)?;
            batches.push(told);
        }
        Ok(Self { batches, next: 0 })
    }

    /// The next ports, in the order of the list as long as all threads go on.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        while !self.batches.is_empty() {
            let turn = self.next % self.batches.len();
            if let Some(batch) = self.batches[turn].recv().await {
                self.next = turn + 1;
                return Some(batch);
            }
            self.batches.remove(turn);
            self.next = turn;
        }
        None
    }
}

fn knock_at_all(batches: &[Vec<(usize, SocketAddr)>], outfit: &Outfit, tell: &mpsc::Sender<Batch>) {
    let mut idle = None;
    for batch in batches {
        let mut told = Batch::with_capacity(batch.len());
        for (place, to) in batch {
            let Ok(ready) = idle.take().map_or_else(|| outfit.stream(*to), Ok) else { break };
            let Knock::Told(found, again) = knock(ready, *to) else { break };
            told.push((*place, found));
            idle = again;
        }
        let all = told.len() == batch.len();
        if tell.blocking_send(told).is_err() || !all {
            return;
        }
    }
}
