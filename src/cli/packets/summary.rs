//! Counts as a person reads them at the end.

use std::io::Write;
use std::time::Duration;

use crate::cli::{Failure, output};
use crate::collect::packets::Limits;
use crate::model::packets::{Count, Flow, FlowOwner, PacketCounts, ProtocolLayer, UnreadLink};
use crate::text::address::flow_end;
use crate::text::table::{Column, Table};
use crate::text::{clean, flow, units};

/// How much of each list a person gets.
pub(super) const LIMITS: Limits = Limits { flows: MOST, ports: MOST, processes: MOST };
const MOST: usize = 10;

/// What could not be read for its link type, as a clause; `None` when all could.
pub(super) fn unread(counts: &PacketCounts) -> Option<String> {
    let link = |link: &UnreadLink| {
        let name = link.name.as_deref().unwrap_or("not in the registry");
        format!("{} of link type {} ({name})", units::count(link.packets), link.link_type)
    };
    let links: Vec<String> = counts.unread_links.iter().map(link).collect();
    let are = if counts.total.packets == 1 { "packet is" } else { "packets are" };
    (!links.is_empty()).then(|| {
        let total = units::count(counts.total.packets);
        format!("of {total} {are} not decoded, as sockpit does not read it: {}", links.join(", "))
    })
}

/// Prints everything that is not empty.
pub(super) fn print(counts: &PacketCounts) -> Result<(), Failure> {
    let mut out = output::stdout();
    writeln!(out, "{}", head(counts))?;
    writeln!(out, "{}", losses(counts))?;
    let no_more = 0;
    for (table, seen, name) in [
        (protocols(counts), no_more, "protocols"),
        (applications(counts), no_more, "applications"),
        (interfaces(counts), no_more, "interfaces"),
        (ports(counts), counts.ports_seen, "ports"),
        (processes(counts), counts.processes_seen, "processes"),
        (flows(counts), counts.flows_seen, "flows"),
        (tcp(counts), no_more, "events"),
        (icmp(counts), counts.icmp.len() as u64, "kinds of ICMP message"),
    ] {
        if !table.is_empty() {
            writeln!(out)?;
            table.write(&mut out)?;
            let more = seen.saturating_sub(MOST as u64);
            if more > 0 {
                writeln!(out, "{} more {name}; --json lists all", units::count(more))?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

fn head(counts: &PacketCounts) -> String {
    let flags = &counts.tcp_flags;
    let tcp = match flags.syn + flags.syn_ack + flags.fin + flags.rst {
        0 => String::new(),
        _ => format!(
            "; syn {}, syn-ack {}, fin {}, rst {}",
            units::count(flags.syn),
            units::count(flags.syn_ack),
            units::count(flags.fin),
            units::count(flags.rst)
        ),
    };
    let since = counts
        .first_at
        .map_or(String::new(), |at| format!(" since {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")));
    let span = span(counts).map(|span| format!(" in {}{since}", units::duration(span)));
    let untimed = || if counts.total.packets > 0 { ", without times" } else { "" }.to_owned();
    format!(
        "{}: {}, {}{}{tcp}",
        clean(&counts.source),
        units::counted(counts.total.packets, "packet"),
        units::bytes(counts.total.bytes),
        span.unwrap_or_else(untimed),
    )
}

/// How long the capture took: between the packets of a file, to the nanosecond. `None` where the
/// file does not tell.
fn span(counts: &PacketCounts) -> Option<Duration> {
    if counts.is_live() {
        return Some(Duration::from_millis(counts.duration_ms));
    }
    let (first, last) = counts.first_at.zip(counts.last_at)?;
    last.duration_since(first).try_into().ok()
}

fn losses(counts: &PacketCounts) -> String {
    let losses = &counts.losses;
    let known = |number: Option<u64>| number.map_or(units::UNKNOWN.to_owned(), units::count);
    let mut line = match losses.ring {
        Some(ring) => format!(
            "lost: {} in the kernel, ring full {} times",
            known(losses.kernel),
            units::count(ring)
        ),
        None => format!("lost: {} when it was captured", known(losses.kernel)),
    };
    line += &format!(
        "; {} cut short, {} not decoded, {} of flows that the flow table forgot",
        units::count(losses.truncated),
        units::count(losses.undecoded),
        units::count(losses.flow_table),
    );
    if losses.fragments > 0 {
        line += &format!(", {} fragments without their first", units::count(losses.fragments));
    }
    if counts.sightings.packets > 0 {
        let again = units::count(counts.sightings.packets);
        line += &format!("; {again} seen again on another interface and counted once");
    }
    line
}

fn table(first: &[&'static str]) -> Table {
    let mut columns: Vec<Column> = first.iter().map(|title| Column::left(title)).collect();
    columns.extend([Column::right("PACKETS"), Column::right("BYTES")]);
    Table::new(columns)
}

fn row(first: impl IntoIterator<Item = String>, count: Count) -> Vec<String> {
    let numbers = [units::count(count.packets), units::bytes(count.bytes)];
    first.into_iter().chain(numbers).collect()
}

pub(super) fn protocols(counts: &PacketCounts) -> Table {
    let mut table = table(&["PROTOCOL", "LAYER"]);
    let mut lines: Vec<_> = counts.protocols.iter().collect();
    // Within a layer the busiest stays first.
    lines.sort_by_key(|line| line.layer);
    for line in lines {
        let layer = line.layer.map_or(units::UNKNOWN, ProtocolLayer::name);
        table.push(row([line.name.to_string(), layer.to_owned()], line.count));
    }
    table
}

pub(super) fn applications(counts: &PacketCounts) -> Table {
    let mut table = table(&["APPLICATION"]);
    for line in &counts.applications {
        table.push(row([line.name.to_string()], line.count));
    }
    table
}

/// What became of TCP connections; what did not happen has no line.
pub(super) fn tcp(counts: &PacketCounts) -> Table {
    let tcp = &counts.tcp;
    let mut table = Table::new(vec![Column::left("TCP"), Column::right("HOW OFTEN")]);
    for (name, number) in [
        ("handshakes completed", tcp.handshakes_completed),
        ("handshakes refused", tcp.handshakes_refused),
        ("handshakes unanswered", tcp.handshakes_unanswered),
        ("retransmissions", tcp.retransmissions),
        ("out of order", tcp.out_of_order),
        ("keep-alives", tcp.keep_alives),
        ("duplicate acknowledgments", tcp.duplicate_acks),
        ("zero windows", tcp.zero_windows),
    ] {
        if number > 0 {
            table.push([name.to_owned(), units::count(number)]);
        }
    }
    table
}

pub(super) fn interfaces(counts: &PacketCounts) -> Table {
    let mut table = table(&["INTERFACE"]);
    for line in &counts.interfaces {
        // A file of one unnamed interface says no more than the first line did.
        if let Some(name) = &line.name {
            table.push(row([clean(name).into_owned()], line.count));
        }
    }
    table
}

pub(super) fn ports(counts: &PacketCounts) -> Table {
    let mut table = table(&["PORT", "SERVICE"]);
    for line in &counts.ports {
        let port = format!("{}/{}", line.port, line.protocol);
        let service = line.service.as_deref().unwrap_or(units::UNKNOWN).to_owned();
        table.push(row([port, service], line.count));
    }
    table
}

pub(super) fn processes(counts: &PacketCounts) -> Table {
    let mut table = table(&["PID", "PROCESS"]);
    for line in &counts.processes {
        table.push(row([line.pid.to_string(), clean(&line.name).into_owned()], line.count));
    }
    let rest = counts.unattributed.filter(|rest| rest.packets > 0);
    if let Some(rest) = rest {
        table.push(row([units::UNKNOWN.to_owned(), "no process known".to_owned()], rest));
    }
    table
}

pub(super) fn flows(counts: &PacketCounts) -> Table {
    let mut table = table(&["FLOW", "A", "B", "APPLICATION", "PROCESS"]);
    for flow in &counts.flows {
        let (owner, application) = (owners(flow), flow::application(flow));
        let (a, b) = (flow_end(flow, flow.a), flow_end(flow, flow.b));
        let first = [flow.protocol.to_string(), a, b, application, owner];
        table.push(row(first, flow.count));
    }
    table
}

/// The process of a flow; of two on this host the one that serves comes first.
fn owners(flow: &Flow) -> String {
    let Some(first) = &flow.owner else { return units::UNKNOWN.to_owned() };
    let text = |owner: &FlowOwner| format!("{} {}", owner.pid, clean(&owner.name));
    let ends = [&flow.owner_a, &flow.owner_b];
    match ends.into_iter().flatten().find(|owner| owner.pid != first.pid) {
        Some(other) => format!("{} - {}", text(first), text(other)),
        None => text(first),
    }
}

fn icmp(counts: &PacketCounts) -> Table {
    let mut table =
        Table::new(vec![Column::left("ICMP"), Column::right("TYPE"), Column::right("PACKETS")]);
    for line in counts.icmp.iter().take(MOST) {
        let name = match line.version {
            6 => format!("{} (v6)", line.name),
            _ => line.name.to_string(),
        };
        let number = format!("{}/{}", line.r#type, line.code);
        table.push([name, number, units::count(line.packets)]);
    }
    table
}
