//! Why a port can or cannot be bound: the socket table and the host's rules as evidence, and
//! trial binds as the verdict.

mod drops;
mod findings;
mod rounds;
mod sight;
mod trials;

use std::net::{IpAddr, Ipv6Addr};

use super::bind::{self, Target};
use super::forwarders::{Forwarders, Held};
use super::nat::firewall::{self, Block};
use super::words::counted;
use super::{Error, keepers, nat, reuse, sockets};
use crate::model::forwarder::{Behind, Forwarder};
use crate::model::health::{Health, Source};
use crate::model::keeper::{Keeper, KeeperKind};
use crate::model::owner::{OwnershipKind, Process};
use crate::model::port_rules::PortRules;
use crate::model::socket::Socket;
use crate::model::tables::Tables;
use crate::model::why::{Forward, RuleFacts, TrialBind, WhyReport};
use crate::sys::{nat_rules, port_rules, processes};

pub use drops::{Watched, watch};

/// Looks at every socket with its owners, and tries the bind: plain, with SO_REUSEADDR, with
/// SO_REUSEPORT. Nothing listens and every trial is closed at once, but a server that starts
/// on the port in that instant can fail; so only when the user asks. Blocks.
pub fn explain(target: &Target) -> Result<WhyReport, Error> {
    let rounds::Seen { listing, trial, changing } = rounds::look(target)?;
    let on_port = listing.sockets;
    let target = &target.with_scope_of(&on_port);
    let rules = port_rules::read();
    let own = processes::read(std::process::id()).ok();
    let forwarded = forwards(target);
    let blocks = blocks(target);
    let more_rights_help = listing.health.iter().any(|line| line.remedy.is_some());
    let holders = on_port.iter().filter(|socket| target.meets(socket));
    let behind = Standing::look(target, &on_port, &forwarded.forwards);
    let keepers = keepers_of(target, &on_port, &behind);
    let scene = Scene {
        target,
        keepers: &keepers,
        forwarders: &behind.forwarders,
        behind: &behind.destinations,
        on_port: &on_port,
        trial: &trial,
        rules: &rules,
        forwards: &forwarded.forwards,
        blocks: &blocks,
        reuse: reuse::Known::read(holders),
        own,
        more_rights_help,
    };
    let mut findings: Vec<_> = changing.iter().map(findings::changing::drawn_from).collect();
    findings.extend(findings::all(&scene));
    findings.extend(findings::elsewhere::findings(target, &on_port, scene.own.as_ref()));
    let mut health = listing.health;
    health.extend(changing.is_none().then(|| unseen_holder(&scene)).flatten());
    health.extend(forwarded.health);
    Ok(WhyReport {
        target: target.name(),
        port: target.port,
        udp: target.udp,
        bindable: is_bindable(&trial),
        findings,
        rules: rule_facts(&rules, target.port),
        looks: changing.map(|changing| changing.looks),
        watched_ms: None,
        health,
        trial,
    })
}

/// Who keeps the holders of the port, and those who serve in containers to which rules send its
/// packets. Blocks, as [`keepers::of`] does.
fn keepers_of(target: &Target, on_port: &[Socket], standing: &Standing) -> Vec<Keeper> {
    let holding = on_port.iter().filter(|socket| target.meets(socket) && bind::is_holder(socket));
    let holding: Vec<&Socket> = holding.collect();
    let mut found = keepers::of_sockets(&holding, &standing.forwarders);
    let is_told = |place: &&Behind| {
        let id = place.container.as_ref().map(|container| &container.id);
        found
            .iter()
            .any(|keeper| keeper.kind == KeeperKind::Container && keeper.instance.as_ref() == id)
    };
    let places: Vec<&Behind> = standing.destinations.iter().filter(|it| !is_told(it)).collect();
    found.extend(keepers::of_places(&places));
    let has_container = found.iter().any(|keeper| keeper.kind == KeeperKind::Container);
    let request = sockets::Request {
        tables: Tables::PORTS,
        reach: sockets::Reach::All,
        detail: sockets::Detail::Bare,
        ..Default::default()
    };
    if has_container && let Ok(all) = sockets::list(&request) {
        let is_meant = |process: &Process, socket: &Socket| {
            let holds = |held: &&Socket| held.owners.iter().any(|it| it.process.pid == process.pid);
            let behind = standing.forwarders.iter().map(|it| &it.behind);
            holding.iter().any(holds)
                || behind
                    .chain(&standing.destinations)
                    .any(|it| keepers::leads_to(it, process, socket))
        };
        keepers::add_neighbours(&mut found, &all.sockets, &is_meant);
    }
    found
}

/// What stands behind the port.
struct Standing {
    /// The holders that only pass it on.
    forwarders: Vec<Forwarder>,
    /// The containers to which rules send its packets.
    destinations: Vec<Behind>,
}

impl Standing {
    fn look(target: &Target, on_port: &[Socket], forwards: &[Forward]) -> Self {
        let look = Forwarders::look();
        let held = Held { port: target.port, udp: target.udp };
        let mut forwarders: Vec<Forwarder> = Vec::new();
        for owner in on_port.iter().flat_map(|socket| &socket.owners) {
            if forwarders.iter().all(|known| known.pid != owner.process.pid) {
                forwarders.extend(look.of(&owner.process, held));
            }
        }
        let is_hidden = |socket: &&Socket| socket.ownership.kind == OwnershipKind::Hidden;
        for uid in on_port.iter().filter(is_hidden).filter_map(|socket| socket.uid) {
            if forwarders.is_empty() {
                forwarders.extend(look.claiming(uid, held));
            }
        }
        let mut destinations: Vec<Behind> = Vec::new();
        for forward in forwards.iter().filter(|forward| !forward.to_this_host) {
            let Some(addr) = forward.addr else { continue };
            let port = forward.port.unwrap_or(target.port);
            let is_known = |it: &Behind| it.addr == Some(addr) && it.port == Some(port);
            if !destinations.iter().any(is_known) {
                destinations.extend(look.at(addr, Held { port, udp: target.udp }));
            }
        }
        Self { forwarders, destinations }
    }
}

/// All that is known when findings are drawn from it.
struct Scene<'a> {
    target: &'a Target,
    /// Who keeps the holders.
    keepers: &'a [Keeper],
    /// The holders that only pass the port on.
    forwarders: &'a [Forwarder],
    /// The containers to which rules send its packets.
    behind: &'a [Behind],
    /// The sockets of the target's protocol that have its port, on any address.
    on_port: &'a [Socket],
    trial: &'a [TrialBind],
    rules: &'a PortRules,
    /// Rules that send packets for the port elsewhere.
    forwards: &'a [Forward],
    /// Rules that keep packets from outside away.
    blocks: &'a [Block],
    /// What the sockets in the way let others share.
    reuse: reuse::Known,
    /// sockpit itself: what it runs in supervises nobody that it could stop.
    own: Option<Process>,
    /// Whether more rights than sockpit has would show it more owners.
    more_rights_help: bool,
}

impl Scene<'_> {
    /// Whether a plain bind of the target meets `socket`, or may meet it and was refused.
    fn is_in_way(&self, socket: &Socket) -> bool {
        self.target.meets(socket)
            || (self.target.may_meet(socket) && self.plain_error("EADDRINUSE"))
    }

    fn plain_trials(&self) -> impl Iterator<Item = &TrialBind> {
        plain_trials(self.trial)
    }

    fn plain_error(&self, errno: &str) -> bool {
        self.plain_trials().any(|trial| trial.error.as_deref() == Some(errno))
    }

    /// Whether each address that a plain bind was refused on is given to a bind with the
    /// option that `with` looks for.
    fn would_get(&self, with: impl Fn(&TrialBind) -> bool) -> bool {
        let mut refused = self.plain_trials().filter(|plain| !plain.succeeded()).peekable();
        let gets = |plain: &TrialBind| {
            self.trial
                .iter()
                .any(|trial| with(trial) && trial.is_beside(plain) && trial.succeeded())
        };
        refused.peek().is_some() && refused.all(gets)
    }
}

/// Where packets for the port go, and what could not be read of it.
struct Forwarded {
    forwards: Vec<Forward>,
    health: Option<Health>,
}

fn question(target: &Target) -> nat::Question {
    let addr = target.addr.map(|addr| addr.to_canonical());
    // A bind of `::` takes both families.
    let addr = addr.filter(|addr| *addr != IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    nat::Question { port: target.port, udp: target.udp, addr }
}

fn forwards(target: &Target) -> Forwarded {
    let question = question(target);
    let what = "whether rules of nftables or iptables send packets for the port elsewhere";
    match nat_rules::read() {
        Ok(rules) => {
            let nat::NatAnswer { forwards, unread } = nat::follow(&rules, &question);
            let reason = format!(
                "{what} is known in part: {}",
                counted(unread, "rule was not understood", "rules were not understood")
            );
            let health = (unread > 0).then(|| Health::degraded(Source::Nat, reason));
            Forwarded { forwards, health }
        }
        Err(error) => Forwarded { forwards: Vec::new(), health: Some(nat::unknown(&error)) },
    }
}

/// Which rules of this host keep packets for the port away. Where they may not be read, neither
/// may those that translate, which is said already.
fn blocks(target: &Target) -> Vec<Block> {
    let Ok(rulesets) = nat_rules::read_filters() else { return Vec::new() };
    firewall::blocks(&rulesets, &question(target)).0
}

/// The binds without any option, where the host has such addresses at all.
fn plain_trials(trial: &[TrialBind]) -> impl Iterator<Item = &TrialBind> {
    trial.iter().filter(|trial| trial.is_plain() && !trial.is_without_family())
}

fn is_bindable(trial: &[TrialBind]) -> bool {
    let mut plain = plain_trials(trial).peekable();
    plain.peek().is_some() && plain.all(TrialBind::succeeded)
}

/// A refusal that nothing in the table explains must not look like an empty table.
fn unseen_holder(scene: &Scene<'_>) -> Option<Health> {
    let seen = scene.on_port.iter().any(|socket| scene.is_in_way(socket));
    (scene.plain_error("EADDRINUSE") && !seen).then(|| {
        Health::degraded(
            Source::Sockets,
            "the bind is refused (EADDRINUSE) though no socket that can be seen holds the port; \
             before Linux 6.8 sockets that are bound without listening cannot be seen",
        )
    })
}

fn rule_facts(rules: &PortRules, port: u16) -> RuleFacts {
    RuleFacts {
        privileged: rules.unprivileged_start.map(|_| rules.is_privileged(port)),
        ephemeral: rules.ephemeral.as_ref().map(|range| range.contains(&port)),
        reserved: rules.reserved.as_ref().map(|_| rules.is_reserved(port)),
    }
}

#[cfg(test)]
mod tests;
