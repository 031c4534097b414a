//! `sockpit why`.

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;

use super::port::{self, Port};
use super::{Exit, Failure, output};
use crate::inspect::why::{self, Target};
use crate::model::why::WhyReport;
use crate::text::why as words;

const SCHEMA: &str = "sockpit.why/1";

/// Which bind is asked about.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It tries the bind, never listens, and closes at once; a server that starts on the port in
that very instant can fail. Over UDP, SO_REUSEADDR and SO_REUSEPORT are tried only where no
socket holds the port.
Exit code: 0 a plain bind succeeds, 1 it does not, 3 it could not be found out."
)]
pub struct Args {
    /// The port; TCP unless it ends in /udp.
    #[arg(value_name = "PORT[/udp]")]
    port: String,
    /// Only a bind of this address; every address otherwise.
    #[arg(long, value_name = "ADDR", value_parser = port::parse_addr)]
    addr: Option<IpAddr>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Finds out and tells.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Port { number, udp } = Port::parse(&args.port)?;
    let target = Target { port: number, udp, addr: args.addr };
    let report =
        why::explain(&target).map_err(|error| Failure::not_permitted(error.to_string()))?;
    let report = WhyReport { target: args.port.clone(), ..report };
    if args.json {
        output::json(SCHEMA, &report)?;
    } else {
        show(&report)?;
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
