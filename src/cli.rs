//! The command line: the arguments, and one file per subcommand.
#![forbid(unsafe_code)]

mod failure;
mod output;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use failure::{Exit, Failure};

/// A cockpit for your sockets: who holds a port, what travels over it, how it is set up,
/// and whether an endpoint answers. Without a subcommand it opens the dashboard.
#[derive(Debug, Parser)]
#[command(name = "sockpit", version, max_term_width = 100)]
pub struct Args {
    /// Read this configuration file instead of the user's.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Write a log to this file (0600); SOCKPIT_LOG sets the filter.
    #[arg(long, value_name = "FILE", global = true)]
    pub log: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count packets by protocol, port, process and flow, live or from a capture file.
    Packets(packets::Args),
    /// Print a shell completion script.
    Completions(completions::Args),
}

/// Runs a subcommand to its exit code.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Packets(args) => packets::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

mod completions;
mod packets;
