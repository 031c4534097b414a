//! The command line that closes what a plan closes.

use super::Consent;
use crate::model::close::ClosePlan;
use crate::model::socket::{Endpoint, Socket, State};

/// Program and arguments that close the same sockets, named by their ends as long as they
/// last; `None` for a plan without targets, and for one that reaches into another network
/// namespace, where the same words would mean other sockets.
pub fn command(plan: &ClosePlan, consent: Consent) -> Option<Vec<String>> {
    let closable = plan.targets.iter().filter(|t| consent.protected || t.protected.is_none());
    let own = crate::sys::netns::own();
    let is_elsewhere = |socket: &Socket| socket.netns.is_some() && socket.netns != own;
    if plan.targets.iter().any(|target| is_elsewhere(&target.socket)) {
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
