//! What a filter means and no row can show: a socket that is not connected sends to whom it
//! likes, and the kernel's table does not say to whom. A capture does.

use jiff::Timestamp;

use crate::model::packets::{Flow, FlowEnd, PacketCounts};
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::model::table::SocketTable;
use crate::query::{Query, Subject, Truth};
use crate::tui::world::World;

/// UDP flows of sockets without a peer that the filter would let through by their peer.
pub(super) fn count(query: Option<&Query>, world: &World) -> usize {
    let (Some(query), Some(counts)) = (query, world.packets.value()) else { return 0 };
    let Some(table) = world.ports.value() else { return 0 };
    of(query, counts, table, world.now.wall).count()
}

fn of<'a>(
    query: &'a Query,
    counts: &'a PacketCounts,
    table: &'a SocketTable,
    now: Timestamp,
) -> impl Iterator<Item = &'a Flow> {
    counts.flows.iter().filter(move |flow| {
        flow.protocol == "udp"
            && [(&flow.a, &flow.b), (&flow.b, &flow.a)].into_iter().any(|(here, there)| {
                let Some(socket) = unconnected(table, here) else { return false };
                let mut seen = socket.clone();
                seen.state = State::Connected;
                seen.remote = Some(Endpoint::ip(there.addr, there.port));
                let matches =
                    |socket: &Socket| query.matches(&Subject::new(socket, now)) == Truth::Yes;
                matches(&seen) && !matches(socket)
            })
    })
}

/// The socket that the packets at this end belong to, if that has no peer.
fn unconnected<'a>(table: &'a SocketTable, end: &FlowEnd) -> Option<&'a Socket> {
    let is_there = |socket: &&Socket| {
        socket.protocol == Protocol::Udp
            && socket.remote.is_none()
            && socket.local.port == Some(end.port)
            && socket.local.addr.is_none_or(|addr| {
                addr == end.addr
                    || addr.is_unspecified()
                        && (addr.is_ipv4() == end.addr.is_ipv4() || socket.family == Family::Ipv6)
            })
    };
    table.rows.iter().map(|row| &row.socket).find(is_there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::packets::Count;
    use crate::tui::fixture::{rows, table, wall};

    #[test]
    fn datagrams_of_a_socket_without_a_peer_are_found_by_their_peer() {
        let end = |last, port| FlowEnd { addr: [10, 0, 0, last].into(), port };
        let flow = |protocol: &'static str, here, there| Flow {
            protocol: protocol.into(),
            ip_protocol: 17,
            a: here,
            b: there,
            count: Count::default(),
            packets_a_to_b: 0,
            bytes_a_to_b: 0,
            packets_b_to_a: 0,
            bytes_b_to_a: 0,
            flags_a_to_b: 0,
            flags_b_to_a: 0,
            owner: None,
            owner_a: None,
            owner_b: None,
            application: None,
            server: None,
            tcp: None,
            icmp: None,
            icmp_errors: 0,
            icmp_error: None,
            interfaces: Vec::new(),
        };
        let flows = vec![
            flow("udp", end(5, 68), end(9, 67)),
            flow("udp", end(9, 67), end(5, 68)),
            flow("udp", end(5, 69), end(9, 67)),
            flow("tcp", end(5, 68), end(9, 67)),
        ];
        let counts = PacketCounts { flows, ..PacketCounts::default() };
        let table = table(rows());
        let found =
            |text: &str| of(&Query::parse(text).unwrap(), &counts, &table, wall(0.0)).count();
        assert_eq!(found("raddr:10.0.0.9"), 2, "whichever end came first");
        assert_eq!(found("raddr:10.0.0.8"), 0);
        assert_eq!(found("port:68"), 0, "the row itself is listed");
    }
}
