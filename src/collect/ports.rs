//! The socket table, sampled again and again: what is there, what changed, and what ended.

mod brief;
pub mod ledger;
mod meter;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Collector, Control, Feed, Round, spawn as spawn_collector};
use crate::model::ephemeral;
use crate::model::health::{Health, Source};
use crate::model::table::SocketTable;
use crate::model::tables::Tables;
use crate::sys;
use crate::sys::listing::Coverage;
pub use crate::sys::listing::{Backend, Reach};
use brief::Brief;
use ledger::Ledger;

/// So many descriptors of processes that ran are looked up at each look: about a third of what
/// a look costs at this many, and more than all that run on most machines have.
const MOST_DESCRIPTORS: usize = 10_000;
/// From this share of the range of outgoing ports on, in per cent, it is worth a word.
const NEARLY_FULL: u32 = 70;

/// Starts sampling the sockets of this network namespace every `period`, or as often as the
/// collector's share of CPU permits. Without a `backend` the best one there is.
pub fn spawn(
    period: Duration,
    backend: Option<Backend>,
) -> io::Result<(Feed<SocketTable>, Steering)> {
    let ports = Ports { brief: Some(Brief::default()), ..Ports::new(backend) };
    let steering = ports.steering.clone();
    Ok((spawn_collector(ports, period, false)?, steering))
}

/// Tells a running collector what to look at, from its next look on.
#[derive(Clone, Debug, Default)]
pub struct Steering {
    all_netns: Arc<AtomicBool>,
}

impl Steering {
    /// Sets how far to look.
    pub fn set_reach(&self, reach: Reach) {
        self.all_netns.store(reach == Reach::All, Ordering::Relaxed);
    }

    fn reach(&self) -> Reach {
        if self.all_netns.load(Ordering::Relaxed) { Reach::All } else { Reach::Own }
    }
}

/// Lists sockets and keeps the books on them.
#[derive(Debug)]
pub struct Ports {
    backend: Option<Backend>,
    table: Option<sys::sockets::Table>,
    ledger: Ledger,
    host: Arc<str>,
    steering: Steering,
    tables: Tables,
    most_descriptors: Option<usize>,
    /// Where the kernel tells of connections between two looks, if that is wanted.
    brief: Option<Brief>,
}

impl Ports {
    /// A collector that has seen nothing yet.
    pub fn new(backend: Option<Backend>) -> Self {
        Self {
            backend,
            table: None,
            ledger: Ledger::default(),
            host: sys::host::name().into(),
            steering: Steering::default(),
            tables: Tables::ALL,
            most_descriptors: Some(MOST_DESCRIPTORS),
            brief: None,
        }
    }

    /// Looks at the sockets of these tables alone.
    #[must_use]
    pub fn of_tables(self, tables: Tables) -> Self {
        Self { tables, ..self }
    }

    /// The same, but looking up so many descriptors at most; without a limit it is certain of
    /// every owner at every look, and of every rate at the second, however long that takes.
    #[must_use]
    pub fn limited(mut self, descriptors: Option<usize>) -> Self {
        self.most_descriptors = descriptors;
        if descriptors.is_none() {
            self.ledger.measure_all();
        }
        self
    }

    /// What tells it how far to look.
    pub fn steering(&self) -> &Steering {
        &self.steering
    }

    fn list(&mut self) -> Result<sys::listing::Listing<sys::listing::Listed>, sys::Error> {
        let table = match &mut self.table {
            Some(table) => table,
            // One worker: a refresh may take its time, but not a second core.
            none => none.insert(sys::sockets::Table::open(self.backend, 1)?),
        };
        table.set_reach(self.steering.reach());
        table.ask_for(self.tables);
        table.limit(self.most_descriptors);
        table.list(self.ledger.known())
    }

    /// One look at everything, with the difference from the look before. The table shows every
    /// change only to someone who takes every look, as a feed's reader need not.
    pub fn look(&mut self) -> Result<(SocketTable, Vec<Health>), sys::Error> {
        let listing = self.list()?;
        let all_netns = matches!(listing.coverage, Coverage::AllBut(_));
        self.ledger.cover(listing.coverage);
        // After the listing: what it lacks has been told by now.
        self.ledger.tell(self.brief.as_mut().map(Brief::take).unwrap_or_default());
        let mut table = self.ledger.update(listing.sockets, Timestamp::now());
        table.netns = sys::netns::own();
        table.host = Arc::clone(&self.host);
        table.privileged = listing.privileged;
        table.listen = sys::tcp_ext::listen();
        table.listen_elsewhere = listing.listen_elsewhere;
        let own = table.rows.iter().map(|row| &row.socket);
        let own = own.filter(|socket| !table.is_elsewhere(socket.netns));
        table.fullest = ephemeral::fullest(own, &sys::port_rules::read(), NEARLY_FULL);
        table.all_netns = all_netns;
        table.unverified = listing.unverified;
        Ok((table, listing.health))
    }
}

impl Collector for Ports {
    type Value = SocketTable;

    fn name(&self) -> &'static str {
        "ports"
    }

    fn sample(&mut self, _: &Control) -> Round<SocketTable> {
        let clock = sys::clock::thread_cpu();
        let started = Instant::now();
        let (value, health) = match self.look() {
            Ok((table, health)) => (Some(Arc::new(table)), health),
            Err(error) => {
                // The next round starts afresh.
                self.table = None;
                (None, vec![Health::unavailable(Source::Sockets, error.to_string())])
            }
        };
        let spent = || Some(sys::clock::thread_cpu()?.saturating_sub(clock?));
        Round { value, health, cost: Some(spent().unwrap_or_else(|| started.elapsed())) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::model::owner::OwnershipKind;
    use crate::model::table::SocketRow;

    #[test]
    fn an_idle_connection_is_the_same_row_though_its_clocks_run() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _server = listener.accept().unwrap();
        let at = client.local_addr().unwrap();
        let mut ports = Ports::new(None);
        let mut row = || {
            let (table, _) = ports.look().unwrap();
            let is_ours = |row: &&Arc<SocketRow>| row.socket.local.socket_addr() == Some(at);
            table.rows.iter().find(is_ours).map(Arc::clone).unwrap()
        };
        let idle = |row: &SocketRow| row.socket.tcp.as_ref().unwrap().last_data_received_ms;
        let mut last = row();
        assert!(idle(&last).is_some());
        // Another test that starts a program shares the socket for a moment, which is a change.
        let is_same = (0..20).any(|_| {
            // Twice the tolerance: a clock that is read anew differs by as much.
            std::thread::sleep(Duration::from_millis(400));
            let now = row();
            let is_same = Arc::ptr_eq(&last, &now);
            last = now;
            is_same
        });
        assert!(is_same);
    }

    #[tokio::test]
    async fn a_listener_comes_and_goes() {
        let (mut feed, _) = spawn(Duration::from_millis(5), None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let row = loop {
            assert!(feed.changed().await);
            let sample = feed.latest();
            let Some(table) = &sample.value else { continue };
            let row = table.rows.iter().find(|row| row.socket.local.socket_addr() == Some(at));
            if let Some(row) = row {
                break Arc::clone(row);
            }
        };
        assert_eq!(row.socket.ownership.kind, OwnershipKind::Owned);
        assert_eq!(row.socket.owners[0].process.pid, std::process::id());
        drop(listener);
        loop {
            assert!(feed.changed().await);
            let sample = feed.latest();
            let table = sample.value.as_ref().unwrap();
            if let Some(ended) = table.find_ended(row.key) {
                assert!(table.find(row.key).is_none());
                assert!(ended.ended_at >= row.socket.first_seen.unwrap());
                break;
            }
        }
    }
}
