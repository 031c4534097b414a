//! There is no connection to a socket that has a path: why.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::{QUOTED, failed};
use crate::model::probe::{OutcomeKind, Side, Verdict};
use crate::text::{clean::clean_to, units};

/// What stands at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum PathKind {
    /// A socket, or nobody can tell.
    Socket,
    /// Something else.
    NoSocket,
    /// It is no path, but an abstract name (unix(7)).
    Abstract,
}

/// There is no connection to the socket at this path.
pub(in crate::probe) fn unix_failure(
    error: &io::Error,
    path: &str,
    kind: PathKind,
    waited: Duration,
) -> Verdict {
    let path = clean_to(path, QUOTED);
    let (outcome, side, text) = match error.kind() {
        ErrorKind::NotFound => (
            OutcomeKind::LocalError,
            Side::Local,
            format!("there is no {path}: its server has not made it, or has removed it"),
        ),
        ErrorKind::ConnectionRefused => (
            if kind == PathKind::NoSocket { OutcomeKind::LocalError } else { OutcomeKind::Refused },
            if kind == PathKind::NoSocket { Side::Local } else { Side::Peer },
            match kind {
                PathKind::Socket => format!(
                    "nobody listens on {path}: the file is stale, left by a server that has ended"
                ),
                PathKind::NoSocket => format!(
                    "{path} is no socket: a server's socket is looked for, such as unix:///run/X.sock"
                ),
                PathKind::Abstract => format!("nobody listens on {path} in this network namespace"),
            },
        ),
        ErrorKind::PermissionDenied => (
            OutcomeKind::NotPermitted,
            Side::Local,
            format!("this user may not write to {path}, which a connection needs"),
        ),
        ErrorKind::WouldBlock => (
            OutcomeKind::Timeout,
            Side::Local,
            format!(
                "the accept queue of {path} is full for {}: its server does not accept",
                units::duration(waited)
            ),
        ),
        _ => (
            OutcomeKind::LocalError,
            Side::Local,
            format!("no connection to {path}: {error} (a stream socket is looked for)"),
        ),
    };
    failed(outcome, side, text, error)
}
