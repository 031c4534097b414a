//! Parses arguments, starts logging, dispatches, and maps the result to an exit code.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

use sockpit::cli::{self, Args, Exit, Failure};
use sockpit::config::{Config, Dashboard, ThemeChoice};
use sockpit::sys::host;
use sockpit::tui::{self, End};

/// A panic's exit code, the same as where nobody catches it.
const PANICKED: u8 = 101;

fn main() -> ExitCode {
    let args = Args::from_command_line();
    match run(args) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if !failure.is_quiet() {
                // That nobody reads it any more does not change what came of it.
                let _ = writeln!(std::io::stderr(), "sockpit: {failure}");
            }
            ExitCode::from(failure.exit() as u8)
        }
    }
}

fn run(args: Args) -> Result<u8, Failure> {
    if args.no_bpf {
        host::forgo_bpf();
    }
    if let Some(path) = &args.log {
        with_own_rights(|| cli::start_log(path))??;
    }
    let load = || {
        with_own_rights(|| Config::load(args.config.as_deref()))?
            .map_err(|error| Failure::usage(error.to_string()))
    };
    match args.command {
        None => dashboard(&load()?, args.theme, args.no_mouse),
        Some(command) => {
            // Without need of it, a mistake in the file is no reason to fail; a file that is
            // named is checked all the same.
            let is_wanted = args.config.is_some() || command.may_use_filters();
            let config = if is_wanted { load()? } else { Config::default() };
            let saved = if is_wanted { cli::saved_filters(&config)? } else { Default::default() };
            cli::run(command, &saved).map(|exit| exit as u8)
        }
    }
}

/// Files that the user names are opened with the user's rights alone.
fn with_own_rights<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    host::with_own_rights(work)
        .map_err(|error| Failure::no(format!("cannot set capabilities aside: {error}")))
}

fn dashboard(config: &Config, theme: Option<ThemeChoice>, no_mouse: bool) -> Result<u8, Failure> {
    let (wishes, saved) = (&config.dashboard, cli::saved_filters(config)?);
    let targets = cli::saved_targets(config)?;
    let wishes = Dashboard {
        theme: theme.unwrap_or_else(|| wishes.theme.clone()),
        mouse: wishes.mouse && !no_mouse,
        ..wishes.clone()
    };
    match tui::run(&wishes, saved, targets) {
        Ok(End::Quit) => Ok(Exit::Yes as u8),
        Ok(End::Signal(signal)) => Ok(signal.exit_code()),
        Ok(End::TerminalGone) => Ok(Exit::No as u8),
        Ok(End::Panicked) => Ok(PANICKED),
        Err(error @ (tui::Error::NoTerminal | tui::Error::Theme { .. })) => {
            Err(Failure::usage(error.to_string()))
        }
        Err(error) => Err(Failure::no(error.to_string())),
    }
}
