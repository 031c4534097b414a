//! `sockpit why`.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use super::port::{self, Addr, Ports};
use super::{Exit, Failure, output};
use crate::inspect::bind::Target;
use crate::inspect::{ephemeral, unix_path, why};
use crate::model::unix_path::PathReport;
use crate::model::why::WhyReport;
use crate::text::{duration, ephemeral as ephemeral_words, units, why as words};

const SCHEMA: &str = "sockpit.why/1";

/// Which bind is asked about.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It tries the bind, never listens, and closes at once; a server that starts on the port in
that very instant can fail. Over UDP, SO_REUSEADDR and SO_REUSEPORT are tried only where no
socket holds the port. --watch asks the kernel by BPF, as `sockpit events` does, and finds the kinds
`dropped` and `reset`.
With several ports, JSON is an array.
Exit code: 0 a plain bind succeeds (of several: of each), 1 it does not, 3 it could not be found out."
)]
pub struct Args {
    /// The port, or several as a list or a range (3000,3001 or 3000-3002); TCP unless it ends in
    /// /udp. 0 is the range that ports of outgoing connections are taken from: how full it is. A path of a
    /// UNIX socket begins with / or . or unix:.
    #[arg(value_name = "PORT[/udp]|PATH", required = true)]
    ports: Vec<String>,
    /// Only a bind of this address; every address otherwise.
    /// A link-local one with its interface: fe80::1%eth0.
    #[arg(long, value_name = "ADDR", value_parser = port::parse_scoped_addr)]
    addr: Option<Addr>,
    /// Watch for so long whether packets to the port are dropped or refused, and why: 5s.
    #[arg(long, value_name = "D", value_parser = duration::parse)]
    watch: Option<Duration>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Finds out and tells.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if let [one] = args.ports.as_slice()
        && let Some(path) = port::path(one)
    {
        return unix_path(args, one, path);
    }
    if let [one] = args.ports.as_slice()
        && let Some(udp) = any_port(one)
    {
        return outgoing(args, udp);
    }
    let Ports { ports, is_one } = Ports::parse(&args.ports)?;
    let mut reports = Vec::new();
    for (name, port) in ports {
        let report = why::explain(&port::target(port, args.addr))
            .map_err(|error| Failure::not_permitted(error.to_string()))?;
        reports.push((port::target(port, args.addr), WhyReport { target: name, ..report }));
    }
    let reports = watched(args.watch, reports);
    match reports.as_slice() {
        [report] if args.json && is_one => output::json(SCHEMA, report)?,
        reports if args.json => output::json_array(SCHEMA, reports)?,
        reports => {
            for (index, report) in reports.iter().enumerate() {
                if index > 0 {
                    writeln!(output::stdout())?;
                }
                show(report)?;
            }
        }
    }
    let all = reports.iter().all(|report| report.bindable);
    Ok(if all { Exit::Yes } else { Exit::No })
}

/// The reports, with what befell packets meanwhile where that was asked for.
fn watched(span: Option<Duration>, mut reports: Vec<(Target, WhyReport)>) -> Vec<WhyReport> {
    if let Some(span) = span {
        if io::stderr().is_terminal() {
            note!("sockpit: watching for dropped packets and resets for {}", units::duration(span));
        }
        let targets: Vec<Target> = reports.iter().map(|(target, _)| *target).collect();
        let watched = why::watch(&targets, span);
        reports.iter_mut().for_each(|(target, report)| watched.complete(target, report));
    }
    reports.into_iter().map(|(_, report)| report).collect()
}

/// What is at the path of a UNIX socket, and whose it is.
fn unix_path(args: &Args, written: &str, path: &Path) -> Result<Exit, Failure> {
    if args.addr.is_some() {
        return Err(Failure::usage("--addr narrows a port; a path has no address"));
    }
    let report = unix_path::explain(path)?;
    let report = PathReport { target: written.to_owned(), ..report };
    if args.json {
        output::json(SCHEMA, &report)?;
    } else {
        let mut out = output::stdout();
        writeln!(out, "{}", words::path_verdict(&report))?;
        for line in words::path_lines(&report) {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
    }
    Ok(if report.bindable { Exit::Yes } else { Exit::No })
}

/// Whether port 0 is asked about, and of which protocol.
fn any_port(text: &str) -> Option<bool> {
    match text {
        "0" | "0/tcp" => Some(false),
        "0/udp" => Some(true),
        _ => None,
    }
}

/// How full the range of outgoing ports is.
fn outgoing(args: &Args, udp: bool) -> Result<Exit, Failure> {
    let report = ephemeral::explain(udp, args.addr.map(|addr| addr.ip))
        .map_err(|error| Failure::not_permitted(error.to_string()))?;
    if args.json {
        output::json(SCHEMA, &report)?;
    } else {
        let mut out = output::stdout();
        writeln!(out, "{}", ephemeral_words::verdict(&report))?;
        for line in ephemeral_words::lines(&report) {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
    }
    Ok(if report.bindable { Exit::Yes } else { Exit::No })
}

fn show(report: &WhyReport) -> io::Result<()> {
    let mut out = output::stdout();
    let sign = match (io::stdout().is_terminal(), report.bindable) {
        (false, _) => "",
        (true, true) => "✓ ",
        (true, false) => "✗ ",
    };
    writeln!(out, "{sign}{}", words::verdict(report))?;
    for line in words::lines(report) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
