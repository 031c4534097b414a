//! `sockpit trace`: the socket calls of one process.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde::Serialize;

use super::port::Port;
use super::{Exit, Failure, output};
use crate::collect::trace::{MOST_KEPT, Trace};
use crate::inspect::bind::is_holder;
use crate::inspect::sockets::{self, Request};
use crate::model::health::{Health, Source};
use crate::model::tables::Table;
use crate::model::trace::{Call, Summary};
use crate::sys::host::{Interrupt, give_up_bpf};
use crate::text::{clean, duration, trace as words};

const SCHEMA: &str = "sockpit.trace/1";

/// How long calls may wait in the kernel before they are fetched.
const PATIENCE: Duration = Duration::from_millis(50);

/// Which process, for how long, and how it is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Calls: socket, bind, listen, connect, accept, the families of send and recv, setsockopt, getsockopt,
shutdown, and read, write and close of sockets. At the end stands how often each was made, and first
what failed. For as long as it runs every system call of this machine takes a little longer. The
kernel tells the calls by BPF: it takes root, or cap_bpf and cap_perfmon.

Examples:
  sockpit trace port:8080                   the process that listens on port 8080
  sockpit trace pid:4242 --duration 10s     a process by its number
  sockpit trace 4242 --failed               only calls that failed

Exit code: 0 it was watched as long as asked, 1 some calls were lost, 3 not permitted.")]
pub struct Args {
    /// `pid:4242`, or `port:8080` (`port:53/udp`) for who holds it; a bare number is a port if
    /// somebody holds it, and a process if not.
    #[arg(value_name = "PID|PORT")]
    target: String,
    /// Stop after this time: 10s, 2m. Without it, Ctrl-C or the process's end stops.
    #[arg(long, value_name = "D", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Print only calls that failed; the summary has all of them.
    #[arg(long)]
    failed: bool,
    /// Print one JSON document at the end.
    #[arg(long)]
    json: bool,
    /// Print one JSON object per call.
    #[arg(long, conflicts_with = "json")]
    jsonl: bool,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Report {
    pid: u32,
    calls: Vec<Call>,
    summary: Summary,
    lost: u64,
    health: Vec<Health>,
}

/// Watches, and prints.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let pid = process(&args.target)?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::no(format!("cannot listen for Ctrl-C: {error}")))?;
    let mut trace = Trace::open(pid)?;
    // Nothing more is loaded.
    give_up_bpf();
    let mut printer = Printer {
        args,
        zone: TimeZone::system(),
        kept: Vec::new(),
        summary: Summary::default(),
        dropped: 0,
    };
    if io::stderr().is_terminal() {
        note!(
            "sockpit: tracing process {pid}; every system call of this machine takes a little longer \
             meanwhile; Ctrl-C ends it"
        );
    }
    let end = args.duration.and_then(|duration| Instant::now().checked_add(duration));
    let is_over = || interrupt.is_pressed() || end.is_some_and(|end| Instant::now() >= end);
    while !is_over() && trace.is_alive() {
        let left = end.map_or(PATIENCE, |end| end.saturating_duration_since(Instant::now()));
        printer.poll(&mut trace, PATIENCE.min(left))?;
    }
    // What has returned up to now is told.
    printer.poll(&mut trace, Duration::ZERO)?;
    printer.finish(pid, &trace)
}

/// The process that the argument stands for.
fn process(target: &str) -> Result<u32, Failure> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|pid| *pid > 0);
    if let Some(pid) = target.strip_prefix("pid:") {
        return number(pid).ok_or_else(|| {
            Failure::usage(format!("`{}` is not the number of a process", clean(pid)))
        });
    }
    let (word, is_bare) = target.strip_prefix("port:").map_or((target, true), |word| (word, false));
    // A number above the last port can only be a process.
    let port = match Port::parse(word) {
        Ok(port) => port,
        Err(_) if is_bare && number(word).is_some() => return Ok(number(word).unwrap_or_default()),
        Err(error) => return Err(error),
    };
    match (&holders(port)?[..], number(word).filter(|_| is_bare)) {
        ([one], _) => Ok(*one),
        ([], Some(pid)) => Ok(pid),
        ([], None) => {
            Err(Failure::no(format!("no process that can be seen holds port {}", clean(word))))
        }
        (several, _) => {
            let pids: Vec<String> = several.iter().map(|pid| format!("pid:{pid}")).collect();
            let pids = pids.join(", ");
            Err(Failure::usage(format!(
                "several processes hold port {}: name one of {pids}",
                clean(word)
            )))
        }
    }
}

/// Who holds a port, by pid.
fn holders(port: Port) -> Result<Vec<u32>, Failure> {
    let table = if port.udp { Table::Udp } else { Table::Tcp };
    let request = Request { tables: table.into(), port: Some(port.number), ..Request::default() };
    let listing = sockets::list(&request)?;
    let held = listing.sockets.iter().filter(|socket| is_holder(socket));
    let mut pids: Vec<u32> =
        held.flat_map(|socket| &socket.owners).map(|owner| owner.process.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

struct Printer<'a> {
    args: &'a Args,
    zone: TimeZone,
    kept: Vec<Call>,
    summary: Summary,
    dropped: u64,
}

impl Printer<'_> {
    fn poll(&mut self, trace: &mut Trace, patience: Duration) -> Result<(), Failure> {
        let mut fetched = Vec::new();
        trace.poll(patience, |call| fetched.push(call))?;
        let mut out = output::stdout();
        for call in fetched {
            self.summary.add(&call);
            if self.args.failed && call.errno.is_none() {
                continue;
            }
            if self.args.json {
                if self.kept.len() < MOST_KEPT { self.kept.push(call) } else { self.dropped += 1 }
            } else if self.args.jsonl {
                serde_json::to_writer(&mut out, &call)?;
                writeln!(out)?;
            } else {
                writeln!(out, "{}", words::line(&call, &self.zone))?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn finish(self, pid: u32, trace: &Trace) -> Result<Exit, Failure> {
        let lost = trace.lost()? + self.dropped;
        let health = match lost {
            0 => Health::ready(Source::Bpf),
            _ => Health::degraded(Source::Bpf, format!("{lost} calls found no room")),
        };
        if self.args.json {
            let Self { kept: calls, summary, .. } = self;
            output::json(SCHEMA, &Report { pid, calls, summary, lost, health: vec![health] })?;
        } else if !self.args.jsonl {
            let mut out = output::stdout();
            writeln!(out, "\n{}", words::SUMMARY)?;
            for line in words::summary(&self.summary) {
                writeln!(out, "{line}")?;
            }
            out.flush()?;
        }
        if lost > 0 {
            return Err(Failure::no(format!("{lost} calls were lost: they found no room")));
        }
        Ok(Exit::Yes)
    }
}
