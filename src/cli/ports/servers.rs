//! `state:listen` is for those who look for servers, and leaves out the ones that never listen:
//! bound datagram sockets. That is said.

use std::io::Write;

use super::{Args, is_text};
use crate::inspect::sockets::Listing;
use crate::model::socket::State;
use crate::query::{Query, Saved, Subject, Truth};

/// The same query for servers of every protocol, where it is a person's and asks for listeners.
pub(super) fn wider(args: &Args, saved: &Saved) -> Option<Query> {
    let is_listen = |word: &String| word.eq_ignore_ascii_case("state:listen");
    if !is_text(args) || !args.query.iter().any(is_listen) {
        return None;
    }
    let widened = args.query.iter().map(|word| match is_listen(word) {
        true => "state:server".to_owned(),
        false => word.clone(),
    });
    Query::parse_args_with(&widened.collect::<Vec<_>>(), saved).ok()
}

/// How many datagram servers the wider query has.
pub(super) fn count(listing: &Listing, wider: &Query) -> usize {
    let matching = listing.sockets.iter().filter(|socket| socket.state == State::Unconnected);
    let now = listing.taken_at;
    matching.filter(|socket| wider.matches(&Subject::new(socket, now)) == Truth::Yes).count()
}

/// Says so on stderr.
pub(super) fn tell(count: usize) {
    let serve = match count {
        0 => return,
        1 => "1 datagram socket serves without listening and is".to_owned(),
        count => format!("{count} datagram sockets serve without listening and are"),
    };
    // A note that cannot be written is no reason to fail.
    let _ = writeln!(std::io::stderr(), "sockpit: {serve} not among these; state:server has both");
}
