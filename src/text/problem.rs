//! What is wrong with a flow, in a sentence.

use std::net::SocketAddr;

use super::{clean, units};
use crate::model::packets::{FlowEnd, ResetPhase};
use crate::model::problem::{Problem, Trouble};

/// The two ends, who asked first: `10.0.0.1:4000 > 10.0.0.2:80 (example.org)`.
pub fn ends(problem: &Problem) -> String {
    let server = problem.server.as_deref();
    let server = server.map_or(String::new(), |name| format!(" ({})", clean(name)));
    format!("{} > {}{server}", end(problem.from), end(problem.to))
}

/// What is wrong, without a full stop.
pub fn sentence(problem: &Problem) -> String {
    match &problem.trouble {
        Trouble::Refused => format!("{} refused the connection", end(problem.to)),
        Trouble::Unanswered { syns: 1 } => "nothing answered the SYN".to_owned(),
        Trouble::Unanswered { syns } => {
            format!("nothing answered {} SYNs", units::count(*syns))
        }
        Trouble::IcmpError { errors: 1, name } => format!("ICMP says: {name}"),
        Trouble::IcmpError { errors, name } => {
            format!("ICMP says {} times: {name}", units::count(*errors))
        }
        Trouble::Reset { by, phase } => {
            let when = match phase {
                ResetPhase::Handshake => "during the handshake",
                ResetPhase::Established => "in the middle of the connection",
                ResetPhase::Closing => "after its end",
            };
            format!("{} reset it {when}", end(*by))
        }
        Trouble::Retransmissions { segments, packets } => format!(
            "{} of {} packets were sent again",
            units::count(*segments),
            units::count(*packets)
        ),
        Trouble::ZeroWindow { by, segments } => format!(
            "{} had no room for more {}: its program reads too slowly",
            end(*by),
            if *segments == 1 {
                "once".to_owned()
            } else {
                format!("{} times", units::count(*segments))
            }
        ),
    }
}

fn end(end: FlowEnd) -> String {
    match end.port {
        0 => end.addr.to_string(),
        port => SocketAddr::new(end.addr, port).to_string(),
    }
}
