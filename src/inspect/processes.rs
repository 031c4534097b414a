//! All processes at one moment.

use super::Error;
use crate::model::tree::ProcessTree;
use crate::sys;

/// The processes that this user can see, with their parents.
pub fn tree() -> Result<ProcessTree, Error> {
    sys::process::tree()
}
