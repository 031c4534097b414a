//! Who waits on a socket, over all its owners.

use crate::model::options::IoModel;
use crate::model::socket::Socket;
use crate::sys::options::waiting_on;

/// No more processes than this are looked at.
const MAX_PROCESSES: usize = 64;

/// What the owners tell; `pid` is looked at in any case. `None` where nothing was readable.
pub(super) fn of(
    socket: &Socket,
    pid: u32,
    inode: u64,
    nonblocking: Option<bool>,
) -> Option<IoModel> {
    let mut pids: Vec<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
    pids.push(pid);
    pids.sort_unstable();
    pids.dedup();
    let mut model = IoModel { nonblocking, ..IoModel::default() };
    let mut readable = nonblocking.is_some();
    for pid in pids.into_iter().filter(|pid| *pid != 0 && inode != 0).take(MAX_PROCESSES) {
        if let Ok(waiting) = waiting_on(pid, inode) {
            readable = true;
            model.watchers.extend(waiting.watchers);
            model.blocked_in.extend(waiting.blocked);
        }
    }
    readable.then_some(model)
}
