//! Everything that is known about one socket, line by line.

use std::time::Duration;

use jiff::Timestamp;

use super::fact::Fact;
use super::{activity, family, tcp};
use crate::model::activity::ListenCounters;
use crate::model::owner::{Owner, Process, UnitScope};
use crate::model::peer::Peer;
use crate::model::socket::{Endpoint, Socket, TimerKind};
use crate::text::{address, clean, owner, units};
use crate::tui::label;
use crate::tui::surroundings::Surroundings;
use crate::tui::world::{Selection, World};

/// The facts about the selected row; `listen` are the counters of its network namespace.
pub(super) fn lines(
    selection: &Selection,
    listen: Option<ListenCounters>,
    world: &World,
) -> Vec<Fact> {
    let now = world.now.wall;
    let socket = &selection.row.socket;
    let around = world.surroundings.as_ref().filter(|around| around.key == selection.row.key);
    // Since the row was read; an ended one stands still.
    let until = selection.ended_at.unwrap_or(now);
    let passed = until.duration_since(selection.row.observed_at);
    let passed = Duration::try_from(passed).unwrap_or_default();
    let mut facts = vec![
        ("protocol", address::protocol(socket).to_owned()),
        ("local", end(label::local(socket, false), Some(&socket.local), world)),
        ("remote", end(label::remote(socket, false), socket.remote.as_ref(), world)),
        ("state", state(selection)),
    ];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("service", socket.service.as_deref().map(|service| clean(service).into_owned()));
    facts.extend(activity::facts(socket, listen, now));
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add(
        "timer",
        socket.timer.map(|timer| {
            // It has run on since.
            let left = Duration::from_millis(timer.expires_ms.into()).saturating_sub(passed);
            format!("{}, {} left", timer_name(timer.kind), units::duration(left))
        }),
    );
    add(
        "user",
        socket.uid.map(|uid| match &socket.user {
            Some(user) => format!("{} ({uid})", clean(user)),
            None => uid.to_string(),
        }),
    );
    add("interface", socket.interface.as_deref().map(|name| clean(name).into_owned()));
    add("first seen", socket.first_seen.map(|at| at.strftime("%F %T UTC").to_string()));
    add("inode", socket.inode.map(|inode| inode.to_string()));
    add("cookie", socket.cookie.map(|cookie| cookie.to_string()));
    add(
        "netns",
        socket.netns.map(|netns| match &socket.netns_name {
            Some(name) => format!("{} ({netns})", clean(name)),
            None => netns.to_string(),
        }),
    );
    add("cgroup", socket.cgroup.as_deref().map(|path| clean(path).into_owned()));
    add(
        "memory",
        socket.memory.map(|m| {
            let part = |used: u32, of: u32| {
                format!("{} of {}", units::bytes(used.into()), units::bytes(of.into()))
            };
            let received = part(m.rmem_alloc_bytes, m.rcvbuf_bytes);
            format!("receive {received}, send {}", part(m.wmem_alloc_bytes, m.sndbuf_bytes))
        }),
    );
    facts.extend(family::facts(socket));
    ownership(socket, around, world, &mut facts);
    if let Some(kept) = world.kept_by.as_ref().filter(|kept| kept.key == selection.row.key) {
        let names = std::iter::once("kept by").chain(std::iter::repeat(""));
        facts.extend(names.zip(&kept.clauses).map(|(name, it)| (name, clean(it).into_owned())));
    }
    if let Some(peer) = around.and_then(|around| around.peer.as_ref()) {
        other_end(peer, &mut facts);
    }
    if let Some(tcp) = &socket.tcp {
        facts.extend(tcp::facts(tcp, passed));
    }
    facts
}

/// An end with the name of its address beside it, while names are shown.
fn end(text: String, end: Option<&Endpoint>, world: &World) -> String {
    match end.filter(|_| world.names).and_then(|end| world.hosts.name(end)) {
        Some(name) => format!("{text} ({})", clean(name)),
        None => text,
    }
}

fn state(selection: &Selection) -> String {
    let name = selection.row.socket.state.name();
    match selection.ended_at {
        Some(at) => format!("{name}, ended at {}", at.strftime("%T UTC")),
        None => name.to_owned(),
    }
}

fn timer_name(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Retransmit => "retransmission",
        TimerKind::Keepalive => "keepalive",
        TimerKind::TimeWait => "end of TIME_WAIT",
        TimerKind::ZeroWindowProbe => "zero window probe",
    }
}

fn ownership(socket: &Socket, around: Option<&Surroundings>, world: &World, facts: &mut Vec<Fact>) {
    let now = world.now.wall;
    let kind = socket.ownership.kind.name();
    let detail = socket.ownership.detail.as_deref().map(|d| format!(": {}", clean(d)));
    facts.push(("ownership", format!("{kind}{}", detail.unwrap_or_default())));
    if let Some(reason) = &socket.ownership.reason {
        facts.push(("", clean(reason).into_owned()));
    }
    if socket.owners_complete == Some(false) {
        facts.push((
            "",
            "other owners may exist: not every process can be seen and read".to_owned(),
        ));
    }
    let table = world.ports.value().filter(|table| !table.unverified.is_empty());
    if let Some(table) = table {
        let count = table.unverified.len();
        facts.push((
            "",
            format!("other owners may exist: {count} processes were not checked again yet"),
        ));
    }
    if let Some(activation) = &socket.activation {
        facts.push(("held for", owner::activation(activation)));
    }
    // Every process once, with all its descriptors.
    for same in socket.owners.chunk_by(|a, b| a.process.key() == b.process.key()) {
        let parents = around.map_or(&[][..], |around| around.parents_of(same[0].process.pid));
        owner_facts(same, parents, now, facts);
        let as_of = table.and_then(|table| table.as_of(same[0].process.key()));
        facts.extend(as_of.map(|as_of| ("", memory(as_of, now))));
    }
}

/// How old it is what is known of a process.
fn memory(as_of: Timestamp, now: Timestamp) -> String {
    let age = Duration::try_from(now.duration_since(as_of)).unwrap_or_default();
    format!(
        "as of {} ago: the process ran since and was not checked again yet",
        units::duration(age)
    )
}

/// The process at the other end, with each descriptor.
fn other_end(peer: &Peer, facts: &mut Vec<Fact>) {
    let mut name = "other end";
    for same in peer.owners.chunk_by(|a, b| a.pid == b.pid) {
        let fds = descriptors(same.iter().map(|owner| owner.fd));
        facts.push((name, format!("{} {}{fds}", clean(&same[0].name), same[0].pid)));
        name = "";
    }
    if peer.owners.is_empty() {
        let whose = match peer.inode {
            Some(0) => "on this machine, held by the kernel alone",
            _ => "on this machine, its owner is not known",
        };
        facts.push((name, whose.to_owned()));
    }
}

/// ` fd 3`, or ` fds 3, 7`; nothing where no number is known.
fn descriptors(fds: impl Iterator<Item = Option<i32>>) -> String {
    let fds: Vec<String> = fds.flatten().map(|fd| fd.to_string()).collect();
    match fds.len() {
        0 => String::new(),
        1 => format!(" fd {}", fds[0]),
        _ => format!(" fds {}", fds.join(", ")),
    }
}

fn owner_facts(same: &[Owner], parents: &[Process], now: Timestamp, facts: &mut Vec<Fact>) {
    let owner = &same[0];
    let process = &owner.process;
    let fds = descriptors(same.iter().map(|owner| owner.fd));
    facts.push(("owner", format!("{} {}{fds}", clean(&process.name), process.pid)));
    facts.extend(same.iter().filter_map(owner::through).map(|through| ("", through)));
    if !process.cmdline.is_empty() {
        facts.push(("", clean(&process.cmdline.join(" ")).into_owned()));
    }
    if let Some(exe) = &process.exe {
        facts.push(("", format!("program {}", clean(exe))));
    }
    if let Some(comm) = process.comm.as_ref().filter(|comm| !process.name.starts_with(&***comm)) {
        facts.push(("", format!("calls itself {}", clean(comm))));
    }
    if let Some(cwd) = &process.cwd {
        facts.push(("", format!("works in {}", clean(cwd))));
    }
    facts.extend(lineage(process, parents).map(|line| ("", line)));
    let mut more = Vec::new();
    more.extend(process.uid.map(|uid| format!("user id {uid}")));
    more.extend(process.started_at.map(|at| {
        let age = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        format!("since {} ({})", at.strftime("%F %T UTC"), units::duration(age))
    }));
    if !more.is_empty() {
        facts.push(("", more.join(", ")));
    }
    if let Some(unit) = &process.unit {
        let scope = if unit.scope == UnitScope::User { " (user)" } else { "" };
        facts.push(("", format!("unit {}{scope}", clean(&unit.name))));
    }
    if let Some(container) = &process.container {
        let name = clean(container.shown());
        facts.push(("", format!("{} container {name}", clean(&container.runtime))));
    }
}

/// `child of sh 812, sshd 700, systemd 1`; the parent's number alone until more is known.
fn lineage(process: &Process, parents: &[Process]) -> Option<String> {
    let named = |parent: &Process| format!("{} {}", clean(&parent.name), parent.pid);
    let chain: Vec<String> = parents.iter().map(named).collect();
    match (chain.is_empty(), process.ppid) {
        (false, _) => Some(format!("child of {}", chain.join(", "))),
        (true, ppid) => ppid.filter(|ppid| *ppid != 0).map(|ppid| format!("child of {ppid}")),
    }
}
