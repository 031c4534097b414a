//! `sockpit events`: what sockets do, as it happens.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Exit, Failure, output};
use crate::collect::events::{Events, Kept, Scope, Watched};
use crate::model::event::{EventCount, EventCounts, SocketEvent};
use crate::model::health::{Health, Source};
use crate::query::{Query, Saved, Subject, Truth};
use crate::sys::host::{Interrupt, give_up_bpf};
use crate::text::{clean, duration, event as words};

const SCHEMA: &str = "sockpit.events/1";

/// How long events may wait in the kernel before they are fetched.
const PATIENCE: Duration = Duration::from_millis(50);

/// Which events, for how long, and how they are printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Events of TCP: connect, established, accept, failed, closed, reset_sent, reset_received, retransmit;
of UDP: first_send, first_receive of each socket; of packets: dropped, with the kernel's reason.
The process is that which has opened or accepted the connection, or uses the UDP socket; `-` where
that was before the first event. The kernel tells them by BPF: it takes root, or cap_bpf and cap_perfmon.

Examples:
  sockpit events                           every connection of this network namespace
  sockpit events name:curl --duration 10s  those of one program
  sockpit events rport:5432 --jsonl        one JSON object per line
  sockpit events --summary --duration 1m   how often each happened: which packets are dropped, and why

Exit code: 0 no event was lost, 1 some events were lost, 3 not permitted.")]
pub struct Args {
    /// Which connections, as in `sockpit ports`.
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Stop after this time: 10s, 2m. Without it, Ctrl-C stops.
    #[arg(long, value_name = "D", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// Events of every network namespace, not only of sockpit's own.
    #[arg(long)]
    all_netns: bool,
    /// Print only how often each happened, by reason, at the end.
    #[arg(long, conflicts_with = "jsonl")]
    summary: bool,
    /// Print one JSON document at the end.
    #[arg(long)]
    json: bool,
    /// Print one JSON object per event.
    #[arg(long, conflicts_with = "json")]
    jsonl: bool,
}

impl Args {
    /// The words of the query.
    pub(super) fn query(&self) -> &[String] {
        &self.query
    }
}

/// The document of `--json`.
#[derive(Serialize)]
struct Report {
    events: Vec<SocketEvent>,
    counts: Vec<EventCount>,
    lost: u64,
    health: Vec<Health>,
}

/// Watches, and prints.
pub(super) fn run(args: &Args, saved: &Saved) -> Result<Exit, Failure> {
    let query = Query::parse_args_with(&args.query, saved)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::no(format!("cannot listen for Ctrl-C: {error}")))?;
    let mut events =
        Events::open(Scope { all_namespaces: args.all_netns, watched: Watched::Everything })?;
    // Nothing more is loaded.
    give_up_bpf();
    for what in events.missing() {
        note!("sockpit: {}", clean(what));
    }
    let mut printer = Printer::new(args, query);
    printer.begin()?;
    let end = args.duration.and_then(|duration| Instant::now().checked_add(duration));
    let is_over = || interrupt.is_pressed() || end.is_some_and(|end| Instant::now() >= end);
    while !is_over() {
        let left = end.map_or(PATIENCE, |end| end.saturating_duration_since(Instant::now()));
        printer.poll(&mut events, PATIENCE.min(left))?;
    }
    // What has happened up to now is told.
    printer.poll(&mut events, Duration::ZERO)?;
    printer.finish(&events)
}

struct Printer<'a> {
    args: &'a Args,
    query: Query,
    zone: TimeZone,
    kept: Kept,
    counts: EventCounts,
    began: Instant,
}

impl<'a> Printer<'a> {
    fn new(args: &'a Args, query: Query) -> Self {
        Self {
            args,
            query,
            zone: TimeZone::system(),
            kept: Kept::default(),
            counts: EventCounts::default(),
            began: Instant::now(),
        }
    }

    /// On a terminal it is said that the silence is none of a hang.
    fn begin(&self) -> Result<(), Failure> {
        if io::stderr().is_terminal() {
            note!("sockpit: watching sockets and dropped packets; Ctrl-C ends it");
        }
        if !(self.args.json || self.args.jsonl || self.args.summary) {
            let mut out = output::stdout();
            writeln!(out, "{}", words::HEADING)?;
            out.flush()?;
        }
        Ok(())
    }

    fn poll(&mut self, events: &mut Events, patience: Duration) -> Result<(), Failure> {
        let mut fetched = Vec::new();
        events.poll(patience, |event| fetched.push(event))?;
        let mut out = output::stdout();
        for event in fetched {
            if !self.is_wanted(&event) {
                continue;
            }
            self.counts.add(&event);
            if self.args.summary {
                continue;
            }
            if self.args.json {
                self.kept.push(event);
            } else if self.args.jsonl {
                serde_json::to_writer(&mut out, &event)?;
                writeln!(out)?;
            } else {
                writeln!(out, "{}", words::line(&event, &self.zone))?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn is_wanted(&self, event: &SocketEvent) -> bool {
        let socket = event.socket();
        self.query.matches(&Subject::new(&socket, Timestamp::now())) == Truth::Yes
    }

    fn finish(self, events: &Events) -> Result<Exit, Failure> {
        let counts = self.counts.over(self.began.elapsed().as_secs_f64());
        let lost = events.lost()? + self.kept.dropped;
        let health = match (lost, events.missing()) {
            (0, []) => Health::ready(Source::Bpf),
            (0, missing) => Health::degraded(Source::Bpf, missing.join("; ")),
            _ => Health::degraded(Source::Bpf, format!("{lost} events found no room")),
        };
        if self.args.json {
            let health = vec![health];
            output::json(SCHEMA, &Report { events: self.kept.events, counts, lost, health })?;
        } else if self.args.summary {
            let mut out = output::stdout();
            writeln!(out, "{}", words::COUNTS)?;
            for count in &counts {
                writeln!(out, "{}", words::count(count))?;
            }
            out.flush()?;
        }
        if lost > 0 {
            return Err(Failure::no(format!("{lost} events were lost: they found no room")));
        }
        Ok(Exit::Yes)
    }
}
