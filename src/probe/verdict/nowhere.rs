//! A target that has no address to go to.

use std::net::SocketAddr;

use super::super::Family;
use super::super::Host;
use super::super::fault::NameFault;
use super::super::name_server::Said;
use super::{QUOTED, failed};
use crate::model::probe::{OutcomeKind, Side, Verdict};
use crate::sys::errno;
use crate::sys::lookup::{LookupError, LookupFailure};
use crate::text::{clean::clean_to, units};

/// The verdict on a target that has no address to go to.
pub(in crate::probe) fn nowhere(fault: &NameFault, host: &Host) -> Verdict {
    match fault {
        NameFault::Lookup(error) => lookup(error, host),
        NameFault::Servers(told, error) => by_servers(told, error, host),
        NameFault::Silence(waited) => Verdict {
            outcome: OutcomeKind::DnsFailed,
            side: Some(Side::Path),
            text: format!(
                "no name server answered for {host} within {}: check the resolver's \
                 configuration and the way to its servers",
                units::duration(*waited)
            ),
            errno: None,
        },
        NameFault::OtherFamily(family) => {
            let version = if *family == Some(Family::V4) { "IPv4" } else { "IPv6" };
            Verdict {
                outcome: OutcomeKind::DnsFailed,
                side: None,
                text: format!("the name {host} exists, but has no {version} address"),
                errno: None,
            }
        }
        NameFault::Zone(error) => {
            let text =
                format!("{} names no interface of this host", clean_to(&host.to_string(), QUOTED));
            failed(OutcomeKind::LocalError, Side::Local, text, error)
        }
    }
}

/// The resolver gave up; what each name server says by itself tells why.
fn by_servers(told: &[(SocketAddr, Said)], error: &LookupError, host: &Host) -> Verdict {
    if told.is_empty() {
        return lookup(error, host);
    }
    let said: Vec<String> = told
        .iter()
        .map(|(server, said)| match said {
            Said::Code(code) => format!("{server} answers {}", clean_to(code, 20)),
            Said::Closed => format!("nothing listens on {server}"),
            Said::Silence => format!("{server} does not answer"),
            Said::Unasked(why) => format!("{server} cannot be asked ({})", clean_to(why, 80)),
        })
        .collect();
    let answers = told.iter().any(|(_, said)| matches!(said, Said::Code(_)));
    let what = match answers {
        true => "the name servers have no answer",
        false => "no name server could be asked",
    };
    let text = format!("{what} for {host}: {}", said.join("; "));
    let side = if answers { Side::Peer } else { Side::Path };
    Verdict { outcome: OutcomeKind::DnsFailed, side: Some(side), text, errno: None }
}

fn lookup(error: &LookupError, host: &Host) -> Verdict {
    let (side, text) = match error.failure {
        LookupFailure::NoSuchName => {
            (None, format!("the name {host} does not exist: check its spelling"))
        }
        LookupFailure::NoAddress => (None, format!("the name {host} exists, but has no address")),
        LookupFailure::Temporary => (
            Some(Side::Path),
            format!(
                "no name server could be asked for {host}: check the resolver's configuration \
                 and the way to its servers"
            ),
        ),
        LookupFailure::Other => {
            (None, format!("the resolver failed on {host}: {}", clean_to(&error.text, 200)))
        }
    };
    let errno = error.source.as_ref().and_then(errno::name).map(str::to_owned);
    Verdict { outcome: OutcomeKind::DnsFailed, side, text, errno }
}
