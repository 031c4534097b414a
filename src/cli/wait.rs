//! `sockpit wait`.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::port::Port;
use super::{Exit, Failure};
use crate::inspect::wait::{self, Standing, Until};
use crate::model::socket::{Socket, State};
use crate::text::{address, clean, duration, units};

/// What to wait for, and how long.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code: 0 when it is so, 1 when the time has passed. It looks at least once."
)]
pub struct Args {
    /// The port; TCP unless it ends in /udp.
    #[arg(value_name = "PORT[/udp]")]
    port: String,
    #[command(flatten)]
    until: What,
    /// With --free: the bind to come sets SO_REUSEADDR, as most servers do, so that closed
    /// connections in TIME_WAIT do not count.
    #[arg(long, conflicts_with = "listening")]
    reuse_addr: bool,
    /// How long to wait at most: 500ms, 30s, 5m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Until no socket stands against a plain bind on every address, and one has succeeded.
    #[arg(long)]
    free: bool,
    /// Until a TCP socket listens on it, or a UDP socket without peer is bound to it.
    #[arg(long)]
    listening: bool,
}

/// Waits; says why when it was in vain.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Port { number, udp } = Port::parse(&args.port)?;
    let reuse_addr = args.reuse_addr;
    let until = if args.until.free { Until::Free { reuse_addr } } else { Until::Listening };
    let mut progress = Progress::new(args);
    let standing = wait::wait(number, udp, until, args.timeout, &mut |standing, elapsed| {
        progress.tell(standing, elapsed);
    });
    progress.finish();
    match standing? {
        Standing::Reached { proven: true } => Ok(Exit::Yes),
        Standing::Reached { proven: false } => {
            let mut stderr = io::stderr().lock();
            writeln!(
                stderr,
                "no socket holds {}; this user may not bind it, so no bind proved it",
                args.port
            )?;
            Ok(Exit::Yes)
        }
        Standing::Not(sockets) => Err(Failure::no(in_vain(args, &sockets))),
    }
}

fn in_vain(args: &Args, sockets: &[Socket]) -> String {
    let (port, after) = (&args.port, patience(args.timeout));
    if args.until.listening {
        return format!("nobody serves on {port} after {after}");
    }
    match holder(sockets) {
        Some(socket) => {
            let (end, state) = (address::local(socket), socket.state.name());
            let more = match sockets.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let hint = if sockets.iter().all(|socket| socket.state == State::TimeWait) {
                "; with --reuse-addr a bind may pass over TIME_WAIT"
            } else {
                ""
            };
            format!("{port} is not free after {after}: {end} {state}{more} holds it{hint}")
        }
        None => {
            format!("{port} is not free after {after}: a bind is refused, by whom cannot be seen")
        }
    }
}

/// A timeout in words: whole milliseconds, for that is how it was written.
fn patience(timeout: Duration) -> String {
    match timeout.as_millis() {
        ms @ 0..1000 if timeout.subsec_nanos().is_multiple_of(1_000_000) => format!("{ms} ms"),
        _ => units::duration(timeout),
    }
}

/// The socket that says most.
fn holder(sockets: &[Socket]) -> Option<&Socket> {
    let serves = |socket: &&Socket| socket.is_server() || socket.state == State::Bound;
    sockets.iter().find(serves).or_else(|| sockets.first())
}

/// One line on stderr that counts, on a terminal only.
struct Progress {
    what: String,
    timeout: Duration,
    animated: bool,
    shown: Option<u128>,
}

impl Progress {
    fn new(args: &Args) -> Self {
        let what = if args.until.free { "to be free" } else { "to be served" };
        Self {
            what: format!("waiting for {} {what}", clean(&args.port)),
            timeout: args.timeout,
            animated: io::stderr().is_terminal(),
            shown: None,
        }
    }

    /// That stderr is gone stops no wait.
    fn tell(&mut self, standing: &Standing, elapsed: Duration) {
        let tenth = elapsed.as_millis() / 100;
        if !self.animated || self.shown == Some(tenth) || !matches!(standing, Standing::Not(_)) {
            return;
        }
        self.shown = Some(tenth);
        let (elapsed, timeout) = (elapsed.as_secs_f64(), self.timeout.as_secs_f64());
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "\r\x1b[K{}, {elapsed:.1} of {timeout:.1} s", self.what);
        let _ = stderr.flush();
    }

    fn finish(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}
