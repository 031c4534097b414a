//! What the host lays down about port numbers, apart from who holds them.

use std::ops::RangeInclusive;

/// The rules of one network namespace. `None` is *not told*, never *no rule*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortRules {
    /// The first port that needs no right to bind (`net.ipv4.ip_unprivileged_port_start`).
    pub unprivileged_start: Option<u16>,
    /// Where the kernel looks for the port of an outgoing connection
    /// (`net.ipv4.ip_local_port_range`).
    pub ephemeral: Option<RangeInclusive<u16>>,
    /// Ports that it never picks by itself, though whoever names one gets it
    /// (`net.ipv4.ip_local_reserved_ports`).
    pub reserved: Option<Vec<RangeInclusive<u16>>>,
}

impl PortRules {
    /// Whether a bind of `port` needs a right.
    pub fn is_privileged(&self, port: u16) -> bool {
        self.unprivileged_start.is_some_and(|start| port < start)
    }

    /// Whether an outgoing connection may be given `port` at any moment. A reserved port is not.
    pub fn is_ephemeral(&self, port: u16) -> bool {
        self.ephemeral.as_ref().is_some_and(|range| range.contains(&port))
            && !self.is_reserved(port)
    }

    /// Whether `port` is set aside for a service.
    pub fn is_reserved(&self, port: u16) -> bool {
        self.reserved.iter().flatten().any(|range| range.contains(&port))
    }
}
