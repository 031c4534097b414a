//! Who waits on a socket, over all its owners.

use std::collections::HashMap;

use crate::model::options::IoModel;
use crate::model::socket::Socket;
use crate::sys::options::ProcessWaits;

/// No more processes than this are looked at for one socket.
const MAX_PROCESSES: usize = 64;

/// What processes wait for, looked up once each; `None` where not readable.
#[derive(Debug, Default)]
pub(super) struct Waits(HashMap<u32, Option<ProcessWaits>>);

impl Waits {
    /// What the owners tell of the socket with this inode; `pid` is asked in any case. `None`
    /// where nothing was readable.
    pub(super) fn model(
        &mut self,
        socket: &Socket,
        pid: Option<u32>,
        inode: u64,
        nonblocking: Option<bool>,
    ) -> Option<IoModel> {
        let owners = socket.owners.iter().map(|owner| owner.process.pid);
        let mut pids: Vec<u32> = owners.chain(pid).filter(|_| inode != 0).collect();
        pids.sort_unstable();
        pids.dedup();
        let mut model = IoModel { nonblocking, ..IoModel::default() };
        let mut readable = nonblocking.is_some();
        for pid in pids.into_iter().take(MAX_PROCESSES) {
            let known = self.0.entry(pid).or_insert_with(|| ProcessWaits::of(pid).ok());
            if let Some(waits) = known {
                let waiting = waits.on(inode);
                model.watchers.extend(waiting.watchers);
                model.blocked_in.extend(waiting.blocked);
                readable = true;
            }
        }
        readable.then_some(model)
    }
}
