//! `sockpit free`.

use std::io::{self, IsTerminal, Write};

use super::port::Port;
use super::{Exit, Failure, output};
use crate::inspect::free::{self, Request};
use crate::model::free::{FreePorts, SkippedPort};
use crate::text::clean;

const SCHEMA: &str = "sockpit.free/1";
/// Where the search begins unless told.
const DEFAULT_WISH: &str = "8000";

/// Where to look for ports, and for how many.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each port is confirmed by one plain bind on every address, closed at once. Ports in
net.ipv4.ip_local_reserved_ports are skipped. So are those of net.ipv4.ip_local_port_range,
unless the search starts there; in a range (FIRST-LAST) they are used when no others are left.
Exit code: 0 as many as asked for, 1 fewer."
)]
pub struct Args {
    /// Where to look: from a port upwards (8000, the same as 8000-) or in a range (8000-8100);
    /// TCP unless it ends in /udp.
    #[arg(value_name = "RANGE[/udp]", default_value = DEFAULT_WISH)]
    range: String,
    /// How many ports.
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Looks, and prints a port a line.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let request = Request { count: args.count.into(), ..range(&args.range)? };
    let found = free::find(&request)?;
    let is_enough = found.ports.len() >= request.count;
    if args.json {
        output::json(SCHEMA, &found)?;
    } else {
        let mut out = output::stdout();
        for port in &found.ports {
            writeln!(out, "{port}")?;
        }
        out.flush()?;
        if !is_enough || io::stderr().is_terminal() {
            tell_skipped(&found, &mut io::stderr().lock())?;
        }
    }
    if is_enough {
        return Ok(Exit::Yes);
    }
    let (found, wanted) = (found.ports.len(), request.count);
    Err(Failure::no(format!("{found} of {wanted} ports are free in {}", args.range)))
}

/// The passed-over ports, neighbours with the same reason on one line.
fn tell_skipped(found: &FreePorts, out: &mut impl Write) -> io::Result<()> {
    let is_run = |a: &SkippedPort, b: &SkippedPort| {
        a.reason == b.reason && u32::from(a.port) + 1 == u32::from(b.port)
    };
    for run in found.skipped.chunk_by(is_run) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let reason = clean(&first.reason);
        match run.len() {
            1 => writeln!(out, "{} {reason}", first.port)?,
            _ => writeln!(out, "{}-{} {reason}", first.port, last.port)?,
        }
    }
    if found.skipped_more > 0 {
        writeln!(out, "and {} more ports passed over", found.skipped_more)?;
    }
    Ok(())
}

/// Reads `8000`, `8000-`, `8000-8100`, each with `/tcp` or `/udp`, or a service's name.
fn range(text: &str) -> Result<Request, Failure> {
    let (ports, protocol) = match text.find('/') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let ends = ports.split_once('-').filter(|(first, last)| number(first) && number(last));
    let port = |port: &str| Port::parse(&format!("{port}{protocol}"));
    let Some((first, last)) = ends else {
        let Port { number, udp } = port(ports)?;
        return Ok(Request { udp, first: number, last: None, count: 1 });
    };
    if first.is_empty() {
        let what = format!("`{text}` has no first port");
        return Err(Failure::usage(format!("{what}: write a range such as 8000-8100")));
    }
    let Port { number: first, udp } = port(first)?;
    let last = if last.is_empty() { None } else { Some(port(last)?.number) };
    if last.is_some_and(|last| last < first) {
        let what = format!("`{text}` ends before it begins");
        return Err(Failure::usage(format!("{what}: write the lower port first")));
    }
    Ok(Request { udp, first, last, count: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_and_ranges_are_read() {
        let read = |text| {
            let Request { udp, first, last, .. } = range(text).unwrap();
            (udp, first, last)
        };
        assert_eq!(read("8000"), (false, 8000, None));
        assert_eq!(read("8000-"), (false, 8000, None));
        assert_eq!(read("8000-8100"), (false, 8000, Some(8100)));
        assert_eq!(read("8000-8000/tcp"), (false, 8000, Some(8000)));
        assert_eq!(read("5000-5010/udp"), (true, 5000, Some(5010)));
        assert_eq!(read("domain/udp"), (true, 53, None));
    }

    #[test]
    fn what_is_no_range_is_wrong_usage() {
        for bad in ["8100-8000", "-8000", "-", "0-10", "8000-70000", "8000-8100/sctp", "", "a-b"] {
            assert_eq!(range(bad).unwrap_err().exit(), Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn neighbours_with_one_reason_share_a_line() {
        let skipped = |port, reason: &str| SkippedPort { port, reason: reason.to_owned() };
        let found = FreePorts {
            skipped: vec![skipped(1, "x"), skipped(2, "x"), skipped(4, "x"), skipped(5, "\x1by")],
            skipped_more: 3,
            ..FreePorts::default()
        };
        let mut out = Vec::new();
        tell_skipped(&found, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.starts_with("1-2 x\n4 x\n5 "), "{text}");
        assert!(!text.contains('\x1b'));
    }
}
