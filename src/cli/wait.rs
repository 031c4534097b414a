//! `sockpit wait`.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::port::{self, Addr, Ports};
use super::{Exit, Failure, output};
use crate::act::kill::some_of;
use crate::inspect::bind::Target;
use crate::inspect::sockets::{self, Request};
use crate::inspect::wait::{self, Standing, Until};
use crate::model::socket::{Socket, State};
use crate::model::tables::Tables;
use crate::text::{address, clean, duration, units};

/// What to wait for, and how long.
#[derive(Debug, clap::Args)]
#[command(after_help = "Several ports must all be free, or all be listening, at the same time.
With --listening it prints the addresses that something listens on, one line for each port.
Exit code: 0 the condition holds, 1 it did not within the timeout. It looks at least once.")]
pub struct Args {
    /// The ports, also as a list or a range (3000,3001 or 3000-3002); TCP unless they end in /udp.
    #[arg(value_name = "PORT[/udp]", required = true)]
    ports: Vec<String>,
    #[command(flatten)]
    until: What,
    /// Only a bind of this address, or a server that answers there; every address otherwise.
    /// A link-local one with its interface: fe80::1%eth0.
    #[arg(long, value_name = "ADDR", value_parser = port::parse_scoped_addr)]
    addr: Option<Addr>,
    /// With --free: your program will set SO_REUSEADDR, as most servers do, so connections in
    /// TIME_WAIT do not count.
    #[arg(long, conflicts_with = "listening")]
    reuse_addr: bool,
    /// Give up after this long: 500ms, 30s, 5m.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Until nothing blocks a plain bind, and a trial bind has succeeded.
    #[arg(long)]
    free: bool,
    /// Until a TCP socket listens on it, or an unconnected UDP socket is bound to it.
    #[arg(long)]
    listening: bool,
}

/// Waits; says why when it was in vain.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let ports = Ports::parse(&args.ports)?.ports;
    let reuse_addr = args.reuse_addr;
    let until = if args.until.free { Until::Free { reuse_addr } } else { Until::Listening };
    let targets: Vec<Target> =
        ports.iter().map(|(_, port)| port::target(*port, args.addr)).collect();
    let mut progress = Progress::new(args);
    let standing = wait::wait(&targets, until, args.timeout, &mut |standing, elapsed| {
        progress.tell(standing, elapsed);
    });
    progress.finish();
    let standing = standing?;
    let names = ports.iter().map(|(name, _)| name.as_str());
    let told: Vec<(&str, &Standing)> = names.zip(&standing).collect();
    if !standing.iter().all(Standing::is_reached) {
        return Err(Failure::no(in_vain(args, &told)));
    }
    let mut out = output::stdout();
    for (name, standing) in told {
        match standing {
            Standing::Served(sockets) => writeln!(out, "{name} is served on {}", ends(sockets))?,
            Standing::Free { proven: false } => writeln!(
                io::stderr().lock(),
                "no socket holds {name}; this user may not bind it, so no bind proved it"
            )?,
            _ => {}
        }
    }
    out.flush()?;
    Ok(Exit::Yes)
}

fn ends(sockets: &[Socket]) -> String {
    let mut ends: Vec<String> =
        sockets.iter().map(|socket| address::local(socket).to_string()).collect();
    ends.dedup();
    clean(&ends.join(", ")).into_owned()
}

fn in_vain(args: &Args, told: &[(&str, &Standing)]) -> String {
    let missing = told.iter().filter(|(_, standing)| !standing.is_reached());
    let parts: Vec<String> = missing.map(|(name, standing)| short(args, name, standing)).collect();
    parts.join("; ")
}

/// What is missing for one port: `8080 is not free after 30 s: 0.0.0.0:8080 LISTEN holds it`.
fn short(args: &Args, name: &str, standing: &Standing) -> String {
    let at = args.addr.map_or(String::new(), |addr| format!(" at {addr}"));
    let after = patience(args.timeout);
    let Standing::Held(answer) = standing else {
        return format!("nothing listens on {name}{at} after {after}");
    };
    let obstacle = answer
        .obstacle()
        .unwrap_or_else(|| "a bind was refused, by whom cannot be seen".to_owned());
    let against = &answer.against;
    let is_all = |state: State| !against.is_empty() && against.iter().all(|s| s.state == state);
    let hint = if is_all(State::TimeWait) && !args.reuse_addr {
        ", which a bind with --reuse-addr may pass over"
    } else {
        ""
    };
    let who = holders(against).map_or(String::new(), |who| format!(" ({who})"));
    let (obstacle, who) = (clean(&obstacle), clean(&who));
    format!("{name}{at} is not free after {after}: {obstacle}{who}{hint}")
}

/// The processes that hold these sockets, as far as they can be seen: a look for owners costs
/// more than one at the port, so that it is the last one.
fn holders(against: &[Socket]) -> Option<String> {
    let port = against.first()?.local.port;
    let request = Request { port, tables: Tables::PORTS, ..Request::default() };
    let listing = sockets::list(&request).ok()?;
    let is_same = |a: &Socket, b: &Socket| a.cookie.is_some() && a.cookie == b.cookie;
    let is_it = |socket: &&Socket| against.iter().any(|held| is_same(held, socket));
    let owners = listing.sockets.iter().filter(is_it).flat_map(|socket| &socket.owners);
    let names: BTreeSet<String> =
        owners.map(|owner| format!("{} {}", owner.process.name, owner.process.pid)).collect();
    let names: Vec<String> = names.into_iter().collect();
    (!names.is_empty()).then(|| some_of(&names))
}

/// A timeout in words: whole milliseconds, for that is how it was written.
fn patience(timeout: Duration) -> String {
    match timeout.as_millis() {
        ms @ 0..1000 if timeout.subsec_nanos().is_multiple_of(1_000_000) => format!("{ms} ms"),
        _ => units::duration(timeout),
    }
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
        let ports = args.ports.join(", ");
        Self {
            what: format!("waiting for {} {what}", clean(&ports)),
            timeout: args.timeout,
            animated: io::stderr().is_terminal(),
            shown: None,
        }
    }

    /// That stderr is gone stops no wait.
    fn tell(&mut self, standing: &[Standing], elapsed: Duration) {
        let tenth = elapsed.as_millis() / 100;
        if !self.animated || self.shown == Some(tenth) || standing.iter().all(Standing::is_reached)
        {
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
