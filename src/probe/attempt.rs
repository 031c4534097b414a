//! One attempt at one address: its stages in order, and the verdict.

mod datagrams;
mod fast_open;
mod line;
mod path;
mod reset;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::conversation::{Conversation, Line, Talked};
use super::dialogue::Exchange;
use super::evidence::drops;
use super::farewell::{self, Leave};
use super::fault::{Ending, Fault, Scene};
use super::pipe::Pipe;
use super::plan::Known;
use super::progress::Waterfall;
use super::secure::secure;
use super::security::tls::Offer;
use super::transport::tcp::{self, Connection};
use super::verdict::{self, Subject};
use super::{Protocol, Settings, Target, local, own_words, plan, proxy};
use crate::model::dialogue::{AppProtocol, Conclusion};
use crate::model::health::Health;
use crate::model::probe::{Detail, GreetingDetail, LocalDetail, RouteKind, StageName, Verdict};

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

/// An attempt at a target.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) target: &'a Target,
    pub(super) settings: &'a Settings,
    /// Whether this address was not tried before: what stays the same from try to try is looked
    /// up then.
    pub(super) first: bool,
    /// What spoke there the time before.
    pub(super) speaker: Option<AppProtocol>,
}

impl Attempt<'_> {
    /// Tries a connection to `address`.
    pub(super) async fn stream(&self, address: SocketAddr, waterfall: &mut Waterfall<'_>) -> Tried {
        waterfall.aim(address);
        let mut scene = Scene::new(address, self.settings);
        let way = self.way(&mut scene, waterfall).await;
        let connected = way.is_ok();
        let verdict = match way {
            Err(fault) if self.settings.via.is_some() => {
                verdict::short_of_the_proxy(verdict::of(&fault, &scene))
            }
            Err(fault) => verdict::of(&fault, &scene),
            Ok((connection, rtt)) => self.talk(connection, rtt, &mut scene, waterfall).await,
        };
        let connected = connected && fast_open::is_done(&scene);
        let verdict = self.with_author(verdict, &mut scene, waterfall).await;
        Tried { verdict, connected, health: scene.evidence.health }
    }

    /// From here to an open connection, and how long its handshake took.
    async fn way(
        &self,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Result<(Connection, Duration), Fault> {
        if let Err(fault) = self.route(scene, waterfall).await {
            look_for_reasons(&fault, scene).await;
            return Err(fault);
        }
        self.connect(scene, waterfall).await
    }

    /// The local stage.
    async fn route(&self, scene: &mut Scene, waterfall: &mut Waterfall<'_>) -> Result<(), Fault> {
        waterfall.begin(StageName::Local).await;
        let started = Instant::now();
        let route = local::route(scene.address, &self.settings.outfit);
        let took = started.elapsed();
        let is_broadcast = |route: &local::LocalSide| {
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
        &self,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Result<(Connection, Duration), Fault> {
        waterfall.begin(StageName::Connect).await;
        let patience = self.settings.connect_timeout();
        let drops = drops::Watch::begin(scene.address);
        let tcp::Connecting { result, took, detail } =
            tcp::connect(scene.address, &self.settings.outfit, self.opening(), patience).await;
        scene.connect = detail;
        if result.is_err() {
            scene.evidence.dropped = drops.end().await;
        } else {
            drops.dismiss();
        }
        if let Err(fault) = &result {
            look_for_reasons(fault, scene).await;
            scene.connect.listener = scene.evidence.listening.detail();
        }
        let detail = Box::new(scene.connect.clone());
        waterfall.end(result.is_ok(), took, Detail::Connect(detail)).await;
        Ok((result?, took))
    }

    /// What happens on an open connection.
    async fn talk(
        &self,
        connection: Connection,
        rtt: Duration,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Verdict {
        let stream = match connection {
            Connection::Open(stream) => stream,
            Connection::Broken(error) => return broken(error, scene, waterfall).await,
        };
        let local = stream.local_addr().ok();
        let offer = plan::offer(self.target, self.settings);
        let known = Known { rtt, local, speaker: self.speaker };
        let exchange = plan::exchange(self.target, self.settings, known);
        let started = Instant::now();
        let mut line = Line::Gone;
        let talked = match self.open(stream, offer.as_ref(), scene, waterfall).await {
            Err(fault) => Err(fault),
            Ok(pipe) => {
                line = Line::Stream(pipe);
                self.converse(&mut line, &exchange, offer.as_ref(), scene, waterfall).await
            }
        };
        let waited = started.elapsed();
        let talked = match &line {
            Line::Stream(pipe) => fast_open::settled(pipe, talked, scene, waterfall),
            _ => talked,
        };
        if let Err(fault @ (Fault::Silence | Fault::Connect { .. })) = &talked {
            look_for_reasons(fault, scene).await;
        }
        self.look_behind(local, &talked, rtt, scene).await;
        let talked = match talked {
            Err(fault) => return verdict::of(&fault, scene),
            Ok(talked) => talked,
        };
        let ending = match line {
            Line::Stream(pipe) if !is_reset(&talked) => {
                let leave = self.leave(&talked, &exchange);
                Some(farewell::close(pipe, leave, rtt, self.settings, waterfall).await)
            }
            _ => None,
        };
        self.judge(&talked, ending, (rtt, waited), &exchange, scene)
    }

    fn judge(
        &self,
        talked: &Talked,
        ending: Option<Ending>,
        (rtt, waited): (Duration, Duration),
        exchange: &Exchange,
        scene: &Scene,
    ) -> Verdict {
        let subject = Subject {
            protocol: self.target.protocol(),
            guessed: self.target.is_guess(),
            spoken: exchange.protocol(),
            has_own_certificate: self.settings.material.has_own(),
            rtt,
            waited,
        };
        verdict::concluded(talked, ending, &subject, scene)
    }

    /// What was said about the end of the connection.
    fn leave(&self, talked: &Talked, exchange: &Exchange) -> Leave {
        // Words of the user's own ask for nothing that is known.
        let asked = exchange.asks_to_close() && self.settings.send.is_none();
        Leave { ended: talked.ended, asked: asked && talked.conclusion == Conclusion::Answered }
    }

    /// The layers between the connection and what is said on it.
    async fn open(
        &self,
        stream: TcpStream,
        offer: Option<&Offer>,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Result<Pipe, Fault> {
        let pipe = match &self.settings.via {
            None => Pipe::plain(stream, Vec::new()),
            Some(via) => {
                let pipe =
                    proxy::through(via, self.target, stream, self.settings, waterfall).await?;
                let end = proxy::written(self.target);
                scene.path = Some(format!("{end} through {}", scene.address));
                pipe
            }
        };
        if !plan::begins_with_tls(self.target) {
            return Ok(pipe);
        }
        let (offer, Pipe::Plain(stream)) = (offer.ok_or(Fault::NoServerName)?, pipe) else {
            return Err(Fault::NoServerName);
        };
        let (secured, layer) = secure(stream, offer, self.settings, waterfall).await;
        scene.layer = Some(layer);
        Ok(Pipe::Secured(secured?))
    }

    async fn converse(
        &self,
        line: &mut Line,
        exchange: &Exchange,
        offer: Option<&Offer>,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Result<Talked, Fault> {
        let is_udp = self.target.protocol() == Protocol::Udp;
        // A datagram without a word is a datagram.
        let words = self.settings.send.as_deref().or(is_udp.then_some(&[][..]));
        if let Some(words) = words {
            return Ok(own_words::say(line, words, self.settings, waterfall).await);
        }
        let conversation = Conversation {
            exchange,
            guessed: self.target.is_guess(),
            offer,
            settings: self.settings,
            waterfall,
            layer: &mut scene.layer,
        };
        conversation.hold(line).await
    }

    /// Looks who has the other end, where that is a process of this host.
    async fn look_behind(
        &self,
        local: Option<SocketAddr>,
        talked: &Result<Talked, Fault>,
        rtt: Duration,
        scene: &mut Scene,
    ) {
        let Some(local) = local else { return };
        let is_silent = match talked {
            Ok(talked) => matches!(talked.conclusion, Conclusion::Silent { .. }),
            Err(fault) => matches!(fault, Fault::TlsSilence(_)),
        };
        let mut evidence = std::mem::take(&mut scene.evidence);
        if scene.to_self {
            if is_silent {
                evidence.look_whether_accepted(local, scene.address).await;
            }
        } else if self.first && rtt < NEARBY {
            evidence.look_for_redirect(local, scene).await;
        }
        scene.evidence = evidence;
    }
}

async fn look_for_reasons(fault: &Fault, scene: &mut Scene) {
    let mut evidence = std::mem::take(&mut scene.evidence);
    evidence.of_failure(fault, scene).await;
    scene.evidence = evidence;
}

/// The peer broke the connection off before anything could be said.
async fn broken(error: io::Error, scene: &Scene, waterfall: &mut Waterfall<'_>) -> Verdict {
    waterfall.begin(StageName::Greeting).await;
    let detail = Detail::Greeting(GreetingDetail::default());
    waterfall.end(false, Duration::ZERO, detail).await;
    verdict::of(&Fault::Broken(error), scene)
}

fn is_reset(talked: &Talked) -> bool {
    matches!(talked.conclusion, Conclusion::Closed { reset: true, .. })
}
