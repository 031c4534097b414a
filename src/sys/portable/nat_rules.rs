//! Rules that send packets elsewhere, where nobody reads them.

use crate::sys::error::{Error, Result};
use crate::wire::netfilter::Ruleset;

/// Fails: what filters packets here is not read.
pub fn read() -> Result<Vec<Ruleset>> {
    Err(Error::unsupported("the list of address translations", "sockpit reads it only on Linux"))
}

/// Fails: what filters packets here is not read.
pub fn read_filters() -> Result<Vec<Ruleset>> {
    Err(Error::unsupported("the list of firewall rules", "sockpit reads it only on Linux"))
}
