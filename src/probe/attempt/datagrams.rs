//! An attempt by datagrams: UDP, whose silence is no answer, and ICMP echoes.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::super::conversation::{Line, Talked};
use super::super::dialogue::Exchange;
use super::super::fault::{Fault, Scene};
use super::super::plan::{self, Known};
use super::super::progress::Waterfall;
use super::super::transport::echo::{self, Echoed};
use super::super::transport::udp;
use super::super::verdict::{self, Subject};
use super::{Attempt, Tried, look_for_reasons};
use crate::model::probe::{
    ConnectDetail, Detail, EchoDetail, OutcomeKind, RequestDetail, StageName, Verdict,
};
use crate::probe::Protocol;
use crate::sys::connecting;

/// How long an echo may take.
const ECHO: Duration = Duration::from_secs(3);

impl Attempt<'_> {
    /// Sends a datagram or an echo to `address`, and waits for what comes back.
    pub(in crate::probe) async fn datagrams(
        &self,
        address: SocketAddr,
        round: u64,
        waterfall: &mut Waterfall<'_>,
    ) -> Tried {
        waterfall.aim(address);
        let mut scene = Scene::new(address, self.settings);
        scene.is_udp = true;
        let verdict = match self.route(&mut scene, waterfall).await {
            Ok(()) if self.target.protocol() == Protocol::Icmp => {
                self.ping(round, &mut scene, waterfall).await
            }
            Ok(()) => self.ask(&mut scene, waterfall).await,
            Err(fault) => {
                look_for_reasons(&fault, &mut scene).await;
                verdict::of(&fault, &scene)
            }
        };
        let connected = verdict.outcome == OutcomeKind::Ok;
        Tried { verdict, connected, health: scene.evidence.health }
    }

    async fn ask(&self, scene: &mut Scene, waterfall: &mut Waterfall<'_>) -> Verdict {
        let socket = match udp::open(scene.address, &self.settings.outfit) {
            Ok(socket) => socket,
            Err(error) => return verdict::of(&Fault::Here(error), scene),
        };
        let detail = ConnectDetail { local: socket.local_addr().ok(), ..ConnectDetail::default() };
        scene.connect = ConnectDetail { remote: Some(scene.address), ..detail };
        let known = Known { local: scene.connect.local, ..Known::default() };
        let exchange = plan::exchange(self.target, self.settings, known);
        let started = Instant::now();
        let mut line = Line::Datagrams(socket);
        let talked = self.converse(&mut line, &exchange, None, scene, waterfall).await;
        let waited = started.elapsed();
        let talked = match talked {
            Ok(talked) => talked,
            Err(fault) => return verdict::of(&fault, scene),
        };
        if let Line::Datagrams(socket) = &line {
            while let Some((icmp, _)) = connecting::next_icmp_error(&SockRef::from(socket)) {
                scene.connect.icmp.push(icmp);
            }
        }
        self.judge_datagrams(&talked, &exchange, waited, scene).await
    }

    async fn judge_datagrams(
        &self,
        talked: &Talked,
        exchange: &Exchange,
        waited: Duration,
        scene: &mut Scene,
    ) -> Verdict {
        if let Some(error) = &talked.error {
            let error = io::Error::new(error.kind(), error.to_string());
            let fault = refusal(talked.error.as_ref().and_then(io::Error::raw_os_error), error);
            look_for_reasons(&fault, scene).await;
            return verdict::of(&fault, scene);
        }
        let is_answered = talked.answer.is_some() || talked.greeting.is_some();
        if !is_answered {
            scene.timeout = waited;
            look_for_reasons(&Fault::Silence, scene).await;
            return verdict::unheard(self.target.protocol(), scene);
        }
        let subject = Subject {
            protocol: self.target.protocol(),
            guessed: self.target.is_guess(),
            spoken: exchange.protocol(),
            has_own_certificate: false,
            rtt: waited,
            waited,
        };
        verdict::concluded(talked, None, &subject, scene)
    }

    async fn ping(&self, round: u64, scene: &mut Scene, waterfall: &mut Waterfall<'_>) -> Verdict {
        // It wraps, as that of ping(8) does.
        let sequence = (round & 0xffff) as u16;
        waterfall.begin(StageName::Request).await;
        let patience = self.settings.at_most(ECHO);
        let (echoed, took) =
            echo::echo(scene.address, &self.settings.outfit, sequence, patience).await;
        let (bytes, ttl) = match &echoed {
            Echoed::Reply { bytes, ttl } => (Some(*bytes), *ttl),
            _ => (None, None),
        };
        let detail = EchoDetail { echo_sequence: sequence, bytes, ttl };
        let ok = bytes.is_some();
        waterfall.end(ok, took, Detail::Request(RequestDetail::Echo(detail))).await;
        let fault = match echoed {
            Echoed::Reply { ttl, .. } => return verdict::echoed(took, ttl, scene),
            Echoed::Rejected(icmp, error) => {
                scene.connect.icmp.push(icmp);
                Fault::Connect { error, at_once: false }
            }
            Echoed::Silence => {
                scene.timeout = patience;
                look_for_reasons(&Fault::Silence, scene).await;
                return verdict::unheard(self.target.protocol(), scene);
            }
            Echoed::Unsent(error) if error.kind() == ErrorKind::PermissionDenied => {
                return verdict::no_echoes(&error);
            }
            Echoed::Unsent(error) => Fault::Connect { error, at_once: true },
        };
        look_for_reasons(&fault, scene).await;
        verdict::of(&fault, scene)
    }
}

/// An error of a datagram socket is an ICMP error, or this host's own no.
fn refusal(number: Option<i32>, error: io::Error) -> Fault {
    let error = number.map_or(error, io::Error::from_raw_os_error);
    let at_once = error.kind() == ErrorKind::PermissionDenied;
    Fault::Connect { error, at_once }
}
