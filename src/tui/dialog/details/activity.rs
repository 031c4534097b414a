//! What moves at a socket: rates, queues that stand still, what it drops and turns away.

use std::time::Duration;

use jiff::Timestamp;

use super::fact::Fact;
use crate::model::activity::{ListenCounters, Stalled};
use crate::model::socket::{Socket, State};
use crate::text::units;
use crate::tui::label;

/// The facts, as far as there are any. `listen` are the counters of the socket's network
/// namespace.
pub(super) fn facts(socket: &Socket, listen: Option<ListenCounters>, now: Timestamp) -> Vec<Fact> {
    let mut facts = vec![("queue", queue(socket))];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("stalled", socket.stalled.as_deref().and_then(|stalled| stalls(stalled, now)));
    if socket.tcp.is_some() && socket.state != State::Listen {
        add("rate", Some(rates(socket)));
    }
    add("dropped", dropped(socket, now));
    if socket.state == State::Listen {
        // The kernel has no such counters for one listener alone.
        let listen = listen.filter(|listen| listen.netns.is_none_or(|n| Some(n) == socket.netns));
        add("turned away", listen.map(turned_away));
    }
    facts
}

fn queue(socket: &Socket) -> String {
    if let Some(backlog) = socket.backlog {
        let alarm = match (backlog.is_crowded(), backlog.is_full()) {
            (true, true) => "; full!",
            (true, false) => "; nearly full!",
            (false, _) => "",
        };
        let (queued, limit) = (backlog.queued, backlog.limit);
        return format!(
            "{queued} waiting to be accepted, limit {limit} ({} %){alarm}",
            backlog.percent()
        );
    }
    let bytes = |n: Option<u32>| n.map_or(units::UNKNOWN.to_owned(), |n| units::bytes(n.into()));
    format!("{} to be read, {} to be delivered", bytes(socket.recv_q), bytes(socket.send_q))
}

/// `not read for ≥ 12.0 s`. A look apart is no standstill yet.
fn stalls(stalled: &Stalled, now: Timestamp) -> Option<String> {
    let stands = |what: &str, since: Option<Timestamp>| {
        let time = label::stood_still(since?, now)?;
        Some(format!("{what} for ≥ {}", units::duration(time)))
    };
    let parts: Vec<String> =
        [stands("not read", stalled.recv_since), stands("not delivered", stalled.send_since)]
            .into_iter()
            .flatten()
            .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn rates(socket: &Socket) -> String {
    let rate = |rate: Option<f32>| match rate {
        Some(rate) => units::bytes_per_second(rate.into()),
        None => units::UNKNOWN.to_owned(),
    };
    let sent = rate(socket.rates.map(|rates| rates.bytes_sent_per_s));
    let received = rate(socket.rates.map(|rates| rates.bytes_received_per_s));
    format!("sends {sent}, receives {received}")
}

fn dropped(socket: &Socket, now: Timestamp) -> Option<String> {
    let drops = socket.drops.filter(|drops| *drops > 0)?;
    let total = units::count(drops.into());
    let Some(growth) = &socket.drop_growth else { return Some(total) };
    let ago = Duration::try_from(now.duration_since(growth.last_at)).unwrap_or_default();
    let more = units::count(growth.packets.into());
    Some(format!("{total}; {more} of them while watched, the last {} ago", units::short_age(ago)))
}

fn turned_away(listen: ListenCounters) -> String {
    let (overflows, drops) = (units::count(listen.overflows), units::count(listen.drops));
    format!(
        "by all listeners of this network namespace: {overflows} for a full queue, {drops} in all"
    )
}
