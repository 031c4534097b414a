//! How full the range of outgoing ports is, for each source and destination, and who fills it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::bind::{self, Target};
use super::{Error, sockets};
use crate::model::ephemeral::{Destination, EphemeralRange, EphemeralReport, PortUser};
use crate::model::port_rules::PortRules;
use crate::model::socket::{Endpoint, Socket, State};
use crate::model::tables::Table;
use crate::model::why::{Remedy, TrialBind, WhyFinding, WhyKind};
use crate::sys::port_rules;
use crate::sys::trial::{self, Trial};

/// From this share of the range on it is a finding, in per cent.
const HIGH: u32 = 70;
/// More processes than this are not named.
const MOST_HOLDERS: usize = 3;
/// Below this a port needs a right to bind, and many programs have a port of their own.
const FIRST_UNPRIVILEGED: u16 = 1024;

/// Looks at every socket with its owners, and tries a bind of port 0. Blocks.
pub fn explain(udp: bool, addr: Option<IpAddr>) -> Result<EphemeralReport, Error> {
    let table = if udp { Table::Udp } else { Table::Tcp };
    let listing = sockets::list(&sockets::Request {
        detail: sockets::Detail::Bare,
        tables: [table].into_iter().collect(),
        ..sockets::Request::default()
    })?;
    let trial = trials(udp, addr)?;
    let is_refused = |trial: &TrialBind| trial.error.as_deref() == Some("EADDRINUSE");
    let rules = port_rules::read();
    let mut fill = fill(&listing.sockets, &rules, udp);
    if let Some(addr) = addr.filter(|addr| !addr.is_unspecified()) {
        fill.destinations.retain(|destination| destination.local_addr == addr.to_canonical());
    }
    let tw_reuse = port_rules::time_wait_reuse();
    let refused = trial.iter().any(is_refused);
    let findings = findings(&fill, &rules, refused, tw_reuse);
    let destinations_more = fill.destinations.len().saturating_sub(EphemeralReport::MOST);
    fill.destinations.truncate(EphemeralReport::MOST);
    let tried = || trial.iter().filter(|trial| !trial.is_without_family());
    Ok(EphemeralReport {
        target: Target::everywhere(0, udp).name(),
        udp,
        bindable: tried().next().is_some() && tried().all(TrialBind::succeeded),
        findings,
        range: fill.range,
        destinations: fill.destinations,
        destinations_more,
        health: listing.health,
        trial,
    })
}

fn trials(udp: bool, addr: Option<IpAddr>) -> Result<Vec<TrialBind>, Error> {
    let target = Target { addr, ..Target::everywhere(0, udp) };
    let mut done = Vec::new();
    for (addr, v6_only) in bind::places(addr) {
        let plain = Trial::plain(bind::at(&target, addr), udp);
        let error = trial::bind(&Trial { v6_only, ..plain })?.err().map(|refusal| refusal.errno);
        let (reuse_addr, reuse_port, tried) = (false, false, true);
        done.push(TrialBind { addr, v6_only, reuse_addr, reuse_port, tried, error });
    }
    Ok(done)
}

/// What the table says.
#[derive(Debug, Default, PartialEq)]
struct Fill {
    range: Option<EphemeralRange>,
    /// The fullest first.
    destinations: Vec<Destination>,
}

/// Ports of the range by whom they lead to.
#[derive(Default)]
struct Ports {
    all: BTreeSet<u16>,
    time_wait: BTreeSet<u16>,
    holders: BTreeMap<u32, PortUser>,
}

fn fill(sockets: &[Socket], rules: &PortRules, udp: bool) -> Fill {
    let Some(range) = &rules.ephemeral else { return Fill::default() };
    let usable = range.clone().filter(|port| rules.is_ephemeral(*port)).count() as u32;
    let (mut used, mut alive, mut bound) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut by_destination: BTreeMap<(IpAddr, IpAddr, u16), Ports> = BTreeMap::new();
    for socket in sockets.iter().filter(|socket| bind::holds_port(socket, udp)) {
        let Some(port) = socket.local.port.filter(|port| rules.is_ephemeral(*port)) else {
            continue;
        };
        used.insert(port);
        if socket.state != State::TimeWait {
            alive.insert(port);
        }
        // The kernel gives no connection a port that somebody has bound by its number.
        if bind::is_holder(socket) {
            bound.insert(port);
        }
        let remote = socket.remote.as_ref().filter(|_| !udp);
        let ends = (socket.local.canonical_addr(), remote.and_then(Endpoint::canonical_addr));
        if let ((Some(from), Some(to)), Some(to_port)) = (ends, remote.and_then(|to| to.port)) {
            by_destination.entry((from, to, to_port)).or_default().add(port, socket);
        }
    }
    let mut destinations: Vec<Destination> = by_destination
        .into_iter()
        .map(|(ends, ports)| ports.destination(ends, &bound, usable))
        .collect();
    destinations.sort_by_key(|destination| std::cmp::Reverse(destination.used));
    let (used, time_wait) = (used.len() as u32, (used.len() - alive.len()) as u32);
    let (first, last) = (*range.start(), *range.end());
    Fill { range: Some(EphemeralRange { first, last, usable, used, time_wait }), destinations }
}

impl Ports {
    fn add(&mut self, port: u16, socket: &Socket) {
        self.all.insert(port);
        if socket.state == State::TimeWait {
            self.time_wait.insert(port);
        }
        if let Some(owner) = socket.owners.first() {
            let (pid, name) = (owner.process.pid, owner.process.name.to_string());
            let user = || PortUser { pid, name, connections: 0 };
            self.holders.entry(pid).or_insert_with(user).connections += 1;
        }
    }

    fn destination(
        self,
        (local_addr, remote_addr, remote_port): (IpAddr, IpAddr, u16),
        bound: &BTreeSet<u16>,
        usable: u32,
    ) -> Destination {
        let mut holders: Vec<PortUser> = self.holders.into_values().collect();
        holders.sort_by_key(|user| std::cmp::Reverse(user.connections));
        holders.truncate(MOST_HOLDERS);
        let used = self.all.union(bound).count() as u32;
        let percent = (used * 100).checked_div(usable).unwrap_or(100);
        let time_wait = self.time_wait.len() as u32;
        Destination { local_addr, remote_addr, remote_port, used, time_wait, percent, holders }
    }
}

fn findings(
    fill: &Fill,
    rules: &PortRules,
    refused: bool,
    tw_reuse: Option<u8>,
) -> Vec<WhyFinding> {
    let Some(range) = fill.range else { return Vec::new() };
    let EphemeralRange { first, last, usable, used, time_wait } = range;
    let mut found = Vec::new();
    let mut add = |text: String, tw_reuse_helps: bool| {
        let remedies = remedies(rules, tw_reuse_helps);
        found.push(WhyFinding {
            kind: WhyKind::EphemeralFull,
            text,
            sockets: Vec::new(),
            remedies,
            forwards: Vec::new(),
            reuse: None,
        });
    };
    if refused {
        let text = format!(
            "a bind of port 0 is refused: {used} of the {usable} ports of {first}-{last} are in \
             use, {time_wait} of them by TIME_WAIT alone"
        );
        // A bind takes no port in TIME_WAIT, whatever is set.
        add(text, false);
    }
    for destination in fill.destinations.iter().filter(|it| it.percent >= HIGH) {
        let Destination { local_addr, remote_port, used, time_wait, percent, .. } = destination;
        let to = std::net::SocketAddr::new(destination.remote_addr, *remote_port);
        let full = if *used >= usable { ", so that one more fails (EADDRNOTAVAIL)" } else { "" };
        let users: Vec<String> = destination
            .holders
            .iter()
            .map(|user| format!("{} {} has {}", user.name, user.pid, user.connections))
            .collect();
        let by = if users.is_empty() { String::new() } else { format!(": {}", users.join(", ")) };
        let text = format!(
            "connections from {local_addr} to {to} use {used} of the {usable} ports of \
             {first}-{last} ({percent} %), {time_wait} of them in TIME_WAIT{full}{by}. Another \
             source or destination address has a full range of its own, and a program that binds \
             its source address first needs IP_BIND_ADDRESS_NO_PORT to profit from that"
        );
        // 2 is: for loopback alone.
        let is_off = tw_reuse == Some(0) || (tw_reuse == Some(2) && !local_addr.is_loopback());
        add(text, is_off && *time_wait > 0);
    }
    found
}

fn remedies(rules: &PortRules, tw_reuse_helps: bool) -> Vec<Remedy> {
    let sysctl = |text: &str, value: String| Remedy {
        text: text.to_owned(),
        argv: vec!["sysctl".to_owned(), "-w".to_owned(), value],
    };
    let mut remedies = Vec::new();
    if tw_reuse_helps {
        let value = "net.ipv4.tcp_tw_reuse=1".to_owned();
        remedies.push(sysctl("let connections take ports in TIME_WAIT (as root)", value));
    }
    let is_narrow = rules
        .ephemeral
        .as_ref()
        .is_some_and(|range| *range.start() > FIRST_UNPRIVILEGED || *range.end() < u16::MAX);
    if is_narrow {
        let value = format!("net.ipv4.ip_local_port_range={FIRST_UNPRIVILEGED} {}", u16::MAX);
        remedies.push(sysctl("widen the range (as root)", value));
    }
    remedies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Family, Protocol};

    fn connection(port: u16, to: u16, state: State) -> Socket {
        let at = |port| Endpoint::ip([127, 0, 0, 1], port);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, state, at(port));
        socket.remote = Some(at(to));
        socket
    }

    #[test]
    fn each_destination_has_the_range_for_itself() {
        let rules = PortRules {
            ephemeral: Some(40_000..=40_009),
            reserved: Some(vec![40_009..=40_009]),
            ..PortRules::default()
        };
        let mut sockets: Vec<Socket> =
            (40_000..40_006).map(|port| connection(port, 80, State::TimeWait)).collect();
        sockets.push(connection(40_000, 443, State::Established));
        sockets.push(connection(80, 40_000, State::Established));
        let at = Endpoint::ip([127, 0, 0, 1], 40_008);
        sockets.push(Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, at));
        let fill = fill(&sockets, &rules, false);
        let range = fill.range.unwrap();
        assert_eq!((range.usable, range.used, range.time_wait), (9, 7, 5));
        let told: Vec<_> = fill
            .destinations
            .iter()
            .map(|it| (it.remote_port, it.used, it.time_wait, it.percent))
            .collect();
        assert_eq!(told, [(80, 7, 6, 77), (443, 2, 0, 22)]);
        let found = findings(&fill, &rules, false, Some(0));
        assert_eq!(found.len(), 1);
        let argv: Vec<&str> = found[0].remedies.iter().map(|it| it.argv[2].as_str()).collect();
        assert_eq!(argv, ["net.ipv4.tcp_tw_reuse=1", "net.ipv4.ip_local_port_range=1024 65535"]);
    }
}
