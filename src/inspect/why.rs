//! Why a port can or cannot be bound: the socket table and the host's rules as evidence, and
//! trial binds as the verdict.

mod findings;
mod reuse;
mod sight;
mod trials;

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use super::words::counted;
use super::{Error, free, nat, sockets};
use crate::model::health::Health;
use crate::model::owner::Process;
use crate::model::port_rules::PortRules;
use crate::model::socket::Socket;
use crate::model::tables::Tables;
use crate::model::why::{Forward, RuleFacts, TrialBind, WhyReport};
use crate::sys::{nat_rules, port_rules, processes, resolve};

/// The bind that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// 1 to 65535.
    pub port: u16,
    /// UDP instead of TCP.
    pub udp: bool,
    /// Where; `None` for every address, of IPv4, of IPv6, and of both at once.
    pub addr: Option<IpAddr>,
    /// Index of the interface of a link-local address; 0 where none was given.
    pub scope: u32,
}

/// The index of an interface, by its name or itself a number: what follows `%` in an address.
pub fn scope(name: &str) -> io::Result<u32> {
    resolve::interface_index(name)
}

impl Target {
    /// `8080`, `53/udp`.
    pub fn name(&self) -> String {
        let protocol = if self.udp { "/udp" } else { "" };
        format!("{}{protocol}", self.port)
    }

    /// The address as `--addr` takes it, a link-local one with its interface's number.
    fn named_addr(&self) -> Option<String> {
        let addr = self.addr?;
        let zone = if self.scope == 0 { String::new() } else { format!("%{}", self.scope) };
        Some(format!("{addr}{zone}"))
    }
}

/// Looks at every socket with its owners, and tries the bind: plain, with SO_REUSEADDR, with
/// SO_REUSEPORT. Nothing listens and every trial is closed at once, but a server that starts
/// on the port in that instant can fail; so only when the user asks. Blocks.
pub fn explain(target: &Target) -> Result<WhyReport, Error> {
    let listing = sockets::list(&sockets::Request {
        detail: sockets::Detail::Bare,
        tables: Tables::PORTS,
        ..sockets::Request::default()
    })?;
    let mut on_port = listing.sockets;
    on_port.retain(|socket| {
        free::is_in_way(socket, target.udp) && socket.local.port == Some(target.port)
    });
    let target = &with_scope(target, &on_port);
    let trial = trials::run(target, &on_port)?;
    let rules = port_rules::read();
    let own = processes::read(std::process::id()).ok();
    let forwarded = forwards(target);
    let more_rights_help = listing.health.iter().any(|line| line.remedy.is_some());
    let holders = on_port.iter().filter(|socket| sight::is_in_way(target, socket));
    let scene = Scene {
        target,
        on_port: &on_port,
        trial: &trial,
        rules: &rules,
        forwards: &forwarded.forwards,
        reuse: reuse::Known::read(holders),
        own,
        more_rights_help,
    };
    let mut findings = findings::all(&scene);
    findings.extend(findings::elsewhere::findings(target, &on_port, scene.own.as_ref()));
    let mut health = listing.health;
    health.extend(unseen_holder(&scene));
    health.extend(forwarded.health);
    Ok(WhyReport {
        target: target.name(),
        port: target.port,
        udp: target.udp,
        bindable: is_bindable(&trial),
        findings,
        rules: rule_facts(&rules, target.port),
        health,
        trial,
    })
}

/// A link-local address means nothing without its interface; where none was given, that of a
/// socket that has the address.
fn with_scope(target: &Target, on_port: &[Socket]) -> Target {
    let lacks = target.scope == 0 && target.addr.is_some_and(|addr| is_link_local(&addr));
    let same = on_port.iter().filter(|socket| lacks && socket.local.addr == target.addr);
    let found = same.filter_map(|socket| scope(socket.local.scope.as_deref()?).ok()).next();
    Target { scope: found.unwrap_or(target.scope), ..*target }
}

/// Whether an address needs an interface beside it.
pub fn is_link_local(addr: &IpAddr) -> bool {
    matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// All that is known when findings are drawn from it.
struct Scene<'a> {
    target: &'a Target,
    /// The sockets of the target's protocol that have its port, on any address.
    on_port: &'a [Socket],
    trial: &'a [TrialBind],
    rules: &'a PortRules,
    /// Rules that send packets for the port elsewhere.
    forwards: &'a [Forward],
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
        sight::is_in_way(self.target, socket)
            || (sight::may_be_in_way(self.target, socket) && self.plain_error("EADDRINUSE"))
    }

    fn plain_trials(&self) -> impl Iterator<Item = &TrialBind> {
        self.trial.iter().filter(|trial| trial.is_plain() && !trial.is_without_family())
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

fn forwards(target: &Target) -> Forwarded {
    let addr = target.addr.map(|addr| addr.to_canonical());
    // A bind of `::` takes both families.
    let addr = addr.filter(|addr| *addr != IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let question = nat::Question { port: target.port, udp: target.udp, addr };
    let what = "whether rules of nftables or iptables send packets for the port elsewhere";
    match nat_rules::read() {
        Ok(rules) => {
            let nat::Answer { forwards, unread } = nat::follow(&rules, &question);
            let reason = format!(
                "{what} is known in part: {}",
                counted(unread, "rule was not understood", "rules were not understood")
            );
            let health = (unread > 0).then(|| Health::degraded(NAT, reason));
            Forwarded { forwards, health }
        }
        Err(error) => {
            let health = Health::unavailable(NAT, format!("{what} is not known: {error}"));
            let health = match error {
                Error::NotPermitted { remedy, .. } => health.with_remedy(remedy),
                _ => health,
            };
            Forwarded { forwards: Vec::new(), health: Some(health) }
        }
    }
}

/// The name of the source in [`Health`].
const NAT: &str = "nat";

fn is_bindable(trial: &[TrialBind]) -> bool {
    let mut plain =
        trial.iter().filter(|trial| trial.is_plain() && !trial.is_without_family()).peekable();
    plain.peek().is_some() && plain.all(TrialBind::succeeded)
}

/// A refusal that nothing in the table explains must not look like an empty table.
fn unseen_holder(scene: &Scene<'_>) -> Option<Health> {
    let seen = scene.on_port.iter().any(|socket| scene.is_in_way(socket));
    (scene.plain_error("EADDRINUSE") && !seen).then(|| {
        Health::degraded(
            "sockets",
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
