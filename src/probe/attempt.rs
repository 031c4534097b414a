//! One attempt at one address: its stages in order, and the verdict.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use super::fault::{Ending, Fault, Manners, Scene};
use super::listener::Evidence;
use super::progress::Waterfall;
use super::tcp::{self, Connection, Heard};
use super::{Settings, detail, local, verdict};
use crate::model::health::Health;
use crate::model::probe::{StageName, Verdict};

/// How long a connected peer is given to say something, to hang up or to break off, beside the
/// two round trips that its answer takes.
const LISTEN: Duration = Duration::from_millis(100);
/// How long a peer is given to end its side after ours, beside the two round trips.
const FAREWELL: Duration = Duration::from_millis(250);

/// What came of an attempt.
pub(super) struct Tried {
    /// The answer.
    pub verdict: Verdict,
    /// Whether a connection came about, whatever happened on it.
    pub connected: bool,
    /// What could not be looked at.
    pub health: Option<Health>,
}

/// Tries a TCP connection to `address`.
pub(super) async fn tcp(
    address: SocketAddr,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Tried {
    waterfall.aim(address);
    let mut scene = Scene::new(address, settings);
    let way = way(&mut scene, settings, waterfall).await;
    let connected = way.is_ok();
    let verdict = match way {
        Err(fault) => verdict::of(&fault, &scene),
        Ok((connection, rtt)) => conversation(connection, rtt, &scene, settings, waterfall).await,
    };
    let health = match scene.evidence {
        Evidence::Unknown(health) => Some(health),
        _ => None,
    };
    Tried { verdict, connected, health }
}

/// From here to an open connection, and how long its handshake took.
async fn way(
    scene: &mut Scene,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Result<(Connection, Duration), Fault> {
    route(scene, waterfall).await?;
    connect(scene, settings, waterfall).await
}

/// The local stage.
async fn route(scene: &mut Scene, waterfall: &mut Waterfall<'_>) -> Result<(), Fault> {
    waterfall.begin(StageName::Local).await;
    let started = Instant::now();
    let route = local::route(scene.address, scene.source);
    let took = started.elapsed();
    let facts = match &route {
        Ok(route) => route.facts(),
        Err(_) => detail([("source", json!(scene.source))]),
    };
    waterfall.end(StageName::Local, route.is_ok(), took, facts).await;
    let route = route.map_err(Fault::Local)?;
    (scene.to_self, scene.way) = (route.to_self, route.way);
    Ok(())
}

/// The connect stage.
async fn connect(
    scene: &mut Scene,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Result<(Connection, Duration), Fault> {
    waterfall.begin(StageName::Connect).await;
    let tcp::Connecting { result, took, info } =
        tcp::connect(scene.address, settings.source, settings.timeout).await;
    let local = match &result {
        Ok(Connection::Open(stream)) => stream.local_addr().ok(),
        Ok(Connection::Broken(_)) | Err(_) => None,
    };
    scene.syn_retransmits = info.as_ref().and_then(|info| info.retransmits);
    let mut facts = detail([
        ("local", json!(local)),
        ("remote", json!(scene.address)),
        ("rtt_us", json!(info.and_then(|info| info.rtt_us))),
        ("syn_retransmits", json!(scene.syn_retransmits)),
    ]);
    if scene.to_self && result.as_ref().is_err_and(Fault::asks_for_evidence) {
        scene.evidence = Evidence::gather(scene.address).await;
        facts.extend(scene.evidence.fact().map(|fact| ("listener".to_owned(), fact)));
    }
    waterfall.end(StageName::Connect, result.is_ok(), took, facts).await;
    Ok((result?, took))
}

/// What happens on an open connection: the peer is heard, then both sides close.
async fn conversation(
    connection: Connection,
    rtt: Duration,
    scene: &Scene,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Verdict {
    waterfall.begin(StageName::Greeting).await;
    let started = Instant::now();
    let patience = (LISTEN + 2 * rtt).min(settings.timeout);
    let said = greeting(connection, patience).await;
    let facts = said.as_ref().map_or_else(|_| Map::new(), |(_, heard)| greeting_facts(heard));
    waterfall.end(StageName::Greeting, said.is_ok(), started.elapsed(), facts).await;
    let (stream, heard) = match said {
        Ok(said) => said,
        Err(error) => return verdict::of(&Fault::Broken(error), scene),
    };

    waterfall.begin(StageName::Close).await;
    let started = Instant::now();
    let farewell = tcp::close(stream, (FAREWELL + 2 * rtt).min(settings.timeout)).await;
    let ending = ending(&heard, &farewell);
    let facts = detail([("how", json!("graceful")), ("peer", json!(ending.name()))]);
    waterfall.end(StageName::Close, ending != Ending::Reset, started.elapsed(), facts).await;
    verdict::answered(rtt, &Manners { greeting: words(&heard), ending }, scene)
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

fn greeting_facts(heard: &Heard) -> Map<String, Value> {
    match heard {
        Heard::Silence | Heard::Broken(_) => detail([("bytes", json!(0))]),
        Heard::End => detail([("bytes", json!(0)), ("ended", json!(true))]),
        Heard::Words(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            detail([("bytes", json!(bytes.len())), ("text", json!(text))])
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
