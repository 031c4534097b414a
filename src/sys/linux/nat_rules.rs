//! The rules that send packets elsewhere: nf_tables over NETLINK_NETFILTER, and the older
//! ip_tables by getsockopt. Both need CAP_NET_ADMIN over the network namespace.

mod nftables;
mod xtables;

use crate::sys::error::Result;
use crate::wire::netfilter::Ruleset;

/// What sockpit's own network namespace has of them.
pub fn read() -> Result<Vec<Ruleset>> {
    let mut found = vec![nftables::read(|chain| chain.nat.is_some())?];
    found.extend(xtables::read(&["nat"])?);
    Ok(found)
}

/// What sockpit's own network namespace has of rules that let packets pass or not.
pub fn read_filters() -> Result<Vec<Ruleset>> {
    let mut found = vec![nftables::read(|chain| chain.filter.is_some())?];
    found.extend(xtables::read(&["raw", "mangle", "filter"])?);
    Ok(found)
}
