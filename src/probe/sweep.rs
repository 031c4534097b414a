//! Many ports of one host: who of them can be connected to at all. What can is then probed as any
//! other target. Ports of this host answer at once, and are knocked at from threads; what has no
//! answer yet waits for it beside others, up to a limit.

mod knock;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::{Fault, Scene};
use super::progress::Waterfall;
use super::target::{Carrier, Target};
use super::{Settings, Tally, local, resolve, verdict};
use crate::model::probe::{Attempt, ConnectDetail, Detail, ProbeReport, Stage};
use crate::sys::connecting;
use crate::sys::handshake::Phase;
use knock::{Found, Knock, Knockers, knock};

/// Fewer ports are probed one by one.
const FEWEST: usize = 64;
/// After as many ports without a pause others get their turn: an interrupt, the reader.
const BREATH: usize = 256;

/// A sweep over ports of one host.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'a> {
    targets: &'a [Target],
    settings: &'a Settings,
    concurrency: usize,
}

impl<'a> Sweep<'a> {
    /// A sweep where these targets are enough ports of one host, to be tried once; `None` where
    /// they are to be probed one by one.
    pub fn over(targets: &'a [Target], settings: &'a Settings, concurrency: usize) -> Option<Self> {
        let first = targets.first().filter(|_| targets.len() >= FEWEST)?;
        let is_one_host = targets.iter().all(|target| {
            target.host() == first.host()
                && matches!(target.protocol().carrier(), Carrier::Tcp | Carrier::Tls)
        });
        let once = settings.count == Some(1);
        (is_one_host && once).then_some(Self { targets, settings, concurrency })
    }

    /// Tries every port and tells each attempt that failed, with the target's place in the list.
    /// The places of those that are left to be probed. May be dropped at any moment.
    pub async fn run(&self, mut tell: impl FnMut(usize, Attempt)) -> Vec<usize> {
        let Some(first) = self.targets.first() else { return Vec::new() };
        // Nobody hears of the look-up: it is told with the ports.
        let (events, _) = tokio::sync::mpsc::channel(1);
        let mut waterfall = Waterfall::new(1, &events);
        let mut left: Vec<usize> = (0..self.targets.len()).collect();
        let addresses = resolve::addresses(first, self.settings, &mut waterfall).await;
        // Where there are none each port tells of it by itself.
        let Ok(addresses) = addresses else { return left };
        let mut open = Vec::new();
        for address in addresses {
            let mut closed = Vec::new();
            self.at(address, &left, |place, found| match found {
                Found::Open => open.push(place),
                Found::Failed(fault, detail) => {
                    closed.push(place);
                    tell(place, self.failed(place, address, &fault, *detail));
                }
            })
            .await;
            closed.sort_unstable();
            left = closed;
        }
        open.sort_unstable();
        open
    }

    /// The attempt at a port that cannot be connected to.
    fn failed(
        &self,
        place: usize,
        address: SocketAddr,
        fault: &Fault,
        detail: ConnectDetail,
    ) -> Attempt {
        let address = self.address(place, address);
        let mut scene = Scene::new(address, self.settings);
        scene.to_self = address.ip().is_loopback();
        scene.connect = ConnectDetail { remote: Some(address), ..detail };
        let verdict = verdict::of(fault, &scene);
        let detail = Detail::Connect(Box::new(scene.connect));
        let stages = vec![Stage { detail, ok: false, duration_us: 0 }];
        Attempt { seq: 1, address: Some(address), stages, verdict }
    }

    fn address(&self, place: usize, mut address: SocketAddr) -> SocketAddr {
        address.set_port(self.targets[place].port().unwrap_or(0));
        address
    }

    /// Tries the ports at these places of the list, at one address.
    async fn at(&self, address: SocketAddr, places: &[usize], mut found: impl FnMut(usize, Found)) {
        let ports: Vec<(usize, SocketAddr)> =
            places.iter().map(|place| (*place, self.address(*place, address))).collect();
        let is_own = local::route(address, &self.settings.outfit).is_ok_and(|route| route.to_self);
        let mut told = vec![false; self.targets.len()];
        if is_own
            && let Ok(mut knockers) =
                Knockers::begin(&ports, &self.settings.outfit, self.concurrency)
        {
            while let Some(batch) = knockers.next().await {
                for (place, what) in batch {
                    told[place] = true;
                    found(place, what);
                }
                tokio::task::yield_now().await;
            }
        }
        let left = ports.into_iter().filter(|(place, _)| !told[*place]);
        self.patiently(left, found).await;
    }

    /// Tries ports, of which some take their time.
    async fn patiently(
        &self,
        ports: impl Iterator<Item = (usize, SocketAddr)>,
        mut found: impl FnMut(usize, Found),
    ) {
        let mut waiting = FuturesUnordered::new();
        let mut idle: Option<Socket> = None;
        for (count, (place, to)) in ports.enumerate() {
            let mut ready = idle.take().map_or_else(|| self.socket(to), Ok);
            // Too many descriptors: one of those that wait gives its own back.
            if ready.is_err()
                && let Some((place, what)) = waiting.next().await
            {
                found(place, what);
                ready = self.socket(to);
            }
            match ready.map(|socket| knock(socket, to)) {
                Err(error) => found(place, Found::Failed(Fault::Here(error), Box::default())),
                Ok(Knock::Told(what, again)) => {
                    found(place, what);
                    idle = again;
                }
                Ok(Knock::Waits(socket)) => {
                    let patience = self.settings.connect_timeout();
                    waiting.push(async move { (place, wait(socket, patience).await) });
                }
            }
            while waiting.len() >= self.concurrency.max(1) {
                if let Some((place, what)) = waiting.next().await {
                    found(place, what);
                }
            }
            if count % BREATH == BREATH - 1 {
                tokio::task::yield_now().await;
            }
        }
        while let Some((place, what)) = waiting.next().await {
            found(place, what);
        }
    }

    fn socket(&self, to: SocketAddr) -> io::Result<Socket> {
        self.settings.outfit.stream(to)
    }
}

/// All that is known of a target whose attempts ended elsewhere; `None` where none did.
pub fn report(target: &Target, attempts: Vec<Attempt>) -> Option<ProbeReport> {
    let verdict = attempts.last()?.verdict.clone();
    let mut tally = Tally::default();
    attempts.iter().for_each(|attempt| tally.add(attempt));
    Some(ProbeReport {
        target: target.text().to_owned(),
        attempts,
        attempts_forgotten: 0,
        verdict,
        summary: tally.summary(),
        path: None,
        happy_eyeballs: None,
        health: Vec::new(),
    })
}

/// Waits for the answer to a SYN.
async fn wait(socket: Socket, patience: Duration) -> Found {
    let stream = match TcpStream::from_std(socket.into()) {
        Ok(stream) => stream,
        Err(error) => return Found::Failed(Fault::Here(error), Box::default()),
    };
    let ready = timeout(patience, stream.writable()).await;
    let socket = SockRef::from(&stream);
    let mut detail = ConnectDetail::default();
    while let Some((icmp, _)) = connecting::next_icmp_error(&socket) {
        detail.icmp.push(icmp);
    }
    let fault = match (ready, connecting::phase(&socket)) {
        (Err(_), _) => Fault::Silence,
        (Ok(Err(error)), _) => Fault::Here(error),
        (Ok(Ok(())), Ok(Phase::Open)) => {
            let _ = socket.set_linger(Some(Duration::ZERO));
            return Found::Open;
        }
        // An error that is not the last word: whoever probes it waits for that.
        (Ok(Ok(())), Ok(Phase::Connecting)) => return Found::Open,
        (Ok(Ok(())), _) => match socket.take_error() {
            Ok(None) => return Found::Open,
            Ok(Some(error)) | Err(error) => Fault::Connect { error, at_once: false },
        },
    };
    Found::Failed(fault, Box::new(detail))
}
