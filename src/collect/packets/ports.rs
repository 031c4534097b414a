//! Counts by port, made from the flows: a flow counts for the port that it is about.

use std::collections::HashMap;

use super::flows::{Attributed, Entry};
use crate::catalog::services;
use crate::model::packets::{Count, FlowKey};

/// IP protocol number and port.
pub(super) type Port = (u8, u16);

const UDP: u8 = 17;
const UDPLITE: u8 = 136;
/// Ports that only the system's own services take, as it once was.
const WELL_KNOWN: u16 = 1024;

/// The port that a flow is about: where its connection was opened to, else that of a socket of
/// this host that serves, else the one with a service's name, else the lower. Datagrams open
/// nothing, and a socket that only asks looks like one that serves: for these a well-known port
/// goes first, then the receiver of what goes one way only, then the rest. `None` where there are
/// no ports.
pub(super) fn service_port(flow: &Entry, served_at_b: Option<bool>) -> Option<Port> {
    let FlowKey { ip_protocol, a, b, .. } = flow.id.key();
    if (a.port, b.port) == (0, 0) {
        return None;
    }
    let one = |is: &dyn Fn(u16) -> bool| (is(a.port) != is(b.port)).then(|| is(b.port));
    let is_named = |port| services::of_ip_protocol(ip_protocol, port).is_some();
    let by_service = || match ip_protocol {
        UDP | UDPLITE => one(&|port| port < WELL_KNOWN && is_named(port))
            .or_else(|| flow.went_only_to_b())
            .or_else(|| one(&is_named))
            .or(served_at_b),
        _ => served_at_b.or_else(|| one(&is_named)),
    };
    let is_b = flow.was_opened_to_b().or_else(by_service).unwrap_or(b.port < a.port);
    Some((ip_protocol, if is_b { b.port } else { a.port }))
}

/// Counts by port: those of evicted flows, and of flows in the table.
pub(super) fn count<'a>(
    evicted: HashMap<Port, Count>,
    flows: impl Iterator<Item = (&'a Entry, &'a Attributed)>,
) -> HashMap<Port, Count> {
    let mut ports = evicted;
    for (flow, attributed) in flows {
        if let Some(port) = service_port(flow, attributed.served_at_b) {
            *ports.entry(port).or_default() += flow.count();
        }
    }
    ports
}
