//! Lists of packets and bytes: by protocol, port, process, host and application, each in the order
//! that is asked for.

use std::cmp::Reverse;

use crate::model::packets::{
    ApplicationCount, Count, HostCount, PacketCounts, PortCount, ProcessCount, ProtocolLayer,
};
use crate::text::{clean, units};
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{self, Line};

use super::lines::heading;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Packets,
    Bytes,
    Name,
}

impl Order {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Packets => Self::Bytes,
            Self::Bytes => Self::Name,
            Self::Name => Self::Packets,
        }
    }

    /// The title of a column, marked where the list is sorted by it.
    fn title(self, of: Self, title: &str) -> String {
        if self == of { format!("{title}↓") } else { title.to_owned() }
    }
}

/// Columns of a name.
const NAME: usize = 18;
const ADDRESS: usize = 39;

/// A line of a list: its name, which also sorts, and what it counts.
struct Entry<K> {
    name: String,
    key: K,
    flows: Option<u64>,
    count: Count,
}

impl<K> Entry<K> {
    fn new(name: String, key: K, count: Count) -> Self {
        Self { name, key, flows: None, count }
    }
}

fn list<K: Ord>(
    title: &str,
    width: usize,
    mut entries: Vec<Entry<K>>,
    (order, is_reversed): (Order, bool),
    theme: &Theme,
) -> Vec<Line> {
    match order {
        Order::Packets => entries.sort_by_key(|entry| Reverse(entry.count)),
        Order::Bytes => entries.sort_by_key(|entry| Reverse(entry.count.bytes)),
        Order::Name => entries.sort_by(|one, other| one.key.cmp(&other.key)),
    }
    if is_reversed {
        entries.reverse();
    }
    let has_flows = entries.iter().any(|entry| entry.flows.is_some());
    let flows = if has_flows { format!("{:>8}", "flows") } else { String::new() };
    let title = order.title(Order::Name, title);
    let (packets, bytes) =
        (order.title(Order::Packets, "packets"), order.title(Order::Bytes, "bytes"));
    let mut lines =
        vec![heading(&format!("{title:<width$}{flows} {packets:>10} {bytes:>9}"), theme)];
    for Entry { name, flows, count, .. } in &entries {
        let flows = flows.map_or(String::new(), |flows| format!("{:>8}", units::count(flows)));
        let columns = u16::try_from(width.saturating_sub(1)).unwrap_or(u16::MAX);
        let name = paint::fit(name, columns).into_owned();
        let (packets, bytes) = (units::count(count.packets), units::bytes(count.bytes));
        let pad = " ".repeat(width.saturating_sub(usize::from(paint::width(&name))));
        lines.push(vec![(format!("{name}{pad}{flows} {packets:>10} {bytes:>9}"), theme.text)]);
    }
    lines
}

/// The busiest ports.
pub(super) fn ports(
    counts: &PacketCounts,
    names: bool,
    order: (Order, bool),
    theme: &Theme,
) -> Vec<Line> {
    let entry = |port: &PortCount| {
        let service = port.service.as_deref().filter(|_| names);
        let name = service.map_or_else(|| port.port.to_string(), |name| clean(name).into_owned());
        let key = (port.protocol.to_string(), port.port);
        Entry::new(format!("{}/{name}", port.protocol), key, port.count)
    };
    list("port", NAME, counts.ports.iter().map(entry).collect(), order, theme)
}

/// The busiest processes, and last what is nobody's as far as is known.
pub(super) fn processes(counts: &PacketCounts, order: (Order, bool), theme: &Theme) -> Vec<Line> {
    let entry = |process: &ProcessCount| {
        let name = format!("{} {}", clean(&process.name), process.pid);
        Entry::new(name, (process.name.clone(), process.pid), process.count)
    };
    let mut lines =
        list("process", NAME + 8, counts.processes.iter().map(entry).collect(), order, theme);
    if let Some(Count { packets, bytes }) = counts.unattributed.filter(|rest| rest.packets > 0) {
        let (packets, bytes) = (units::count(packets), units::bytes(bytes));
        let width = NAME + 8;
        let text = format!("{:<width$} {packets:>10} {bytes:>9}", "process not known");
        lines.push(vec![(text, theme.dim)]);
    }
    lines
}

/// The busiest addresses.
pub(super) fn hosts(counts: &PacketCounts, order: (Order, bool), theme: &Theme) -> Vec<Line> {
    let entry = |host: &HostCount| Entry {
        flows: Some(host.flows),
        ..Entry::new(host.addr.to_string(), host.addr, host.count)
    };
    list("address", ADDRESS, counts.hosts.iter().map(entry).collect(), order, theme)
}

/// What payloads are.
pub(super) fn applications(
    counts: &PacketCounts,
    order: (Order, bool),
    theme: &Theme,
) -> Vec<Line> {
    let entry = |application: &ApplicationCount| Entry {
        flows: Some(application.flows),
        ..Entry::new(application.name.to_string(), application.name.clone(), application.count)
    };
    list("application", NAME, counts.applications.iter().map(entry).collect(), order, theme)
}

/// Protocols layer by layer, and the applications above them.
pub(super) fn layers(counts: &PacketCounts, order: (Order, bool), theme: &Theme) -> Vec<Line> {
    let mut all = Vec::new();
    let layers = [ProtocolLayer::Link, ProtocolLayer::Network, ProtocolLayer::Transport];
    for layer in layers {
        let entries: Vec<_> = counts
            .protocols
            .iter()
            .filter(|protocol| protocol.layer == Some(layer))
            .map(|protocol| {
                let name = clean(&protocol.name).into_owned();
                Entry::new(name, protocol.name.clone(), protocol.count)
            })
            .collect();
        if !entries.is_empty() {
            all.extend(list(layer.name(), NAME, entries, order, theme));
        }
    }
    if !counts.applications.is_empty() {
        all.extend(applications(counts, order, theme));
    }
    if all.is_empty() { vec![heading("protocol", theme)] } else { all }
}
