//! The destination whose range of outgoing ports is the fullest, from the socket table alone.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::model::port_rules::PortRules;
use crate::model::socket::{Endpoint, Protocol, Socket};

/// Where connections are close to running out of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fullest {
    /// Source address.
    pub local_addr: IpAddr,
    /// Where to.
    pub remote: SocketAddr,
    /// Share of the usable ports that connections have, in per cent, rounded down.
    pub percent: u32,
}

/// The fullest (source, destination, port), if it has at least `percent` of the usable ports.
/// `sockets` are those of the network namespace that `rules` are of.
pub fn fullest<'a>(
    sockets: impl Iterator<Item = &'a Socket> + Clone,
    rules: &PortRules,
    percent: u32,
) -> Option<Fullest> {
    let range = rules.ephemeral.clone()?;
    let usable = u32::try_from(range.filter(|port| rules.is_ephemeral(*port)).count()).ok()?;
    let share = |used: u32| u64::from(used) * 100 / u64::from(usable.max(1));
    let ends = |socket: &Socket| {
        let is_tcp = matches!(socket.protocol, Protocol::Tcp | Protocol::Mptcp);
        let remote = socket.remote.as_ref().filter(|_| is_tcp)?;
        let port = socket.local.port?;
        rules.is_ephemeral(port).then_some(())?;
        let to = SocketAddr::new(remote.canonical_addr()?, remote.port?);
        Some((socket.local.canonical_addr()?, to))
    };
    // Few connections cannot fill a range, and few is what there mostly is.
    let connections = sockets.clone().filter(|socket| has_peer(socket)).count();
    if share(u32::try_from(connections).unwrap_or(u32::MAX)) < u64::from(percent) {
        return None;
    }
    let mut used: HashMap<(IpAddr, SocketAddr), u32> = HashMap::new();
    for ends in sockets.filter_map(ends) {
        *used.entry(ends).or_default() += 1;
    }
    let ((local_addr, remote), used) = used.into_iter().max_by_key(|(_, used)| *used)?;
    let percent_used = u32::try_from(share(used)).unwrap_or(u32::MAX);
    (percent_used >= percent).then_some(Fullest { local_addr, remote, percent: percent_used })
}

fn has_peer(socket: &Socket) -> bool {
    socket.remote.as_ref().is_some_and(|remote: &Endpoint| remote.port.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Family, State};

    fn connection(local_port: u16, remote_port: u16) -> Socket {
        let local = Endpoint::ip([10, 0, 0, 1], local_port);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::TimeWait, local);
        socket.remote = Some(Endpoint::ip([10, 0, 0, 7], remote_port));
        socket
    }

    fn rules(first: u16, last: u16) -> PortRules {
        PortRules { ephemeral: Some(first..=last), reserved: None, unprivileged_start: None }
    }

    #[test]
    fn each_destination_has_the_range_for_itself() {
        let to_443 = (40_000..40_008).map(|port| connection(port, 443));
        let to_80 = (40_000..40_005).map(|port| connection(port, 80));
        let sockets: Vec<Socket> = to_443.chain(to_80).collect();
        let found = fullest(sockets.iter(), &rules(40_000, 40_009), 70).unwrap();
        assert_eq!((found.percent, found.remote.port()), (80, 443));
        assert_eq!(fullest(sockets.iter(), &rules(40_000, 40_009), 81), None);
    }

    #[test]
    fn ports_outside_of_the_range_do_not_count() {
        let sockets: Vec<Socket> = (100..110).map(|port| connection(port, 443)).collect();
        assert_eq!(fullest(sockets.iter(), &rules(40_000, 40_009), 70), None);
    }
}
