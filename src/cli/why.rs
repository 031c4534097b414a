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
    /// A link-local one with its interface: fe80::1%eth0.
    #[arg(long, value_name = "ADDR", value_parser = parse_addr)]
    addr: Option<Addr>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An address, and the interface of a link-local one (0 for none).
#[derive(Clone, Copy, Debug)]
struct Addr {
    ip: IpAddr,
    scope: u32,
}

fn parse_addr(text: &str) -> Result<Addr, String> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let (addr, interface) = match inner.split_once('%') {
        Some((addr, interface)) => (addr, Some(interface)),
        None => (inner, None),
    };
    let ip = port::parse_addr(addr)?;
    match (why::is_link_local(&ip), interface) {
        (false, None) => Ok(Addr { ip, scope: 0 }),
        (false, Some(_)) => Err("only a link-local address (fe80::/10) has an interface".into()),
        (true, None) => Err(format!("it is link-local: write its interface too, as {ip}%eth0")),
        (true, Some(name)) => match why::scope(name) {
            Ok(scope) => Ok(Addr { ip, scope }),
            Err(error) => Err(format!("there is no interface `{name}`: {error}")),
        },
    }
}

/// Finds out and tells.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Port { number, udp } = Port::parse(&args.port)?;
    let addr = args.addr.map(|addr| addr.ip);
    let scope = args.addr.map_or(0, |addr| addr.scope);
    let target = Target { port: number, udp, addr, scope };
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
