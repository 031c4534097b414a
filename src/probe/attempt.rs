//! One attempt at one address: its stages in order, and the verdict.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use super::fault::{Ending, Fault, Manners, Scene};
use super::progress::Waterfall;
use super::tcp::{self, Heard};
use super::{Settings, detail, local, verdict};
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
}

/// Tries a TCP connection to `address`.
pub(super) async fn tcp(
    address: SocketAddr,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Tried {
    waterfall.aim(address);
    let mut scene = Scene::new(address, settings);
    match way(&mut scene, settings, waterfall).await {
        Err(fault) => Tried { verdict: verdict::of(&fault, &scene), connected: false },
        Ok((stream, rtt)) => {
            let verdict = conversation(stream, rtt, &scene, settings, waterfall).await;
            Tried { verdict, connected: true }
        }
    }
}

/// From here to an open connection, and how long its handshake took.
async fn way(
    scene: &mut Scene,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Result<(TcpStream, Duration), Fault> {
    waterfall.begin(StageName::Local).await;
    let started = Instant::now();
    let route = local::route(scene.address, settings.source);
    let took = started.elapsed();
    let facts = match &route {
        Ok(route) => detail([("source", json!(route.source)), ("to_self", json!(route.to_self))]),
        Err(_) => detail([("source", json!(settings.source))]),
    };
    waterfall.end(StageName::Local, route.is_ok(), took, facts).await;
    scene.to_self = route.map_err(Fault::Local)?.to_self;

    waterfall.begin(StageName::Connect).await;
    let (stream, took) = tcp::connect(scene.address, settings.source, settings.timeout).await;
    let local = stream.as_ref().ok().and_then(|stream| stream.local_addr().ok());
    let facts = detail([("local", json!(local)), ("remote", json!(scene.address))]);
    waterfall.end(StageName::Connect, stream.is_ok(), took, facts).await;
    Ok((stream?, took))
}

/// What happens on an open connection: the peer is heard, then both sides close.
async fn conversation(
    stream: TcpStream,
    rtt: Duration,
    scene: &Scene,
    settings: &Settings,
    waterfall: &mut Waterfall<'_>,
) -> Verdict {
    waterfall.begin(StageName::Greeting).await;
    let started = Instant::now();
    let heard = tcp::listen(&stream, (LISTEN + 2 * rtt).min(settings.timeout)).await;
    let broken = matches!(heard, Heard::Broken(_));
    waterfall.end(StageName::Greeting, !broken, started.elapsed(), greeting_facts(&heard)).await;
    if let Heard::Broken(error) = heard {
        return verdict::of(&Fault::Broken(error), scene);
    }

    waterfall.begin(StageName::Close).await;
    let started = Instant::now();
    let farewell = tcp::close(stream, (FAREWELL + 2 * rtt).min(settings.timeout)).await;
    let ending = ending(&heard, &farewell);
    let facts = detail([("how", json!("graceful")), ("peer", json!(ending.name()))]);
    waterfall.end(StageName::Close, ending != Ending::Reset, started.elapsed(), facts).await;
    verdict::answered(rtt, &Manners { greeting: words(&heard), ending }, scene)
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
