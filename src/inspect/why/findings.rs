//! What the evidence says, the gravest first.

mod address;
pub(super) mod changing;
mod connections;
pub(super) mod elsewhere;
mod exposure;
mod firewall;
mod forwards;
mod holders;
mod rules;

use super::Scene;
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Socket, State};
use crate::model::why::{Remedy, WhyFinding, WhyKind};

/// Every finding.
pub(super) fn all(scene: &Scene<'_>) -> Vec<WhyFinding> {
    let in_way = InWay::sort(scene);
    let mut found = rules::refusals(scene);
    found.extend(holders::findings(scene, &in_way));
    found.extend(forwards::forwarders(scene, &in_way));
    found.extend(connections::findings(scene, &in_way));
    found.extend(forwards::findings(scene));
    found.extend(firewall::finding_of(scene));
    found.extend(exposure::findings(scene, &in_way));
    found.extend(rules::notes(scene, &in_way));
    found
}

/// The sockets that stand against the bind, by what they do there.
#[derive(Default)]
struct InWay<'a> {
    serving: Vec<&'a Socket>,
    bound: Vec<&'a Socket>,
    time_wait: Vec<&'a Socket>,
    /// Without a process, for another reason than TIME_WAIT.
    kernel: Vec<&'a Socket>,
    connected: Vec<&'a Socket>,
}

impl<'a> InWay<'a> {
    fn sort(scene: &Scene<'a>) -> Self {
        let mut sorted = Self::default();
        for socket in scene.on_port {
            if !scene.is_in_way(socket) {
                continue;
            }
            let place = match socket.state {
                State::TimeWait => &mut sorted.time_wait,
                _ if socket.ownership.kind == OwnershipKind::Kernel => &mut sorted.kernel,
                State::Listen | State::Unconnected => &mut sorted.serving,
                State::Bound => &mut sorted.bound,
                _ => &mut sorted.connected,
            };
            place.push(socket);
        }
        sorted
    }

    /// Those that hold the port for serving, or could.
    fn holders(&self) -> impl Iterator<Item = &'a Socket> {
        self.serving.iter().chain(&self.bound).copied()
    }

    fn all(&self) -> impl Iterator<Item = &'a Socket> {
        self.holders()
            .chain(self.time_wait.iter().chain(&self.kernel).chain(&self.connected).copied())
    }
}

pub(super) fn finding(
    kind: WhyKind,
    text: impl Into<String>,
    sockets: &[&Socket],
    remedies: Vec<Remedy>,
) -> WhyFinding {
    let sockets = sockets.iter().map(|socket| (*socket).clone()).collect();
    WhyFinding { kind, text: text.into(), sockets, remedies, forwards: Vec::new(), reuse: None }
}

fn remedy(text: &str, argv: &[&str]) -> Remedy {
    Remedy { text: text.to_owned(), argv: argv.iter().map(|word| (*word).to_owned()).collect() }
}

fn wait_until_free(scene: &Scene<'_>) -> Remedy {
    let target = scene.target.name();
    remedy("wait until it is free", &["sockpit", "wait", &target, "--free", "--timeout", "2m"])
}
