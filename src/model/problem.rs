//! What is wrong with flows, as far as their packets tell: the worst first.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::packets::{Flow, FlowEnd, FlowKey, Handshake, PacketCounts, ResetPhase, TcpEnd};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Trouble {
    /// The connection was refused by a reset.
    Refused,
    /// Nothing answered the SYN.
    Unanswered {
        /// SYNs, the repeated ones included.
        syns: u64,
    },
    /// ICMP errors speak of the flow.
    IcmpError {
        /// How many.
        errors: u64,
        /// What the last of them says.
        name: Cow<'static, str>,
    },
    /// One end reset the connection.
    Reset {
        /// Who did.
        by: FlowEnd,
        /// When.
        phase: ResetPhase,
    },
    /// Segments were sent again.
    Retransmissions {
        /// How many, of both ends.
        segments: u64,
        /// Of how many packets.
        packets: u64,
    },
    /// One end could take no more.
    ZeroWindow {
        /// Who.
        by: FlowEnd,
        /// How many of its segments said so.
        segments: u64,
    },
}

/// What is wrong with one flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    /// The flow.
    pub flow: FlowKey,
    /// Lower-case name of its protocol.
    pub protocol: Cow<'static, str>,
    /// Who asked for it, where that is known, else the smaller end.
    pub from: FlowEnd,
    /// The other end.
    pub to: FlowEnd,
    /// The name that the server goes by.
    pub server: Option<Arc<str>>,
    /// What is wrong.
    #[serde(flatten)]
    pub trouble: Trouble,
    /// How bad it is: the higher, the worse.
    #[serde(skip)]
    rank: (u8, u64),
}

/// At least one segment in this many must be sent again to be worth a word.
const SELDOM: u64 = 100;

/// Everything that is wrong with the flows that are listed, the worst first.
pub fn problems(counts: &PacketCounts) -> Vec<Problem> {
    let mut all: Vec<Problem> = counts.flows.iter().flat_map(of_flow).collect();
    all.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.flow.cmp(&b.flow)));
    all
}

fn of_flow(flow: &Flow) -> Vec<Problem> {
    let packets = flow.count.packets;
    let mut troubles: Vec<(Trouble, (u8, u64))> = Vec::new();
    if let Some(tcp) = &flow.tcp {
        let again = tcp.a.retransmissions + tcp.b.retransmissions;
        match tcp.handshake {
            Some(Handshake::Refused) => troubles.push((Trouble::Refused, (5, tcp.attempts))),
            Some(Handshake::Unanswered) => {
                let syns = tcp.attempts + again;
                troubles.push((Trouble::Unanswered { syns }, (6, syns)));
            }
            _ => {
                troubles.extend(reset(flow, &tcp.a, flow.a, tcp.reset_phase));
                troubles.extend(reset(flow, &tcp.b, flow.b, tcp.reset_phase));
                if again > 0 && again * SELDOM >= packets {
                    let trouble = Trouble::Retransmissions { segments: again, packets };
                    troubles.push((trouble, (2, again * 1_000 / packets.max(1))));
                }
            }
        }
        for (end, by) in [(&tcp.a, flow.a), (&tcp.b, flow.b)] {
            if end.zero_windows > 0 {
                let segments = end.zero_windows;
                troubles.push((Trouble::ZeroWindow { by, segments }, (3, segments)));
            }
        }
    }
    if let Some(name) = flow.icmp_error.clone() {
        let errors = flow.icmp_errors;
        troubles.push((Trouble::IcmpError { errors, name }, (4, errors)));
    }
    // Where only one end has sent, it has asked.
    let opened_by_a = flow.tcp.and_then(|tcp| tcp.opened_by_a);
    let asked_by_b = match opened_by_a {
        Some(by_a) => !by_a,
        None => packets > 0 && flow.packets_a_to_b == 0,
    };
    let (from, to) = if asked_by_b { (flow.b, flow.a) } else { (flow.a, flow.b) };
    let problem = |(trouble, rank)| Problem {
        flow: flow.key(),
        protocol: flow.protocol.clone(),
        from,
        to,
        server: flow.server.clone(),
        trouble,
        rank,
    };
    troubles.into_iter().map(problem).collect()
}

/// A reset after a FIN is how many programs end a connection: no trouble.
fn reset(
    flow: &Flow,
    end: &TcpEnd,
    by: FlowEnd,
    phase: Option<ResetPhase>,
) -> Option<(Trouble, (u8, u64))> {
    let phase = phase.filter(|phase| *phase != ResetPhase::Closing)?;
    (end.resets > 0).then_some((Trouble::Reset { by, phase }, (3, flow.count.packets)))
}
