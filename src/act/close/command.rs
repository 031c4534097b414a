//! The command line that closes what a plan closes.

use std::collections::BTreeSet;

use crate::act::Consent;
use crate::model::close::ClosePlan;
use crate::model::socket::{Endpoint, Socket, State};

/// Program and arguments that close the same sockets, named by their ends as long as they
/// last; `None` for a plan without targets, and for one that reaches into another network
/// namespace, where the same words would mean other sockets.
pub(super) fn command(plan: &ClosePlan, consent: Consent) -> Option<Vec<String>> {
    let closable = plan.targets.iter().filter(|t| consent.protected || t.protected.is_none());
    if elsewhere(plan).is_some() {
        return None;
    }
    let mut terms: Vec<Vec<String>> = Vec::new();
    let mut protected = false;
    for target in closable {
        terms.push(terms_of(&target.socket));
        protected |= target.protected.is_some();
    }
    let query = match terms.as_slice() {
        [] => return None,
        [one] => one.clone(),
        several => vec![several.iter().map(|term| term.join(" ")).collect::<Vec<_>>().join(" or ")],
    };
    let mut argv = vec!["sockpit".to_owned(), "close".to_owned()];
    argv.extend(query);
    argv.extend(protected.then(|| "--protected".to_owned()));
    Some(argv)
}

/// The other network namespaces that a plan reaches into, by their names or inodes: `blue`,
/// `blue and 4026532248`. `None` where it stays in sockpit's own. Uncleaned.
pub(super) fn elsewhere(plan: &ClosePlan) -> Option<String> {
    let own = crate::sys::netns::own();
    let away = plan.targets.iter().map(|target| &target.socket).filter_map(|socket| {
        let netns = socket.netns.filter(|_| socket.netns != own)?;
        let name = socket.netns_name.as_deref();
        Some(name.map_or_else(|| netns.to_string(), str::to_owned))
    });
    let names: Vec<String> = away.collect::<BTreeSet<_>>().into_iter().collect();
    (!names.is_empty()).then(|| names.join(" and "))
}

fn terms_of(socket: &Socket) -> Vec<String> {
    let mut terms = vec![format!("proto:{}", socket.protocol.name())];
    terms.extend(end('l', &socket.local));
    match &socket.remote {
        Some(remote) => terms.extend(end('r', remote)),
        // A state that is named is what makes a socket without a peer be closed at all.
        None => terms.extend(named(socket.state).map(|state| format!("state:{state}"))),
    }
    terms
}

fn named(state: State) -> Option<&'static str> {
    match state {
        State::Listen => Some("listen"),
        State::Unconnected => Some("unconnected"),
        State::Bound => Some("bound"),
        _ => None,
    }
}

fn end(side: char, end: &Endpoint) -> Vec<String> {
    let addr = end.addr.map(|addr| format!("{side}addr:{}", addr.to_canonical()));
    let port = end.port.map(|port| format!("{side}port:{port}"));
    addr.into_iter().chain(port).collect()
}
