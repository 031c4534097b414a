//! Parses arguments, starts logging, dispatches, and maps the result to an exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use sockpit::cli::{self, Args, Exit};

fn main() -> ExitCode {
    // clap itself ends with 2 on wrong usage, and with 0 after --help and --version.
    let args = Args::parse();
    let Some(command) = args.command else {
        eprintln!("sockpit: the dashboard needs a terminal");
        return ExitCode::from(Exit::Usage as u8);
    };
    match cli::run(command) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            if !failure.is_quiet() {
                eprintln!("sockpit: {failure}");
            }
            ExitCode::from(failure.exit() as u8)
        }
    }
}
