//! The port in other network namespaces: no reason for a refusal here, but where to look for a
//! server that is not found here.

use super::super::Target;
use super::finding;
use crate::inspect::bind;
use crate::inspect::elsewhere::{self, Elsewhere};
use crate::inspect::words::{self, counted};
use crate::model::owner::Process;
use crate::model::socket::Socket;
use crate::model::why::{Remedy, WhyFinding, WhyKind};
use crate::text::address;

/// More namespaces than this are counted.
const MOST: usize = 6;

/// Looks there when nobody serves on the port here. Blocks.
pub(in super::super) fn findings(
    target: &Target,
    on_port: &[Socket],
    own: Option<&Process>,
) -> Vec<WhyFinding> {
    let meets = |socket: &Socket| target.meets(socket);
    if on_port.iter().any(|socket| bind::is_holder(socket) && meets(socket)) {
        return Vec::new();
    }
    drawn_from(&elsewhere::serving(target.port, target.udp, &meets), target, own)
}

/// What follows from what was found there.
pub(in super::super) fn drawn_from(
    places: &[Elsewhere],
    target: &Target,
    own: Option<&Process>,
) -> Vec<WhyFinding> {
    let is_root = own.is_some_and(|process| process.uid == Some(0));
    let mut found: Vec<WhyFinding> =
        places.iter().take(MOST).map(|place| other_netns(place, target, is_root)).collect();
    if let Some(rest @ [_, ..]) = places.get(MOST..) {
        let sockets: Vec<&Socket> = rest.iter().flat_map(|place| &place.sockets).collect();
        let count = counted(rest.len(), "more network namespace", "more network namespaces");
        let text = format!("{} is held in {count} as well", target.name());
        found.push(finding(WhyKind::OtherNetns, text, &sockets, Vec::new()));
    }
    found
}

fn other_netns(place: &Elsewhere, target: &Target, is_root: bool) -> WhyFinding {
    let mut ends: Vec<String> =
        place.sockets.iter().map(|socket| address::local(socket).to_string()).collect();
    let mut holders: Vec<String> = place.sockets.iter().map(words::holders).collect();
    ends.dedup();
    holders.dedup();
    let (ends, holders) = (words::list(&ends), words::list(&holders));
    let text = format!(
        "in {} {ends} is held by {holders}; a bind here does not meet it",
        place.describe()
    );
    let mut argv = place.way_in(is_root);
    argv.extend(["sockpit", "why", &target.name()].map(str::to_owned));
    argv.extend(target.addr.iter().flat_map(|addr| ["--addr".to_owned(), addr.to_string()]));
    let remedy = Remedy { text: "ask in that namespace".to_owned(), argv };
    let sockets: Vec<&Socket> = place.sockets.iter().collect();
    finding(WhyKind::OtherNetns, text, &sockets, vec![remedy])
}
