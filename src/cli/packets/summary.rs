//! Counts as a person reads them at the end.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use crate::cli::{Failure, output};
use crate::collect::packets::Limits;
use crate::model::packets::{Count, Flow, FlowEnd, PacketCounts};
use crate::text::table::{Column, Table};
use crate::text::{clean, units};

/// How much of each list a person gets.
pub(super) const LIMITS: Limits = Limits { flows: 10, ports: 10, processes: 10 };

/// Prints everything that is not empty.
pub(super) fn print(counts: &PacketCounts) -> Result<(), Failure> {
    let mut out = output::stdout();
    writeln!(out, "{}", head(counts))?;
    writeln!(out, "{}", losses(counts))?;
    for table in [
        protocols(counts),
        interfaces(counts),
        ports(counts),
        processes(counts),
        flows(counts),
        icmp(counts),
    ] {
        if !table.is_empty() {
            writeln!(out)?;
            table.write(&mut out)?;
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
    format!(
        "{}: {} packets, {} in {}{tcp}",
        clean(&counts.source),
        units::count(counts.total.packets),
        units::bytes(counts.total.bytes),
        units::duration(Duration::from_millis(counts.duration_ms)),
    )
}

fn losses(counts: &PacketCounts) -> String {
    let losses = &counts.losses;
    let known = |number: Option<u64>| number.map_or(units::UNKNOWN.to_owned(), units::count);
    format!(
        "lost: {} in the kernel, ring full {} times; {} cut short, {} not decoded, {} without room in the flow table",
        known(losses.kernel),
        known(losses.ring),
        units::count(losses.truncated),
        units::count(losses.undecoded),
        units::count(losses.flow_table),
    )
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

fn protocols(counts: &PacketCounts) -> Table {
    let mut table = table(&["PROTOCOL"]);
    for line in &counts.protocols {
        table.push(row([line.name.to_string()], line.count));
    }
    table
}

fn interfaces(counts: &PacketCounts) -> Table {
    let mut table = table(&["INTERFACE"]);
    for line in &counts.interfaces {
        // A file of one unnamed interface says no more than the first line did.
        if let Some(name) = &line.name {
            table.push(row([clean(name).into_owned()], line.count));
        }
    }
    table
}

fn ports(counts: &PacketCounts) -> Table {
    let mut table = table(&["PORT", "SERVICE"]);
    for line in &counts.ports {
        let port = format!("{}/{}", line.port, line.protocol.name());
        let service = line.service.as_deref().unwrap_or(units::UNKNOWN).to_owned();
        table.push(row([port, service], line.count));
    }
    table
}

fn processes(counts: &PacketCounts) -> Table {
    let mut table = table(&["PID", "PROCESS"]);
    for line in &counts.processes {
        table.push(row([line.pid.to_string(), clean(&line.name).into_owned()], line.count));
    }
    table
}

fn flows(counts: &PacketCounts) -> Table {
    let mut table = table(&["FLOW", "A", "B", "PROCESS"]);
    for flow in &counts.flows {
        let owner = match &flow.owner {
            Some(owner) => format!("{} {}", owner.pid, clean(&owner.name)),
            None => units::UNKNOWN.to_owned(),
        };
        let first = [flow.protocol.to_string(), end(flow, flow.a), end(flow, flow.b), owner];
        table.push(row(first, flow.count));
    }
    table
}

fn end(flow: &Flow, end: FlowEnd) -> String {
    match (flow.a.port, flow.b.port) {
        (0, 0) => end.addr.to_string(),
        _ => SocketAddr::new(end.addr, end.port).to_string(),
    }
}

fn icmp(counts: &PacketCounts) -> Table {
    let mut table =
        Table::new(vec![Column::left("ICMP"), Column::right("TYPE"), Column::right("PACKETS")]);
    for line in counts.icmp.iter().take(10) {
        let name = match line.version {
            6 => format!("{} (v6)", line.name),
            _ => line.name.to_string(),
        };
        let number = format!("{}/{}", line.r#type, line.code);
        table.push([name, number, units::count(line.packets)]);
    }
    table
}
