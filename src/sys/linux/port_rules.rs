//! The rules about port numbers, from `/proc/sys/net/ipv4`.
//!
//! What stands there belongs to the network namespace of whoever reads it. IPv6 has no such
//! files of its own: these hold for both families.

use std::fs;

use crate::model::port_rules::PortRules;
use crate::wire::sysctl::{pair, ranges};

/// The rules of sockpit's own network namespace; a file that cannot be read tells nothing.
pub fn read() -> PortRules {
    PortRules {
        unprivileged_start: sysctl("ip_unprivileged_port_start").and_then(|text| text.parse().ok()),
        ephemeral: sysctl("ip_local_port_range").and_then(|text| pair(&text)),
        reserved: sysctl("ip_local_reserved_ports").and_then(|text| ranges(&text)),
    }
}

/// Whether outgoing connections may take a port in TIME_WAIT (`net.ipv4.tcp_tw_reuse`): 0 none,
/// 1 every one, 2 those of loopback.
pub fn time_wait_reuse() -> Option<u8> {
    sysctl("tcp_tw_reuse")?.parse().ok()
}

fn sysctl(name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_tells_its_rules() {
        let rules = read();
        assert!(rules.unprivileged_start.is_some());
        assert!(!rules.ephemeral.unwrap().is_empty());
        assert!(rules.reserved.is_some());
    }
}
