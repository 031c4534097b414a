//! A live capture: what to capture on, how, and for how long.

use std::io::{self, IsTerminal};
use std::time::Duration;

use super::look::Look;
use super::{Args, Schedule, filter, is_list, limits, listen, print, print_line, tell};
use crate::cli::{Exit, Failure};
use crate::collect::packets::{
    self, Backend, CaptureOptions, Limits, Listing, LiveCapture, Namespace, Sockets, health_of,
};
use crate::collect::ports::{self, Reach};
use crate::collect::{Feed, interfaces};
use crate::model::health::{Health, Source};
use crate::model::table::SocketTable;

/// Between two looks at who holds which socket: who ends sooner after its first packet may be
/// missed.
pub(super) const SOCKETS_PERIOD: Duration = Duration::from_millis(500);
/// How long the last of these looks may take.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What to capture on, and how.
#[derive(Debug, clap::Args)]
#[group(multiple = true)]
pub(super) struct CaptureArgs {
    /// Capture on this interface; may be given several times, and with * for any letters. Without
    /// it, or with "any", on all.
    #[arg(short, long = "interface", value_name = "IFACE")]
    interfaces: Vec<String>,
    /// Also take frames that are not for this machine.
    #[arg(long, requires = "interfaces")]
    promiscuous: bool,
    /// Capture in this network namespace: a name of "ip netns", a process's number, or a path.
    #[arg(long, value_name = "NAME|PID|PATH")]
    netns: Option<String>,
    /// Bytes to take of each packet: 512 to count it, all of it to list or write it.
    #[arg(short, long, value_name = "BYTES")]
    snap_length: Option<u32>,
    /// Room for packets that wait to be counted: 500k, 64M. 8 MiB, or 32 MiB for whole packets.
    #[arg(long, value_name = "SIZE", value_parser = super::parse_size)]
    ring_size: Option<u64>,
    /// The longest that a packet waits for others: 50ms.
    #[arg(long, value_name = "D", value_parser = super::parse_duration)]
    block_timeout: Option<Duration>,
    /// How to capture: by a ring that the kernel fills, or packet by packet. Without it, by a
    /// ring where there can be one.
    #[arg(long, value_name = "WAY")]
    backend: Option<Way>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Way {
    Ring,
    Socket,
}

impl From<Way> for Backend {
    fn from(way: Way) -> Self {
        match way {
            Way::Ring => Self::Ring,
            Way::Socket => Self::Socket,
        }
    }
}

impl CaptureArgs {
    /// What to capture, and in which namespace.
    fn options(&self) -> Result<(CaptureOptions, Option<Namespace>), Failure> {
        let netns = self.netns.as_deref().map(packets::namespace).transpose();
        let netns = netns.map_err(|error| Failure::usage(format!("--netns: {error}")))?.flatten();
        let options = CaptureOptions {
            interfaces: known_interfaces(&self.interfaces, netns.as_ref())?,
            promiscuous: self.promiscuous,
            snap_length: self.snap_length,
            ring_bytes: self.ring_size,
            block_timeout: self.block_timeout,
            backend: self.backend.map(Backend::from),
            filter: None,
        };
        Ok((options, netns))
    }
}

/// Counts what is captured, and prints.
pub(super) fn capture(args: &Args) -> Result<Exit, Failure> {
    let filter = args.filter.as_deref().map(filter::parse).transpose()?;
    let (mut options, netns) = args.capture.options()?;
    if let Some(filter) = &filter {
        filter::apply(filter, &mut options)?;
    }
    if Look::is_wanted(args) && options.snap_length.is_none() {
        options.snap_length = Some(CaptureOptions::WHOLE);
    }
    let mut sockets = sockets(netns.as_ref())?;
    let own = Sockets::new(sockets.clone(), netns.clone());
    let snap_length = options.snap_length();
    let mut live = LiveCapture::new(options, netns, Some(sockets.clone()));
    if let Some(filter) = &filter {
        live = live.filtered_by(filter);
    }
    let mut looking = None;
    if Look::is_wanted(args) {
        let (look, each) = Look::begin(args, filter.as_ref(), snap_length, Some(own))?;
        live = live.watched_by(each);
        looking = Some(look);
    }
    let result = count(args, &mut live, looking.as_ref())?;
    live.unwatch();
    // Once more, so that flows since the last look find their processes.
    sockets.refresh_within(LAST_LOOK);
    let counts = live.snapshot(&limits(args), Listing::default())?;
    let health = match &result {
        Ok(()) => health_of(&counts),
        Err(error) => Health::degraded(Source::Capture, format!("the capture broke off: {error}")),
    };
    if is_list(&looking) {
        tell(&health);
    } else {
        print(args, &counts, health)?;
    }
    looking.map_or(Ok(()), |look| look.finish(counts.losses.kernel))?;
    match result {
        Ok(()) => Ok(Exit::Yes),
        Err(error) => Err(Failure::no(format!("the capture broke off: {error}"))),
    }
}

/// The sockets whose packets may come.
fn sockets(netns: Option<&Namespace>) -> Result<Feed<SocketTable>, Failure> {
    let (sockets, steering) = ports::spawn(SOCKETS_PERIOD, None)
        .map_err(|error| Failure::no(format!("cannot start a thread: {error}")))?;
    if netns.is_some() {
        steering.set_reach(Reach::All);
    }
    Ok(sockets)
}

/// Opens the capture and counts until it is over. The inner result says how counting ended.
fn count(
    args: &Args,
    live: &mut LiveCapture,
    looking: Option<&Look>,
) -> Result<Result<(), packets::CaptureError>, Failure> {
    // Listening comes first: Ctrl-C asks for the summary from the first packet on.
    let interrupt = listen()?;
    live.open()?;
    if let Some(reason) = live.fallback() {
        note!("sockpit: captures packet by packet: {reason}");
    }
    if io::stderr().is_terminal() {
        note!("sockpit: counting packets on {}; Ctrl-C ends it", live.source());
    }
    let mut schedule = Schedule::new(args);
    let is_full = |live: &LiveCapture| args.count.is_some_and(|count| live.packets() >= count);
    let mut result = Ok(());
    while result.is_ok() && !interrupt.is_pressed() && !schedule.is_over() && !is_full(live) {
        result = live.run(schedule.next(), args.count, || interrupt.is_pressed());
        if schedule.take_look() {
            live.attribute();
            looking.iter().for_each(|look| look.flush());
        }
        if schedule.take_tick() && !looking.is_some_and(Look::is_list) {
            print_line(&live.snapshot(&Limits::LIVE, Listing::default())?)?;
        }
        if live.has_ended() {
            break;
        }
    }
    Ok(result.and_then(|()| live.finish(args.count)))
}

/// The interfaces that are named, each once, if all of them exist.
fn known_interfaces(wanted: &[String], netns: Option<&Namespace>) -> Result<Vec<String>, Failure> {
    const ALL: &str = "any";
    let known = if wanted.is_empty() { Vec::new() } else { interfaces::names(netns) };
    if wanted.iter().any(|name| name == ALL) && !known.iter().any(|name| name == ALL) {
        return Ok(Vec::new());
    }
    let mut named: Vec<String> = Vec::new();
    for pattern in wanted {
        let mut found: Vec<String> =
            known.iter().filter(|name| is_named(name, pattern)).cloned().collect();
        if known.is_empty() {
            found.push(pattern.clone());
        }
        if found.is_empty() {
            let known = known.join(", ");
            return Err(Failure::usage(format!("no interface {pattern}; there are: {known}")));
        }
        found.retain(|name| !named.contains(name));
        named.extend(found);
    }
    Ok(named)
}

/// Whether a name is what a pattern asks for, in which * stands for any letters, or none.
fn is_named(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((begin, rest)) => name.strip_prefix(begin).is_some_and(|name| {
            (0..=name.len())
                .filter(|at| name.is_char_boundary(*at))
                .any(|at| is_named(&name[at..], rest))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (name, pattern) in
            [("eth0", "eth0"), ("eth0", "eth*"), ("eth0", "*0"), ("veth1a", "*eth*a"), ("lo", "*")]
        {
            assert!(is_named(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [("eth0", "eth"), ("eth0", "eth*1"), ("lo", "e*"), ("eth0", "*h")] {
            assert!(!is_named(name, pattern), "{name} {pattern}");
        }
    }
}
