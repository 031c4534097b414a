//! The command line: the arguments, and one file per subcommand.
#![forbid(unsafe_code)]

/// A line on stderr. That nobody reads it any more is no reason to fail.
macro_rules! note {
    ($($part:tt)*) => {{
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("{}\n", format_args!($($part)*)),
        );
    }};
}

mod addr;
mod close;
mod completions;
mod consent;
mod doctor;
mod events;
mod examples;
mod explain;
mod failure;
mod filters;
mod free;
mod habits;
mod kill;
mod logging;
mod man;
mod opts;
mod output;
mod packets;
mod port;
mod ports;
mod probe;
mod saved_targets;
mod serve;
mod trace;
mod unix_paths;
mod wait;
mod why;

use std::env;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::ThemeChoice;
use crate::query::Saved;

pub use failure::{Exit, Failure};
pub use filters::saved as saved_filters;
pub use logging::start as start_log;
pub use saved_targets::saved_targets;

/// A cockpit for your sockets: who holds a port, what travels over it, how it is set up,
/// and whether an endpoint answers.
///
/// Without a subcommand it opens the dashboard, where ? lists the keys.
#[derive(Debug, Parser)]
#[command(
    name = "sockpit",
    version,
    max_term_width = 100,
    after_help = "\
First steps:
  sockpit                       open the dashboard (? lists its keys)
  sockpit why 8080              why a bind to port 8080 fails, and what to do about it
  sockpit ports state:listen    who listens
  sockpit doctor                what can be seen here, and what more rights would show

`sockpit man | man -l -` shows the manual page.

Exit code: 0 yes or done; 1 the answer is no, or the work is incomplete; 2 wrong usage; 3 not
permitted, or undecidable without more rights."
)]
pub struct Args {
    /// Read this configuration file instead of the user's.
    #[arg(long, value_name = "FILE", global = true, help_heading = GLOBAL)]
    pub config: Option<PathBuf>,
    /// Write a log to this file (0600); SOCKPIT_LOG sets the filter.
    #[arg(long, value_name = "FILE", global = true, help_heading = GLOBAL)]
    pub log: Option<PathBuf>,
    /// Load no program into the kernel: owners come from /proc alone, and there are no events.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub no_bpf: bool,
    /// Colours of the dashboard: auto, dark, light, high-contrast, 16, 16-light, none, or a file
    /// of one's own (./mine.toml). NO_COLOR is honoured.
    #[arg(long, value_name = "THEME", help_heading = GLOBAL)]
    pub theme: Option<ThemeChoice>,
    /// Leave the mouse to the terminal, which then selects text with it.
    #[arg(long, help_heading = GLOBAL)]
    pub no_mouse: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// All that can be written on the command line, with examples.
fn whole() -> clap::Command {
    examples::add(Args::command())
}

/// The heading of what every subcommand takes; it comes last.
const GLOBAL: &str = "Global options";

impl Args {
    /// Reads the command line. Does not return on wrong usage, `--help` and `--version`.
    pub fn from_command_line() -> Self {
        let args = habits::with_watch(env::args_os().collect()).unwrap_or_else(|sentence| {
            note!("sockpit: {sentence}");
            std::process::exit(Exit::Usage as i32)
        });
        let matches = whole().try_get_matches_from(&args);
        matches.and_then(|matches| Self::from_arg_matches(&matches)).unwrap_or_else(|error| {
            // What it prints may not be read by anyone any more.
            let _ = error.print();
            let words: Vec<String> =
                args.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
            let is_wrong =
                !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if let Some(hint) = habits::hint(&words).filter(|_| is_wrong) {
                note!("\nHere it is: {}", crate::text::clean(&hint));
            }
            std::process::exit(error.exit_code())
        })
    }
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List sockets and who holds them.
    Ports(ports::Args),
    /// Say why a port can or cannot be bound, and what to do.
    Why(why::Args),
    /// Find ports that a bind would get now.
    Free(free::Args),
    /// Wait until a port is free, or until something listens on it.
    Wait(wait::Args),
    /// End the processes that hold a port, and prove that it is free.
    Kill(kill::Args),
    /// Close connections, not processes, and prove that they are gone.
    Close(close::Args),
    /// Show every option of a live socket, and what differs from the default.
    Opts(opts::Args),
    /// Count packets by protocol, port, process and flow, live or from a capture file.
    Packets(packets::Args),
    /// Test whether an endpoint answers; if not, say which side failed.
    Probe(Box<probe::Args>),
    /// Watch what sockets do, as it happens: connects, failures, closes, resets, dropped packets.
    Events(events::Args),
    /// Show the socket calls of one process, with arguments, results and times; first what failed.
    Trace(trace::Args),
    /// Be a peer to test against: TCP, UDP, TLS or HTTP, well behaved or not.
    Serve(serve::Args),
    /// Explain a TCP state, a socket option, an error, an I/O model, a header.
    Explain(explain::Args),
    /// Show one address in every notation, or this host's addresses and routes.
    Addr(addr::Args),
    /// Say what can be seen and done here, what not, and what would permit the rest.
    Doctor(doctor::Args),
    /// Print a shell completion script.
    Completions(completions::Args),
    /// Print the manual page in roff.
    Man,
}

impl Command {
    /// Whether its query may name a saved filter.
    pub fn may_use_filters(&self) -> bool {
        let words = match self {
            Self::Ports(args) => args.query(),
            Self::Close(args) => args.query(),
            Self::Opts(args) => args.query(),
            Self::Events(args) => args.query(),
            _ => &[],
        };
        words.iter().any(|word| word.contains('@'))
    }
}

/// Runs a subcommand to its exit code.
pub fn run(command: Command, saved: &Saved) -> Result<Exit, Failure> {
    match command {
        Command::Ports(args) => ports::run(&args, saved),
        Command::Why(args) => why::run(&args),
        Command::Free(args) => free::run(&args),
        Command::Wait(args) => wait::run(&args),
        Command::Kill(args) => kill::run(&args),
        Command::Close(args) => close::run(&args, saved),
        Command::Opts(args) => opts::run(&args, saved),
        Command::Packets(args) => packets::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Events(args) => events::run(&args, saved),
        Command::Trace(args) => trace::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Addr(args) => addr::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man => man::run(),
    }
}
