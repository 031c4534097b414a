//! Comma-separated values (RFC 4180), and the tables that are written so by the command line
//! and by the dashboard alike. What is not known is an empty cell.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::column::{Cell, Column};
use super::units::UNKNOWN;
use super::{clean, options};
use crate::model::drops::Drops;
use crate::model::options::{ChangedBy, OptionsReport};
use crate::model::owner::Unverified;
use crate::model::packets::{FlowEnd, PacketCounts};
use crate::model::probe::ProbeReport;
use crate::model::socket::{Protocol, Socket};
use crate::model::table::Told;

/// Adds a line; cells are cleaned.
pub fn line<S: AsRef<str>>(out: &mut String, cells: impl IntoIterator<Item = S>) {
    for (index, cell) in cells.into_iter().enumerate() {
        add(out, index, &clean(cell.as_ref()));
    }
    out.push_str("\r\n");
}

/// Adds a clean cell, with the comma before it.
fn add(out: &mut String, index: usize, cell: &str) {
    if index > 0 {
        out.push(',');
    }
    // A spreadsheet would take such a cell, whose text may come from a stranger's process
    // name, for a formula.
    let is_formula = cell.starts_with(['=', '+', '-', '@']);
    if !is_formula && !cell.contains([',', '"', '\r', '\n']) {
        out.push_str(cell);
        return;
    }
    let guard = if is_formula { "'" } else { "" };
    // Writing to a string cannot fail.
    let _ = write!(out, "\"{guard}{}\"", cell.replace('"', "\"\""));
}

/// The socket table, a line at a time.
#[derive(Clone, Copy, Debug)]
pub struct Sockets<'a> {
    /// In this order.
    pub columns: &'a [Column],
    /// Ages count to this moment.
    pub now: Timestamp,
    /// Processes that are told from memory; their numbers begin with `~`.
    pub unverified: &'a [Unverified],
}

impl Sockets<'_> {
    /// The names of the columns, behind `before`.
    pub fn head(&self, out: &mut String, before: &[&str]) {
        line(out, before.iter().copied().chain(self.columns.iter().map(|column| column.name())));
    }

    /// A socket, behind `before`.
    pub fn line(&self, out: &mut String, before: &[&str], socket: &Socket) {
        for (index, cell) in before.iter().enumerate() {
            add(out, index, &clean(cell));
        }
        let mut cell = String::new();
        for (index, &column) in self.columns.iter().enumerate() {
            cell.clear();
            self.write(&mut cell, column, socket);
            add(out, before.len() + index, if cell == UNKNOWN { "" } else { &cell });
        }
        out.push_str("\r\n");
    }

    fn write(&self, cell: &mut String, column: Column, socket: &Socket) {
        let unverified = self.unverified;
        let told = match column {
            Column::Pid if (Told { socket, unverified }).as_of(0).is_some() => {
                write!(cell, "~{}", Cell { column, socket })
            }
            // Whole seconds since the first look that saw it.
            Column::Age => match socket.first_seen {
                Some(seen) => write!(cell, "{}", self.now.duration_since(seen).as_secs()),
                None => Ok(()),
            },
            _ => write!(cell, "{}", Cell { column, socket }),
        };
        // Writing to a string cannot fail.
        let _ = told;
    }
}

/// The flows of a capture. Protocols without ports have empty cells for them.
pub fn flows(counts: &PacketCounts) -> String {
    let mut out = String::new();
    let head = ["protocol", "a_addr", "a_port", "b_addr", "b_port", "packets", "bytes"];
    line(&mut out, head.into_iter().chain(["packets_a_to_b", "packets_b_to_a", "pid", "name"]));
    for flow in &counts.flows {
        let addr = |end: FlowEnd| end.addr.to_string();
        let port =
            |end: FlowEnd| if flow.has_ports() { end.port.to_string() } else { String::new() };
        let owner = flow.owner.as_ref();
        let cells = [
            flow.protocol.to_string(),
            addr(flow.a),
            port(flow.a),
            addr(flow.b),
            port(flow.b),
            flow.count.packets.to_string(),
            flow.count.bytes.to_string(),
            flow.packets_a_to_b.to_string(),
            flow.packets_b_to_a.to_string(),
            owner.map(|owner| owner.pid.to_string()).unwrap_or_default(),
            owner.map(|owner| owner.name.to_string()).unwrap_or_default(),
        ];
        line(&mut out, cells);
    }
    out
}

/// Dropped packets and resets: a line a flow of each cause, and one without ends for the rest.
pub fn drops(drops: &Drops) -> String {
    let mut out = String::new();
    let head = ["event", "reason", "protocol", "local_addr", "local_port"];
    line(&mut out, head.into_iter().chain(["remote_addr", "remote_port", "count", "last"]));
    for cause in &drops.causes {
        let lead = [cause.event.name(), cause.reason.as_deref().unwrap_or_default()];
        let lead = lead.map(str::to_owned);
        for flow in &cause.flows {
            let protocol = flow.protocol.map(Protocol::name).unwrap_or_default().to_owned();
            let addr = |end: FlowEnd| end.addr.to_string();
            let port = |end: FlowEnd| match end.port {
                0 => String::new(),
                port => port.to_string(),
            };
            let (local, remote) = (flow.local, flow.remote);
            let ends = [protocol, addr(local), port(local), addr(remote), port(remote)];
            let counts = [flow.count.to_string(), flow.last.to_string()];
            line(&mut out, lead.iter().cloned().chain(ends).chain(counts));
        }
        if cause.others > 0 {
            let ends = std::iter::repeat_n(String::new(), 5);
            let counts = [cause.others.to_string(), String::new()];
            line(&mut out, lead.iter().cloned().chain(ends).chain(counts));
        }
    }
    out
}

/// The options of sockets, each line with the inode and cookie of its socket.
pub fn options<'a>(reports: impl IntoIterator<Item = &'a OptionsReport>) -> String {
    let mut out = String::new();
    line(
        &mut out,
        ["inode", "cookie", "level", "name", "value", "default", "source", "changed_by"],
    );
    for report in reports {
        let of_socket = |number: fn(&Socket) -> Option<u64>| {
            number(&report.socket).map(|n| n.to_string()).unwrap_or_default()
        };
        let inode = of_socket(|socket| socket.inode);
        let cookie = of_socket(|socket| socket.cookie);
        for option in &report.options {
            let (value, default) = (options::value(option), options::default_value(option));
            let source = option.source.as_deref().unwrap_or_default();
            let by = option.changed_by.map_or("", ChangedBy::name);
            let known = |text: String| if text == UNKNOWN { String::new() } else { text };
            let (value, default) = (known(value), known(default));
            line(
                &mut out,
                [&inode, &cookie, &*option.level, &*option.name, &value, &default, source, by],
            );
        }
    }
    out
}

/// The stages of a test, attempt by attempt.
pub fn stages(report: &ProbeReport) -> String {
    let mut out = String::new();
    line(&mut out, ["seq", "address", "stage", "ok", "duration_us", "outcome"]);
    for attempt in &report.attempts {
        let address = attempt.address.map(|address| address.to_string()).unwrap_or_default();
        for stage in &attempt.stages {
            let cells = [
                attempt.seq.to_string(),
                address.clone(),
                stage.name().name().to_owned(),
                stage.ok.to_string(),
                stage.duration_us.to_string(),
                attempt.verdict.outcome.name().to_owned(),
            ];
            line(&mut out, cells);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::packets::{Count, Flow};
    use crate::model::socket::{Endpoint, Family, Protocol, State};

    #[test]
    fn cells_cannot_break_out_of_their_line_or_become_formulas() {
        let mut out = String::new();
        line(&mut out, ["a,b", "say \"x\"", "=1+1", "x\ny", "plain"]);
        assert_eq!(out, "\"a,b\",\"say \"\"x\"\"\",\"'=1+1\",x\u{FFFD}y,plain\r\n");
    }

    #[test]
    fn addresses_and_ports_have_columns_of_their_own_and_ages_are_seconds() {
        let local = Endpoint::ip([127, 0, 0, 1], 8080);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local);
        let now = Timestamp::from_second(100).unwrap();
        socket.first_seen = Some(Timestamp::from_second(40).unwrap());
        let columns = ["local_addr", "local_port", "remote_addr", "remote_port", "age"]
            .map(|name| Column::find(name).unwrap());
        let table = Sockets { columns: &columns, now, unverified: &[] };
        let mut out = String::new();
        table.head(&mut out, &["n"]);
        table.line(&mut out, &["1"], &socket);
        socket.remote = Some(Endpoint::ip([10, 0, 0, 7], 443));
        table.line(&mut out, &["2"], &socket);
        assert_eq!(
            out,
            "n,local_addr,local_port,remote_addr,remote_port,age\r\n\
             1,127.0.0.1,8080,,,60\r\n\
             2,127.0.0.1,8080,10.0.0.7,443,60\r\n"
        );
    }

    #[test]
    fn a_flow_without_ports_has_none_in_its_line() {
        let end = |last| FlowEnd { addr: [10, 0, 0, last].into(), port: 0 };
        let flow = Flow {
            protocol: "icmp".into(),
            ip_protocol: 1,
            a: end(1),
            b: end(2),
            count: Count { packets: 3, bytes: 252 },
            packets_a_to_b: 2,
            bytes_a_to_b: 168,
            packets_b_to_a: 1,
            bytes_b_to_a: 84,
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
        let counts = PacketCounts { flows: vec![flow], ..PacketCounts::default() };
        let text = flows(&counts);
        assert_eq!(text.lines().nth(1), Some("icmp,10.0.0.1,,10.0.0.2,,3,252,2,1,,"));
    }
}
