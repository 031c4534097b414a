//! Dropped packets and resets in words.

use std::net::IpAddr;

use super::{event, units};
use crate::model::drops::DropCause;
use crate::model::event::EventKind;

/// So many of the other ends are named.
const NAMED: usize = 2;

/// What befell packets of one port, in the time that `span` tells: `3 packets from 10.0.0.7 were
/// dropped within 5.0 s: NETFILTER_DROP: a rule of …`.
pub fn at_port(cause: &DropCause, span: &str) -> String {
    let peers = peers(cause);
    let were = if cause.count == 1 { "was" } else { "were" };
    let number = |thing| units::counted(cause.count, thing);
    let what = match cause.event {
        EventKind::ResetSent => format!("{} {were} sent to {peers} {span}", number("reset")),
        EventKind::ResetReceived => format!("{} came from {peers} {span}", number("reset")),
        _ => format!("{} from {peers} {were} dropped {span}", number("packet")),
    };
    match &cause.reason {
        Some(reason) => format!("{what}: {}", event::reason(reason)),
        None => what,
    }
}

/// The other ends, each once, the most frequent first.
fn peers(cause: &DropCause) -> String {
    let mut peers: Vec<IpAddr> = Vec::new();
    for flow in &cause.flows {
        if !peers.contains(&flow.remote.addr) {
            peers.push(flow.remote.addr);
        }
    }
    let named: Vec<String> = peers.iter().take(NAMED).map(ToString::to_string).collect();
    match peers.len().saturating_sub(NAMED) {
        0 => named.join(" and "),
        1 => format!("{} and 1 other", named.join(", ")),
        more => format!("{} and {more} others", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::drops::DropFlow;
    use crate::model::packets::FlowEnd;
    use crate::model::socket::Protocol;

    fn cause(event: EventKind, reason: Option<&str>, peers: &[u8]) -> DropCause {
        let end = |last, port| FlowEnd { addr: [10, 0, 0, last].into(), port };
        let flow = |last: &u8| DropFlow {
            protocol: Some(Protocol::Tcp),
            local: end(5, 80),
            remote: end(*last, 4000),
            count: 1,
            last: Timestamp::UNIX_EPOCH,
        };
        DropCause {
            event,
            reason: reason.map(str::to_owned),
            count: peers.len() as u64,
            flows: peers.iter().map(flow).collect(),
            others: 0,
        }
    }

    #[test]
    fn a_cause_is_one_sentence() {
        let dropped = cause(EventKind::Dropped, Some("NEWER_THAN_THIS"), &[7, 7, 8]);
        let expected = "3 packets from 10.0.0.7 and 10.0.0.8 were dropped since 12:04:31: \
                        NEWER_THAN_THIS";
        assert_eq!(at_port(&dropped, "since 12:04:31"), expected);
        let sent = cause(EventKind::ResetSent, Some("NO_SOCKET"), &[7]);
        let said = at_port(&sent, "within 5.0 s");
        assert!(said.starts_with("1 reset was sent to 10.0.0.7 within 5.0 s: NO_SOCKET: no"));
        let received = cause(EventKind::ResetReceived, None, &[1, 2, 3, 4]);
        let expected = "4 resets came from 10.0.0.1, 10.0.0.2 and 2 others within 5.0 s";
        assert_eq!(at_port(&received, "within 5.0 s"), expected);
    }
}
