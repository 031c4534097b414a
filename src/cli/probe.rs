//! `sockpit probe TARGET...`: does it answer, and if not, which side failed.

mod arguments;
mod expect;
mod running;
mod sweep;
mod targets;

use std::io::Write;

use serde::Serialize;

use super::{Exit, Failure, output};
use crate::model::probe::{Attempt, OutcomeKind, ProbeReport};
use crate::probe::{Probe, Protocol, Settings, Sweep, enter_netns, path};
use crate::text;
use expect::Condition;
use running::run_all;

const SCHEMA: &str = "sockpit.probe/1";

/// What to probe, how often, and how to say it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    /// What to connect to.
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// Use IPv4 only.
    #[arg(short = '4', conflicts_with = "v6")]
    v4: bool,
    /// Use IPv6 only.
    #[arg(short = '6')]
    v6: bool,
    /// Connect to this address in place of the target's own; the name asked for stays the same.
    #[arg(long, value_name = "ADDR")]
    at: Option<String>,
    /// Rounds of attempts at each target.
    #[arg(long, value_name = "N", default_value = "1")]
    count: String,
    /// From the start of one round to the start of the next.
    #[arg(long, value_name = "D", default_value = "1s")]
    interval: String,
    /// The most that each stage may take; without it 5 s for a name look-up and a connect, the
    /// protocol's own time for what is said then.
    #[arg(long, value_name = "D")]
    timeout: Option<String>,
    /// Connect from this address of this host, from this port, or both: 192.0.2.5, 192.0.2.5:4000,
    /// :4000.
    #[arg(long, value_name = "A")]
    source: Option<String>,
    /// Send and receive only through this interface.
    #[arg(long, value_name = "IF")]
    interface: Option<String>,
    /// Set an option of each socket before it connects, as opts names them: IP_TTL=5, IP_TOS=0x28,
    /// SO_RCVBUF=64KiB. May be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Connect by Multipath TCP, and say whether the peer speaks it.
    #[arg(long)]
    mptcp: bool,
    /// Send the first bytes with the SYN (TCP Fast Open, RFC 7413), where the target's address has
    /// given a cookie before; else ask it for one. A second round (--count 2) then has it.
    #[arg(long, conflicts_with = "via")]
    fast_open: bool,
    /// Do it all in this network namespace: a name as `ip netns` has it, or a path such as
    /// /proc/PID/ns/net.
    #[arg(long, value_name = "NS")]
    netns: Option<String>,
    /// How to end a connection: graceful (FIN), half (only our FIN), abort (RST).
    #[arg(long, value_name = "HOW", default_value = "graceful")]
    close: String,
    /// Send these bytes once the way is open, and show what comes back: TEXT (with \r \n \xNN),
    /// hex:…, or @FILE.
    #[arg(long, value_name = "BYTES")]
    send: Option<String>,
    /// Trust the authorities in this file (PEM) in place of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
    /// Show this certificate (PEM) to a server that asks.
    #[arg(long, value_name = "FILE")]
    cert: Option<String>,
    /// Its private key (PEM), where that is in a file of its own.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<String>,
    /// Ask TLS for this name in place of the target's.
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// Ask for the upgrade to TLS where the protocol has one: smtp, submission, imap, pop3, ftp,
    /// postgres, mysql.
    #[arg(long)]
    starttls: bool,
    /// How many targets, or ports, to try at the same time.
    #[arg(long, value_name = "N", default_value = "200")]
    concurrency: String,
    /// Go through a proxy: `socks5://[USER@]HOST:PORT`, `socks4://HOST:PORT`, `http://HOST:PORT`.
    #[arg(long, value_name = "PROXY")]
    via: Option<String>,
    /// Try every address of a name side by side, and tell which one a client would use that follows
    /// RFC 8305 (happy eyeballs).
    #[arg(long)]
    every_address: bool,
    /// Tell the hops on the way to the target's port, by TCP connects with small times to live.
    #[arg(long)]
    path: bool,
    /// Exit with 0 only where this holds, too: status=200, tls.days_left>14, banner~/OpenSSH/,
    /// p99<50ms. With outcome=refused the outcome need not be ok. May be given several times.
    #[arg(long, value_name = "COND")]
    expect: Vec<String>,
    /// Print one JSON document: an object for one target, an array for several.
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Print each attempt as a line of JSON when it ends.
    #[arg(long)]
    jsonl: bool,
}

fn after_help() -> String {
    let schemes: Vec<&str> = Protocol::ALL.iter().map(|protocol| protocol.scheme()).collect();
    let schemes = schemes.join(" ");
    format!(
        "\
A target is HOST:PORT, [IPV6]:PORT, [fe80::1%eth0]:PORT, HOST PORT, NAME, or PORT of this machine,
each also after a scheme (https://HOST/PATH, tcp://HOST:PORT, icmp://HOST, unix:///PATH). PORT may be a
list or a range: HOST:80,443, HOST:8000-8010. @FILE has one target per line. Without a scheme the
protocol is guessed from the port, and the guess is shown. tcp:// only connects: it waits 0.1 s for
the peer to send something, then both sides close. A bare name is tried at port 443, then at 80. A
name's addresses are tried in order until one connects. Nothing is sent that changes a server.

Schemes: {schemes}.

Exit codes: 0 the last attempt at every target was ok, 1 one was not, 2 wrong usage."
    )
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
    let settings = arguments::settings(args)?;
    if let Some(door) = &args.netns {
        // Before the first thread is started: each is where the one is that starts it.
        enter_netns(door)?;
    }
    let targets = targets::read(&args.targets, &settings)?;
    for hint in &targets.hints {
        note!("{}", text::clean(hint));
    }
    let is_several = targets.is_several;
    let concurrency = arguments::concurrency(args)?;
    let expected: Vec<Condition> =
        args.expect.iter().map(|it| Condition::read(it)).collect::<Result<_, _>>()?;
    let format = match (args.json, args.jsonl) {
        (true, _) => Format::Json,
        (_, true) => Format::Lines,
        _ => Format::Text,
    };
    if let Some(sweep) = Sweep::over(&targets.list, &settings, concurrency) {
        let plan = sweep::Plan { targets: &targets.list, settings: &settings, format, concurrency };
        return sweep::run(sweep, &plan, &expected);
    }
    let probe = |target| Probe::new(target, settings.clone());
    let mut probes: Vec<Probe> = targets.list.into_iter().map(probe).collect();
    let mut held_back: Vec<&str> = probes.iter().filter_map(Probe::holds_back).collect();
    held_back.dedup();
    for why in held_back {
        note!("the rounds come slower than asked: {why}");
    }
    // One thread: a wake-up across threads would be measured as the peer's time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(run_all(&mut probes, format, concurrency));
    let mut reports: Vec<ProbeReport> = probes.iter().filter_map(Probe::report).collect();
    if args.path {
        runtime.block_on(add_paths(&mut reports, &settings, format))?;
    }
    // A name look-up cannot be called off; it must not hold up the end.
    runtime.shutdown_background();
    ended?;
    let told = Told { reports, wanted: probes.len(), is_several };
    finish(told, &settings, format, &expected)
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
        match address.port() {
            // Echoes have no port.
            0 => write!(out, " at {}", address.ip())?,
            _ => write!(out, " at {address}")?,
        }
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

/// The reports, how many were wanted, and whether those were written as several.
struct Told {
    reports: Vec<ProbeReport>,
    wanted: usize,
    is_several: bool,
}

/// Looks for the hops on the way to the address that each target was tried at last.
async fn add_paths(
    reports: &mut [ProbeReport],
    settings: &Settings,
    format: Format,
) -> Result<(), Failure> {
    for report in reports {
        let last = report.attempts.last().and_then(|attempt| attempt.address);
        let Some(address) = last.filter(|address| address.port() != 0) else {
            let target = text::clean(&report.target);
            note!("no path to {target}: there is no address with a port to look for");
            continue;
        };
        let hops = path(address, &settings.outfit).await;
        let hops = hops.unwrap_or_else(|error| {
            note!("no path to {address}: no connect could be sent: {error}");
            Vec::new()
        });
        if format == Format::Text {
            let mut out = output::stdout();
            let none = if hops.is_empty() { ": no hop is known" } else { "" };
            writeln!(out, "path to {address}{none}")?;
            for hop in &hops {
                writeln!(out, "{}", text::probe::hop(hop))?;
            }
            out.flush()?;
        }
        report.path = Some(hops);
    }
    Ok(())
}

/// What is said when all has ended, and the exit code.
fn finish(
    told: Told,
    settings: &Settings,
    format: Format,
    expected: &[Condition],
) -> Result<Exit, Failure> {
    let Told { reports, wanted, is_several } = told;
    if format == Format::Text {
        let mut out = output::stdout();
        for found in reports.iter().filter_map(|report| report.happy_eyeballs) {
            writeln!(out, "{}", text::probe::happy_eyeballs(found))?;
        }
    }
    match format {
        Format::Json => print_json(is_several, &reports)?,
        Format::Lines => say_sums(&reports, &mut std::io::stderr())?,
        Format::Text if settings.count != Some(1) => say_sums(&reports, &mut output::stdout())?,
        Format::Text => {}
    }
    if reports.len() < wanted {
        return Err(Failure::no("interrupted before the first attempt ended"));
    }
    Ok(if are_as_expected(reports.iter(), expected) { Exit::Yes } else { Exit::No })
}

/// Whether every report is what was expected: ok, where nothing else was said of the outcome.
fn are_as_expected<'a>(
    reports: impl Iterator<Item = &'a ProbeReport>,
    expected: &[Condition],
) -> bool {
    let any_outcome = expected.iter().any(Condition::is_about_outcome);
    let is_one = |report: &ProbeReport| {
        let unmet: Vec<String> = expected.iter().filter_map(|it| it.unmet(report)).collect();
        for sentence in &unmet {
            note!("{sentence}");
        }
        unmet.is_empty() && (any_outcome || report.verdict.outcome == OutcomeKind::Ok)
    };
    // Each is told: none is skipped.
    reports.filter(|report| !is_one(report)).count() == 0
}

fn print_json(is_several: bool, reports: &[ProbeReport]) -> Result<(), Failure> {
    match reports {
        _ if is_several => output::json_array(SCHEMA, reports),
        [only] => output::json(SCHEMA, only),
        _ => Ok(()),
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
