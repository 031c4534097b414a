//! Counters of the TCP stack, from `/proc/thread-self/net/netstat`: what stands there belongs
//! to the network namespace of the thread that reads it.

use std::fs;

use crate::model::activity::ListenCounters;
use crate::wire::netstat::counter;

/// What listeners of this network namespace turned away since it was made; `None` when the
/// kernel does not tell.
pub fn listen() -> Option<ListenCounters> {
    let text = fs::read_to_string("/proc/thread-self/net/netstat").ok()?;
    Some(ListenCounters {
        netns: super::netns::own(),
        overflows: counter(&text, "TcpExt", "ListenOverflows")?,
        drops: counter(&text, "TcpExt", "ListenDrops")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_counts_them() {
        let counters = listen().unwrap();
        assert!(counters.drops >= counters.overflows, "{counters:?}");
    }
}
