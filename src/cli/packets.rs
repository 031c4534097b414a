//! `sockpit packets`: counts of a live capture or of a capture file.

mod filter;
mod live;
mod look;
mod stats;
mod summary;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Exit, Failure, output};
use crate::collect::packets::{CaptureOptions, FileCount, FileJob, FileSource, Limits};
use crate::model::health::{Health, Source};
use crate::model::packets::PacketCounts;
use crate::sys::host::Interrupt;
use crate::text::{clean, csv, duration};
use look::Look;

const SCHEMA: &str = "sockpit.packets/1";
/// Between two documents of `--jsonl`.
const TICK: Duration = Duration::from_secs(1);
/// How soon Ctrl-C is noticed.
const PATIENCE: Duration = Duration::from_millis(50);

/// What to count, for how long, and how to print it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    capture: live::CaptureArgs,
    /// Count the packets of this pcap or pcapng file; - stands for stdin.
    #[arg(short, long, value_name = "FILE", conflicts_with = "CaptureArgs")]
    read: Option<PathBuf>,
    /// The same as --read FILE.
    #[arg(value_name = "FILE", conflicts_with_all = ["CaptureArgs", "read"])]
    file: Option<PathBuf>,
    /// Only packets that match this expression in tcpdump's language, pcap-filter(7).
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// List the packets, one per line, in place of a summary.
    #[arg(long)]
    list: bool,
    /// List the packets with every field of their headers.
    #[arg(long, conflicts_with = "list")]
    fields: bool,
    /// Print one view in place of the summary.
    #[arg(long, value_name = "VIEW", conflicts_with_all = ["list", "fields", "jsonl", "csv"])]
    stats: Option<stats::View>,
    /// Draw each flow as a ladder between its two ends: handshake, bursts of data, end.
    #[arg(long, conflicts_with_all = ["list", "fields", "jsonl", "csv", "stats"])]
    ladder: bool,
    /// Write the packets to this new pcapng file, with the process of each as a comment.
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Stop writing when the file has this size: 500k, 100M, 2G.
    #[arg(long, value_name = "SIZE", requires = "write", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Stop after this time: 10, 10s, 2m, 500ms. Without it, Ctrl-C stops.
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Stop after this many packets.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Print one JSON document at the end.
    #[arg(long)]
    json: bool,
    /// Print one JSON document a second, and one at the end.
    #[arg(long, conflicts_with = "json")]
    jsonl: bool,
    /// Print every flow at the end as comma-separated values with a header.
    #[arg(long, conflicts_with_all = ["json", "jsonl", "list", "fields"])]
    csv: bool,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    counts: &'a PacketCounts,
    health: Vec<Health>,
}

/// Counts, and prints.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match args.read.as_ref().or(args.file.as_ref()) {
        Some(file) => count_file(args, file),
        None => live::capture(args),
    }
}

fn parse_duration(written: &str) -> Result<Duration, String> {
    match duration::parse(written) {
        Ok(span) if !span.is_zero() => Ok(span),
        Ok(_) => Err("it must be longer than nothing".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_size(written: &str) -> Result<u64, String> {
    let digits = written.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match written[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return Err("the unit is none of k, M and G".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "it is no whole number".to_owned())?;
    number.checked_mul(unit).filter(|size| *size > 0).ok_or("it is no size".to_owned())
}

fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::no(format!("cannot listen for Ctrl-C: {error}")))
}

/// When to stop, and when to print the next line.
struct Schedule {
    end: Option<Instant>,
    tick: Option<Instant>,
    look: Instant,
}

impl Schedule {
    fn new(args: &Args) -> Self {
        let now = Instant::now();
        Self {
            end: args.duration.and_then(|duration| now.checked_add(duration)),
            tick: args.jsonl.then(|| now + TICK),
            look: now + live::SOCKETS_PERIOD,
        }
    }

    /// When something is next due.
    fn next(&self) -> Instant {
        [self.end, self.tick].into_iter().flatten().fold(self.look, Instant::min)
    }

    /// Whether it is time to ask who holds the sockets.
    fn take_look(&mut self) -> bool {
        let now = Instant::now();
        let is_due = now >= self.look;
        if is_due {
            self.look = now + live::SOCKETS_PERIOD;
        }
        is_due
    }

    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Whether a line is due; the next one is then due a second later.
    fn take_tick(&mut self) -> bool {
        let now = Instant::now();
        match &mut self.tick {
            Some(tick) if now >= *tick => {
                // A late line does not make those after it hurry.
                *tick = (*tick + TICK).max(now);
                true
            }
            _ => false,
        }
    }
}

fn is_list(looking: &Option<Look>) -> bool {
    looking.as_ref().is_some_and(Look::is_list)
}

fn count_file(args: &Args, path: &Path) -> Result<Exit, Failure> {
    let filter = args.filter.as_deref().map(filter::parse).transpose()?;
    let interrupt = listen()?;
    let source = FileSource::named(path);
    let name = source.to_string();
    let (looking, each) = match Look::is_wanted(args) {
        true => Look::begin(args, filter.as_ref(), CaptureOptions::WHOLE, None)
            .map(|(look, each)| (Some(look), Some(each)))?,
        false => (None, None),
    };
    let job = FileJob { limit: args.count, filter, each };
    let file = FileCount::start(source, job)
        .map_err(|error| Failure::no(format!("cannot start a thread: {error}")))?;
    let mut schedule = Schedule::new(args);
    while !interrupt.is_pressed() && !schedule.is_over() {
        let left = schedule.next().saturating_duration_since(Instant::now());
        if file.wait(left.min(PATIENCE)) {
            break;
        }
        if schedule.take_tick() && !is_list(&looking) {
            print_line(&file.snapshot(&Limits::LIVE))?;
        }
    }
    let failure = match file.take_end() {
        Some(Err(error)) if error.is_unusable() => {
            return Err(Failure::usage(format!("{name}: {error}")));
        }
        Some(Err(error)) => Some(error),
        Some(Ok(())) | None => None,
    };
    let counts = file.snapshot(&limits(args));
    let fault = failure.map(|error| error.to_string()).or_else(|| summary::unread(&counts));
    let health = match &fault {
        Some(fault) => Health::degraded(Source::Capture, fault.clone()),
        None => Health::ready(Source::Capture),
    };
    if !is_list(&looking) {
        print(args, &counts, health)?;
    }
    looking.map_or(Ok(()), |look| look.finish(counts.losses.kernel))?;
    filter::hint(&counts, file.passed_over());
    match fault {
        Some(fault) => Err(Failure::no(format!("{name}: {fault}"))),
        None => Ok(Exit::Yes),
    }
}

/// A person gets the top of each list, a program all of it.
fn limits(args: &Args) -> Limits {
    if args.json || args.csv || args.stats.is_some() {
        Limits::ALL
    } else if args.jsonl {
        Limits::LIVE
    } else {
        summary::LIMITS
    }
}

fn print(args: &Args, counts: &PacketCounts, health: Health) -> Result<(), Failure> {
    if let Some(view) = args.stats {
        tell(&health);
        stats::print(view, counts, args.json)
    } else if args.json {
        output::json(SCHEMA, &Report { counts, health: vec![health] })
    } else if args.jsonl {
        print_line(counts)
    } else if args.csv {
        tell(&health);
        output::csv(&csv::flows(counts))
    } else {
        summary::print(counts)
    }
}

/// A table has no place for what it lacks.
fn tell(health: &Health) {
    if let Some(reason) = health.reason.as_deref().filter(|_| health.is_troubled()) {
        note!("sockpit: {}", clean(reason));
    }
}

fn print_line(counts: &PacketCounts) -> Result<(), Failure> {
    output::json(SCHEMA, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_carry_a_unit() {
        let ms = |written| parse_duration(written).map(|duration| duration.as_millis());
        assert_eq!(ms("10"), Ok(10_000));
        assert_eq!(ms("0.5"), Ok(500));
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("2m"), Ok(120_000));
        for bad in ["", "0", "-1s", "soon", "1e99"] {
            assert!(ms(bad).is_err(), "{bad}");
        }
    }
}
