//! `--stats VIEW`: one table in the place of all.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;

use super::{SCHEMA, summary};
use crate::cli::{Failure, output};
use crate::model::packets::PacketCounts;
use crate::model::problem::problems;
use crate::text::table::{Column, Table};
use crate::text::{clean, problem, units};

/// What can be shown alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum View {
    Protocols,
    Applications,
    Flows,
    Ports,
    Processes,
    Hosts,
    Interfaces,
    Dns,
    Tcp,
    Problems,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    source: &'a str,
    filter: Option<&'a str>,
    view: String,
    rows: Value,
}

/// Prints one view.
pub(super) fn print(view: View, counts: &PacketCounts, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let name = format!("{view:?}").to_lowercase();
        let rows = rows(view, counts)?;
        let filter = counts.filter.as_deref();
        return output::json(SCHEMA, &Report { source: &counts.source, filter, view: name, rows });
    }
    let table = table(view, counts);
    let mut out = output::stdout();
    if table.is_empty() {
        writeln!(out, "none")?;
    } else {
        table.write(&mut out)?;
    }
    if view == View::Dns {
        writeln!(out, "{}", dns_line(counts))?;
    }
    out.flush()?;
    Ok(())
}

fn rows(view: View, counts: &PacketCounts) -> serde_json::Result<Value> {
    use serde_json::to_value;
    match view {
        View::Protocols => to_value(&counts.protocols),
        View::Applications => to_value(&counts.applications),
        View::Flows => to_value(&counts.flows),
        View::Ports => to_value(&counts.ports),
        View::Processes => to_value(&counts.processes),
        View::Hosts => to_value(&counts.hosts),
        View::Interfaces => to_value(&counts.interfaces),
        View::Dns => to_value(&counts.dns),
        View::Tcp => to_value(counts.tcp),
        View::Problems => {
            let all = problems(counts);
            let mut rows = Vec::with_capacity(all.len());
            for one in &all {
                let mut row = to_value(one)?;
                row["text"] = problem::sentence(one).into();
                rows.push(row);
            }
            Ok(Value::Array(rows))
        }
    }
}

fn table(view: View, counts: &PacketCounts) -> Table {
    match view {
        View::Protocols => summary::protocols(counts),
        View::Applications => summary::applications(counts),
        View::Flows => summary::flows(counts),
        View::Ports => summary::ports(counts),
        View::Processes => summary::processes(counts),
        View::Hosts => hosts(counts),
        View::Interfaces => summary::interfaces(counts),
        View::Dns => dns(counts),
        View::Tcp => summary::tcp(counts),
        View::Problems => problem_table(counts),
    }
}

fn hosts(counts: &PacketCounts) -> Table {
    let mut table = Table::new(vec![
        Column::left("ADDRESS"),
        Column::right("FLOWS"),
        Column::right("PACKETS"),
        Column::right("BYTES"),
    ]);
    for host in &counts.hosts {
        table.push([
            host.addr.to_string(),
            units::count(host.flows),
            units::count(host.count.packets),
            units::bytes(host.count.bytes),
        ]);
    }
    table
}

fn dns(counts: &PacketCounts) -> Table {
    let mut table = Table::new(vec![
        Column::left("NAME"),
        Column::right("QUERIES"),
        Column::right("ANSWERS"),
        Column::right("FAILURES"),
    ]);
    for name in &counts.dns.names {
        table.push([
            clean(&name.name).into_owned(),
            units::count(name.queries),
            units::count(name.answers),
            units::count(name.failures),
        ]);
    }
    table
}

fn dns_line(counts: &PacketCounts) -> String {
    let dns = &counts.dns;
    let codes: Vec<String> = dns
        .codes
        .iter()
        .map(|code| format!("{} {}", code.name, units::count(code.answers)))
        .collect();
    let codes = if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
    let time = |us: Option<u64>| {
        us.map_or(units::UNKNOWN.to_owned(), |us| {
            units::duration(std::time::Duration::from_micros(us))
        })
    };
    format!(
        "{} queries, {} answers{codes}, {} unanswered; answered within {} (half), {} (90 %), {} (all)",
        units::count(dns.queries),
        units::count(dns.answers),
        units::count(dns.unanswered),
        time(dns.p50_us),
        time(dns.p90_us),
        time(dns.max_us),
    )
}

fn problem_table(counts: &PacketCounts) -> Table {
    let mut table = Table::new(vec![Column::left("FLOW"), Column::left("PROBLEM")]);
    for one in problems(counts) {
        let flow = format!("{} {}", one.protocol, problem::ends(&one));
        table.push([flow, problem::sentence(&one)]);
    }
    table
}
