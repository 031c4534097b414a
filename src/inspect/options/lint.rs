//! What about a socket's options and queues deserves a word.

use crate::model::options::{OptionFinding, OptionValue, SocketOption};
use crate::model::socket::Socket;

/// Every finding, the gravest first.
pub(super) fn findings(socket: &Socket, options: &[SocketOption]) -> Vec<OptionFinding> {
    let found = [accept_queue_full(socket), linger_aborts(options)];
    found.into_iter().flatten().collect()
}

/// The kernel drops handshakes once more than `limit` wait.
fn accept_queue_full(socket: &Socket) -> Option<OptionFinding> {
    let backlog = socket.backlog.filter(|backlog| backlog.is_full())?;
    Some(OptionFinding {
        kind: "accept_queue_full".to_owned(),
        text: format!(
            "the accept queue is full ({} wait, its limit is {}): new connections wait or fail \
             until the process accepts",
            backlog.queued, backlog.limit
        ),
    })
}

fn linger_aborts(options: &[SocketOption]) -> Option<OptionFinding> {
    let linger = options.iter().find(|option| option.name == "SO_LINGER")?;
    (linger.value == OptionValue::Linger { on: true, seconds: 0 }).then(|| OptionFinding {
        kind: "linger_aborts".to_owned(),
        text: "SO_LINGER is on with 0 s: close drops unsent data and resets the connection"
            .to_owned(),
    })
}
