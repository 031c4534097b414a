//! One attempt at one address: its stages in order, and the verdict.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::dialogue::recognise;
use super::fault::{Ending, Fault, Manners, Scene};
use super::progress::Waterfall;
use super::transport::tcp::{self, Connection, Heard};
use super::{Settings, local, verdict};
use crate::model::health::Health;
use crate::model::probe::{Detail, GreetingDetail, LocalDetail, RouteKind, StageName, Verdict};

/// How long a connected peer is given to say something, to hang up or to break off, beside the
/// two round trips that its answer takes.
const LISTEN: Duration = Duration::from_millis(100);
/// How long a peer is given to end its side after ours, beside the two round trips.
const FAREWELL: Duration = Duration::from_millis(250);
/// An answer that takes longer does not come from this host in another's place.
const NEARBY: Duration = Duration::from_millis(2);

/// What came of an attempt.
pub(super) struct Tried {
    /// The answer.
    pub verdict: Verdict,
    /// Whether a connection came about, whatever happened on it.
    pub connected: bool,
    /// What could not be looked at.
    pub health: Option<Health>,
}

/// Tries a TCP connection to `address`. `first` tells that this address was not tried before, so
/// that what stays the same from try to try is looked up.
pub(super) async fn tcp(
    address: SocketAddr,
    first: bool,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Tried {
    waterfall.aim(address);
    let mut scene = Scene::new(address, settings);
    let way = way(&mut scene, settings, waterfall).await;
    let connected = way.is_ok();
    let verdict = match way {
        Err(fault) => verdict::of(&fault, &scene),
        Ok((connection, rtt)) => {
            let talk = Talk { rtt, first, settings };
            talk.hold(connection, &mut scene, waterfall).await
        }
    };
    Tried { verdict, connected, health: scene.evidence.health }
}

/// From here to an open connection, and how long its handshake took.
async fn way(
    scene: &mut Scene,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Result<(Connection, Duration), Fault> {
    if let Err(fault) = route(scene, waterfall).await {
        let mut evidence = std::mem::take(&mut scene.evidence);
        evidence.of_failure(&fault, scene).await;
        scene.evidence = evidence;
        return Err(fault);
    }
    connect(scene, settings, waterfall).await
}

/// The local stage.
async fn route(scene: &mut Scene, waterfall: &mut Waterfall<'_>) -> Result<(), Fault> {
    waterfall.begin(StageName::Local).await;
    let started = Instant::now();
    let route = local::route(scene.address, scene.source);
    let took = started.elapsed();
    let is_broadcast = |route: &local::Route| {
        route.way.as_ref().is_some_and(|way| way.kind == Some(RouteKind::Broadcast))
    };
    let ok = route.as_ref().is_ok_and(|route| !is_broadcast(route));
    let detail = match &route {
        Ok(route) => route.facts(),
        Err(_) => LocalDetail { source: scene.source, ..LocalDetail::default() },
    };
    waterfall.end(ok, took, Detail::Local(detail)).await;
    let route = route.map_err(Fault::Local)?;
    if !ok {
        return Err(Fault::Broadcast);
    }
    (scene.to_self, scene.own, scene.way) = (route.to_self, Some(route.source), route.way);
    Ok(())
}

/// The connect stage.
async fn connect(
    scene: &mut Scene,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Result<(Connection, Duration), Fault> {
    waterfall.begin(StageName::Connect).await;
    let tcp::Connecting { result, took, detail } =
        tcp::connect(scene.address, settings.source, settings.timeout).await;
    scene.connect = detail;
    if let Err(fault) = &result {
        let mut evidence = std::mem::take(&mut scene.evidence);
        evidence.of_failure(fault, scene).await;
        scene.evidence = evidence;
        scene.connect.listener = scene.evidence.listening.detail();
    }
    let detail = Box::new(scene.connect.clone());
    waterfall.end(result.is_ok(), took, Detail::Connect(detail)).await;
    Ok((result?, took))
}

/// What happens on an open connection.
struct Talk<'a> {
    /// How long its handshake took.
    rtt: Duration,
    first: bool,
    settings: &'a Settings,
}

impl Talk<'_> {
    /// The peer is heard, then both sides close.
    async fn hold(
        &self,
        connection: Connection,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Verdict {
        waterfall.begin(StageName::Greeting).await;
        let started = Instant::now();
        let patience = (LISTEN + 2 * self.rtt).min(self.settings.timeout);
        let said = greeting(connection, patience).await;
        let detail = said.as_ref().map_or_else(|_| GreetingDetail::default(), |it| told(&it.1));
        waterfall.end(said.is_ok(), started.elapsed(), Detail::Greeting(detail)).await;
        let (stream, heard) = match said {
            Ok(said) => said,
            Err(error) => return verdict::of(&Fault::Broken(error), scene),
        };
        self.look_behind(&stream, &heard, scene).await;

        waterfall.begin(StageName::Close).await;
        let started = Instant::now();
        let farewell = (FAREWELL + 2 * self.rtt).min(self.settings.timeout);
        let farewell = tcp::close(stream, farewell).await;
        let ending = ending(&heard, &farewell);
        let ok = ending != Ending::Reset;
        waterfall.end(ok, started.elapsed(), Detail::Close(ending.detail())).await;
        verdict::answered(self.rtt, &Manners { greeting: words(&heard), ending }, scene)
    }

    /// Looks who has the other end, where that is a process of this host.
    async fn look_behind(&self, stream: &TcpStream, heard: &Heard, scene: &mut Scene) {
        let Ok(local) = stream.local_addr() else { return };
        let mut evidence = std::mem::take(&mut scene.evidence);
        if scene.to_self {
            if matches!(heard, Heard::Silence) {
                evidence.look_whether_accepted(local, scene.address).await;
            }
        } else if self.first && self.rtt < NEARBY {
            evidence.look_for_redirect(local, scene).await;
        }
        scene.evidence = evidence;
    }
}

/// What the peer says first, if the connection lasts that long.
async fn greeting(
    connection: Connection,
    patience: Duration,
) -> Result<(TcpStream, Heard), io::Error> {
    let stream = match connection {
        Connection::Open(stream) => stream,
        Connection::Broken(error) => return Err(error),
    };
    match tcp::listen(&stream, patience).await {
        Heard::Broken(error) => Err(error),
        heard => Ok((stream, heard)),
    }
}

fn told(heard: &Heard) -> GreetingDetail {
    match heard {
        Heard::Silence | Heard::Broken(_) => GreetingDetail::default(),
        Heard::End => GreetingDetail { ended: true, ..GreetingDetail::default() },
        Heard::Words(bytes) => {
            let greeting = recognise::greeting(bytes);
            let guessed = greeting.protocol.is_some();
            GreetingDetail { greeting, guessed, ended: false }
        }
    }
}

fn words(heard: &Heard) -> Option<String> {
    match heard {
        Heard::Words(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

fn ending(heard: &Heard, farewell: &Heard) -> Ending {
    match (heard, farewell) {
        (Heard::End, _) => Ending::PeerFirst,
        (_, Heard::End) => Ending::Both,
        (_, Heard::Broken(_)) => Ending::Reset,
        (_, Heard::Silence | Heard::Words(_)) => Ending::OursOnly,
    }
}
