//! `sockpit why`.

use std::io::{self, IsTerminal, Write};

use super::port::{self, Addr, Ports};
use super::{Exit, Failure, output};
use crate::inspect::why;
use crate::model::why::WhyReport;
use crate::text::why as words;

const SCHEMA: &str = "sockpit.why/1";

/// Which bind is asked about.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It tries the bind, never listens, and closes at once; a server that starts on the port in
that very instant can fail. Over UDP, SO_REUSEADDR and SO_REUSEPORT are tried only where no
socket holds the port.
With several ports, JSON is an array.
Exit code: 0 a plain bind succeeds (of several: of each), 1 it does not, 3 it could not be found out."
)]
pub struct Args {
    /// The port, or several as a list or a range (3000,3001 or 3000-3002); TCP unless it ends in
    /// /udp.
    #[arg(value_name = "PORT[/udp]", required = true)]
    ports: Vec<String>,
    /// Only a bind of this address; every address otherwise.
    /// A link-local one with its interface: fe80::1%eth0.
    #[arg(long, value_name = "ADDR", value_parser = port::parse_scoped_addr)]
    addr: Option<Addr>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Finds out and tells.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Ports { ports, is_one } = Ports::parse(&args.ports)?;
    let mut reports = Vec::new();
    for (name, port) in ports {
        let report = why::explain(&port::target(port, args.addr))
            .map_err(|error| Failure::not_permitted(error.to_string()))?;
        reports.push(WhyReport { target: name, ..report });
    }
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
