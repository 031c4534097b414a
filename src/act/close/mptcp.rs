//! A closed subflow is no closed connection: MPTCP carries on over others, and without any it
//! waits for a new one (net.mptcp.close_timeout) before it tells its programs.

use std::thread;
use std::time::Duration;

use crate::inspect::{Error, sockets};
use crate::model::close::FailedClose;
use crate::model::socket::{Protocol, Socket, State};
use crate::model::tables::Table;
use crate::sys;

/// A connection that is about to end is given so many looks to be gone.
const LOOKS: u32 = 4;
/// The time between two such looks.
const PAUSE: Duration = Duration::from_millis(30);

/// The MPTCP sockets of the namespaces that these are in.
pub(super) fn table(targets: &[&Socket]) -> Result<Vec<Socket>, Error> {
    let own = sys::netns::own();
    let is_elsewhere = |socket: &&Socket| socket.netns.is_some() && socket.netns != own;
    let reach = match targets.iter().any(is_elsewhere) {
        true => sockets::Reach::All,
        false => sockets::Reach::Own,
    };
    let tables = Table::Mptcp.into();
    Ok(sockets::list(&sockets::Request { tables, reach, ..Default::default() })?.sockets)
}

/// The MPTCP connections that live on though subflows of theirs were `closed`: a subflow has
/// the inode of its connection.
pub(super) fn living(
    closed: &[Socket],
    carried: &mut dyn FnMut() -> Result<Vec<Socket>, Error>,
) -> Vec<FailedClose> {
    let inode = |socket: &Socket| Some((socket.netns, socket.inode.filter(|&inode| inode != 0)?));
    let held: Vec<_> = closed.iter().filter(|socket| is_connection(socket)).collect();
    if held.is_empty() {
        return Vec::new();
    }
    let carries = |socket: &Socket| {
        socket.protocol == Protocol::Mptcp
            && is_connection(socket)
            && inode(socket).is_some()
            && held.iter().any(|closed| inode(closed) == inode(socket))
    };
    let mut living = Vec::new();
    for attempt in 0..LOOKS {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        // Where it cannot be told, the subflows are closed all the same.
        let Ok(table) = carried() else { return Vec::new() };
        living = table.into_iter().filter(carries).collect();
        if living.is_empty() {
            break;
        }
    }
    living.into_iter().map(lives_on).collect()
}

fn is_connection(socket: &Socket) -> bool {
    socket.remote.is_some() && !matches!(socket.state, State::Listen | State::TimeWait)
}

fn lives_on(socket: Socket) -> FailedClose {
    let state = socket.state.name();
    let reason = format!(
        "only its subflows are closed, and the connection is {state} for both its programs until \
         the kernel gives it up (net.mptcp.close_timeout, 60 s by default) or a new subflow joins; \
         sockpit kill ends its process"
    );
    FailedClose { socket, reason, refused: false }
}
