//! Many ports of one host: who of them can be connected to at all. What can is then probed as any
//! other target.
//!
//! A socket whose connect was refused can be connected again: the second connect(2) tells what
//! became of the first and makes the socket new, so that a closed port of this host costs two
//! system calls. What has no answer yet waits for it beside others, up to a limit.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::{Fault, Scene};
use super::progress::Waterfall;
use super::target::{Carrier, Target};
use super::{Settings, Tally, local, resolve, verdict};
use crate::model::probe::{Attempt, ConnectDetail, Detail, ProbeReport, Stage};
use crate::sys::handshake::Phase;
use crate::sys::{connecting, errno};

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

/// What became of one port.
enum Found {
    /// It can be connected to, or seems so.
    Open,
    /// It cannot.
    Failed(Fault, Box<ConnectDetail>),
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
        let mut waiting = FuturesUnordered::new();
        let mut idle: Option<Socket> = None;
        for (count, &place) in places.iter().enumerate() {
            let to = self.address(place, address);
            let socket = match idle.take() {
                Some(socket) => Ok(socket),
                None => self.socket(to),
            };
            let socket = match socket {
                Ok(socket) => socket,
                // Too many descriptors: one of those that wait gives its own back.
                Err(error) => {
                    if let Some((place, what)) = waiting.next().await {
                        found(place, what);
                    }
                    match self.socket(to) {
                        Ok(socket) => socket,
                        Err(_) => {
                            let fault = Fault::Here(error);
                            found(place, Found::Failed(fault, Box::default()));
                            continue;
                        }
                    }
                }
            };
            match knock(&socket, to) {
                Knock::Refused(error) => {
                    let fault = Fault::Connect { error, at_once: false };
                    found(place, Found::Failed(fault, Box::default()));
                    idle = Some(socket);
                }
                Knock::Open => {
                    // Whoever probes it connects anew: nothing of this one shall linger.
                    let _ = socket.set_linger(Some(Duration::ZERO));
                    found(place, Found::Open);
                }
                Knock::Failed(error) => {
                    let mut detail = ConnectDetail::default();
                    while let Some((icmp, _)) = connecting::next_icmp_error(&socket) {
                        detail.icmp.push(icmp);
                    }
                    let at_once = detail.icmp.is_empty();
                    found(
                        place,
                        Found::Failed(Fault::Connect { error, at_once }, Box::new(detail)),
                    );
                }
                Knock::Waits => {
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
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        local::bind(&socket, to, self.settings.source)?;
        Ok(socket)
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
        health: Vec::new(),
    })
}

/// What two calls of connect(2) tell.
enum Knock {
    Open,
    Refused(io::Error),
    Failed(io::Error),
    Waits,
}

fn knock(socket: &Socket, to: SocketAddr) -> Knock {
    let to = SockAddr::from(to);
    match socket.connect(&to) {
        Ok(()) => return Knock::Open,
        Err(error) if errno::is_connecting(&error) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return Knock::Refused(error);
        }
        Err(error) => return Knock::Failed(error),
    }
    match socket.connect(&to) {
        Ok(()) => Knock::Open,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Knock::Refused(error),
        Err(error) if errno::is_connecting(&error) || errno::is_still_connecting(&error) => {
            Knock::Waits
        }
        Err(error) => Knock::Failed(error),
    }
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
