//! What one pass over all processes found.

use jiff::Timestamp;
use rustix::io::Errno;

use super::descriptors::Holder;
use crate::model::join::Holding;
use crate::model::owner::ProcessKey;

/// What one pass over all processes found.
#[derive(Debug, Default)]
pub(in super::super) struct Scan {
    /// Processes that hold sockets, in order of their pid.
    pub(in super::super) holders: Vec<Holder>,
    /// Sockets held, by inode; `process` is an index into `holders`.
    pub(in super::super) holdings: Vec<Holding>,
    /// Processes seen.
    pub(in super::super) processes: usize,
    /// Processes whose descriptors could not be read.
    pub(in super::super) unreadable: usize,
    /// Which they are, in order of their pid, and why.
    pub(in super::super) refused: Vec<(u32, Errno)>,
    /// Processes that ended while they were looked at; what they held may have gone to others.
    pub(in super::super) ended: usize,
    /// Whether the kernel's own tables were read: nobody is left out then, but for rings that may
    /// not be read and what a policy keeps back.
    pub(in super::super) by_kernel: bool,
    /// Processes that may have changed what they hold since this time, in order of their pid.
    pub(in super::super) unverified: Vec<(ProcessKey, Timestamp)>,
}

impl Scan {
    /// Adds processes that could not be read, and why.
    pub(in super::super) fn refuse(&mut self, pids: impl IntoIterator<Item = (u32, Errno)>) {
        self.refused.extend(pids);
        self.refused.sort_unstable_by_key(|(pid, _)| *pid);
        self.refused.dedup_by_key(|(pid, _)| *pid);
        self.unreadable = self.refused.len();
    }
}
