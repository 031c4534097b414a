//! Everything that is known about one socket, line by line.

mod activity;
mod tcp;

use std::time::Duration;

use jiff::Timestamp;

use crate::model::activity::ListenCounters;
use crate::model::owner::{Owner, UnitScope};
use crate::model::socket::{Socket, TimerKind};
use crate::text::{address, clean, units};
use crate::tui::label;
use crate::tui::world::Selection;

/// A line: what, and its value. A value alone continues the one above; neither is a gap.
type Fact = (&'static str, String);

/// The facts about the selected row; `listen` are the counters of its network namespace.
pub fn lines(selection: &Selection, listen: Option<ListenCounters>, now: Timestamp) -> Vec<Fact> {
    let socket = &selection.row.socket;
    // Since the row was read; an ended one stands still.
    let until = selection.ended_at.unwrap_or(now);
    let passed = until.duration_since(selection.row.observed_at);
    let passed = Duration::try_from(passed).unwrap_or_default();
    let mut facts = vec![
        ("protocol", address::protocol(socket).to_owned()),
        ("local", label::local(socket, false)),
        ("remote", label::remote(socket, false)),
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
    add("netns", socket.netns.map(|netns| netns.to_string()));
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
    ownership(socket, &mut facts);
    if let Some(tcp) = &socket.tcp {
        facts.extend(tcp::facts(tcp, passed));
    }
    facts
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

fn ownership(socket: &Socket, facts: &mut Vec<Fact>) {
    let kind = socket.ownership.kind.name();
    let detail = socket.ownership.detail.as_deref().map(|d| format!(": {}", clean(d)));
    facts.push(("ownership", format!("{kind}{}", detail.unwrap_or_default())));
    if let Some(reason) = &socket.ownership.reason {
        facts.push(("", clean(reason).into_owned()));
    }
    if socket.owners_complete == Some(false) {
        facts.push(("", "other owners may exist: not every process could be read".to_owned()));
    }
    for owner in &socket.owners {
        owner_facts(owner, facts);
    }
}

fn owner_facts(owner: &Owner, facts: &mut Vec<Fact>) {
    let process = &owner.process;
    let fd = owner.fd.map(|fd| format!(" fd {fd}")).unwrap_or_default();
    facts.push(("owner", format!("{} {}{fd}", clean(&process.name), process.pid)));
    if !process.cmdline.is_empty() {
        facts.push(("", clean(&process.cmdline.join(" ")).into_owned()));
    }
    let mut more = Vec::new();
    more.extend(process.ppid.map(|ppid| format!("parent {ppid}")));
    more.extend(process.started_at.map(|at| format!("since {}", at.strftime("%F %T UTC"))));
    if let Some(unit) = &process.unit {
        let scope = if unit.scope == UnitScope::User { " (user)" } else { "" };
        more.push(format!("unit {}{scope}", clean(&unit.name)));
    }
    if let Some(container) = &process.container {
        let name = container.name.as_deref().unwrap_or(&container.id);
        more.push(format!("{} {}", clean(&container.runtime), clean(name)));
    }
    if !more.is_empty() {
        facts.push(("", more.join(", ")));
    }
}
