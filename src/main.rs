//! Parses arguments, starts logging, dispatches, and maps the result to an exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use sockpit::cli::{self, Args, Exit};
use sockpit::tui::{self, End};

fn main() -> ExitCode {
    // clap itself ends with 2 on wrong usage, and with 0 after --help and --version.
    let args = Args::parse();
    let Some(command) = args.command else {
        return dashboard();
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

fn dashboard() -> ExitCode {
    let start = || tui::feeds::Feeds::start(std::time::Duration::from_secs(1));
    match tui::run(tui::Settings::default(), start) {
        Ok(End::Quit) => ExitCode::SUCCESS,
        Ok(End::Signal(signal)) => ExitCode::from(signal.exit_code()),
        Ok(End::TerminalGone) => ExitCode::from(Exit::No as u8),
        Ok(End::Panicked) => ExitCode::from(101),
        Err(error @ tui::Error::NoTerminal) => {
            eprintln!("sockpit: {error}");
            ExitCode::from(Exit::Usage as u8)
        }
        Err(error) => {
            eprintln!("sockpit: {error}");
            ExitCode::from(Exit::No as u8)
        }
    }
}
