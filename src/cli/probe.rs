//! `sockpit probe TARGET...`: does it answer, and if not, which side failed.

use std::cell::RefCell;
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{Exit, Failure, output};
use crate::model::probe::{Attempt, OutcomeKind, ProbeReport};
use crate::probe::{Probe, Progress, Settings, Target};
use crate::text;

const SCHEMA: &str = "sockpit.probe/1";
/// As many targets are probed side by side; further ones wait for their turn.
const AT_ONCE: usize = 64;

/// What to probe, how often, and how to say it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A target is HOST:PORT, [IPV6]:PORT, [fe80::1%eth0]:PORT or PORT for this machine, each also after
tcp://. A name is tried at its addresses in order until one connects. Nothing is sent on the
connection: the peer is listened to for 0.1 s, then both sides close.

Exit codes: 0 the last attempt at every target was ok, 1 one was not, 2 wrong usage.")]
pub struct Args {
    /// What to connect to.
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// Rounds of attempts at each target.
    #[arg(long, value_name = "N", default_value = "1")]
    count: String,
    /// From the start of one round to the start of the next.
    #[arg(long, value_name = "D", default_value = "1s")]
    interval: String,
    /// Patience for a name look-up, and for each connect.
    #[arg(long, value_name = "D", default_value = "5s")]
    timeout: String,
    /// Connect from this address of this host.
    #[arg(long, value_name = "A")]
    source: Option<String>,
    /// Print one JSON document: an object for one target, an array for several.
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Print each attempt as a line of JSON when it ends.
    #[arg(long)]
    jsonl: bool,
}

/// How the answer is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Lines,
}

/// Probes all targets at once, and says how each fared.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let settings = settings(args)?;
    let mut probes = probes(args, &settings)?;
    let format = match (args.json, args.jsonl) {
        (true, _) => Format::Json,
        (_, true) => Format::Lines,
        _ => Format::Text,
    };
    // One thread: a wake-up across threads would be measured as the peer's time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(run_all(&mut probes, format));
    // A name look-up cannot be called off; it must not hold up the end.
    runtime.shutdown_background();
    ended?;
    finish(&probes, &settings, format)
}

// The numbers are read here and not by clap, whose errors repeat the argument uncleaned.
fn settings(args: &Args) -> Result<Settings, Failure> {
    let count = match args.count.parse() {
        Ok(0) | Err(_) => {
            let count = &args.count;
            return Err(Failure::usage(format!("--count takes a number from 1, not `{count}`")));
        }
        Ok(count) => count,
    };
    let timeout = duration("--timeout", &args.timeout)?;
    if timeout.is_zero() {
        return Err(Failure::usage("--timeout of 0 would never hear an answer: give it time"));
    }
    let interval = duration("--interval", &args.interval)?;
    let source = args.source.as_deref().map(source).transpose()?;
    Ok(Settings { count: Some(count), interval, timeout, source })
}

/// A day is longer than any probe; it keeps every sum of times within bounds.
const LONGEST: Duration = Duration::from_secs(86_400);

fn duration(option: &str, written: &str) -> Result<Duration, Failure> {
    let span = text::duration::parse(written)
        .map_err(|error| Failure::usage(format!("{option}: {error}")))?;
    if span > LONGEST {
        return Err(Failure::usage(format!("{option}: `{written}` is longer than a day")));
    }
    Ok(span)
}

fn source(written: &str) -> Result<IpAddr, Failure> {
    written.parse().map_err(|_| {
        let example = "an address of this host, such as 192.0.2.5 or 2001:db8::5";
        Failure::usage(format!("--source takes {example}, not `{written}`"))
    })
}

fn probes(args: &Args, settings: &Settings) -> Result<Vec<Probe>, Failure> {
    let mut probes = Vec::with_capacity(args.targets.len());
    for written in &args.targets {
        let usage = |error: crate::probe::TargetError| Failure::usage(error.to_string());
        let target: Target = written.parse().map_err(usage)?;
        if let Some(source) = settings.source {
            target.check_source(source).map_err(usage)?;
        }
        probes.push(Probe::new(target, settings.clone()));
    }
    Ok(probes)
}

/// Runs all probes side by side until they end or Ctrl-C; what ended is in the probes.
async fn run_all(probes: &mut [Probe], format: Format) -> Result<(), Failure> {
    let out = RefCell::new(output::stdout());
    let each = probes.iter_mut().map(|probe| {
        let target = probe.target().text().to_owned();
        let out = &out;
        run_one(probe, move |attempt| {
            let mut out = out.borrow_mut();
            print_attempt(&target, attempt, format, &mut *out)
        })
    });
    let running = stream::iter(each).buffer_unordered(AT_ONCE);
    tokio::select! {
        ended = running.try_collect::<()>() => ended,
        () = interrupted() => Ok(()),
    }
}

async fn run_one(
    probe: &mut Probe,
    print: impl Fn(&Attempt) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (events, mut progress) = mpsc::channel(64);
    let run = async {
        // Dropped when the run ends, so that the reader ends too.
        let events = events;
        probe.run(&events).await;
        Ok(())
    };
    let read = async {
        while let Some(progress) = progress.recv().await {
            if let Progress::AttemptDone { attempt, .. } = progress {
                print(&attempt)?;
            }
        }
        Ok(())
    };
    tokio::try_join!(run, read).map(drop)
}

/// Ends on Ctrl-C; never, where the system does not tell of it.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// An attempt as a line of `--jsonl`.
#[derive(Serialize)]
struct Row<'a> {
    target: &'a str,
    #[serde(flatten)]
    attempt: &'a Attempt,
}

fn print_attempt(
    target: &str,
    attempt: &Attempt,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    match format {
        Format::Json => return Ok(()),
        Format::Lines => {
            serde_json::to_writer(&mut *out, &Row { target, attempt })?;
            writeln!(out)?;
        }
        Format::Text => print_waterfall(target, attempt, out)?,
    }
    out.flush()?;
    Ok(())
}

fn print_waterfall(target: &str, attempt: &Attempt, out: &mut impl Write) -> Result<(), Failure> {
    write!(out, "{} #{}", text::clean(target), attempt.seq)?;
    if let Some(address) = attempt.address {
        write!(out, " at {address}")?;
    }
    writeln!(out)?;
    for stage in &attempt.stages {
        let (name, time) = (stage.name().name(), text::probe::stage_time(stage));
        let mark = if stage.ok { ' ' } else { '✗' };
        writeln!(out, "  {name:<8} {time:>9} {mark} {}", text::probe::stage_words(stage))?;
    }
    writeln!(out, "  verdict  {}", text::probe::verdict(&attempt.verdict))?;
    Ok(())
}

/// What is said when all has ended, and the exit code.
fn finish(probes: &[Probe], settings: &Settings, format: Format) -> Result<Exit, Failure> {
    let reports: Vec<ProbeReport> = probes.iter().filter_map(Probe::report).collect();
    match format {
        Format::Json => print_json(probes, &reports)?,
        Format::Lines => say_sums(&reports, &mut std::io::stderr())?,
        Format::Text if settings.count != Some(1) => say_sums(&reports, &mut output::stdout())?,
        Format::Text => {}
    }
    if reports.len() < probes.len() {
        return Err(Failure::no("interrupted before the first attempt ended"));
    }
    let ok = reports.iter().all(|report| report.verdict.outcome == OutcomeKind::Ok);
    Ok(if ok { Exit::Yes } else { Exit::No })
}

fn print_json(probes: &[Probe], reports: &[ProbeReport]) -> Result<(), Failure> {
    match (probes, reports) {
        ([_], [only]) => output::json(SCHEMA, only),
        ([_], _) => Ok(()),
        _ => output::json_array(SCHEMA, reports),
    }
}

fn say_sums(reports: &[ProbeReport], out: &mut impl Write) -> Result<(), Failure> {
    for report in reports {
        let (target, sums) = (text::clean(&report.target), text::probe::summary(&report.summary));
        writeln!(out, "{target}: {sums}")?;
    }
    out.flush()?;
    Ok(())
}
