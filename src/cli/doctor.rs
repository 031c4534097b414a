//! `sockpit doctor`.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::{Exit, Failure, output};
use crate::inspect::doctor::{self, Terminal};
use crate::model::health::HealthState;
use crate::model::machine::Ability;
use crate::text;

const SCHEMA: &str = "sockpit.doctor/1";

/// How to print.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It sends no packet and changes nothing. `ok` is ready, `part` works in part, `no` does not work
here. A setcap line keeps what this copy of sockpit has been granted already.

Examples:
  sockpit doctor
  sockpit doctor --json | jq -r '.abilities[] | select(.state != \"ready\").name'

Exit code: 0 everything is available, 1 something is not.")]
pub struct Args {
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    abilities: Vec<Ability>,
}

/// Examines, and prints.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let terminal = Terminal::of_environment(io::stdout().is_terminal());
    let report = Report { abilities: doctor::examine(&terminal) };
    if args.json {
        output::json(SCHEMA, &report)?;
    } else {
        let mut out = output::stdout();
        out.write_all(text::doctor::report(&report.abilities).as_bytes())?;
        out.flush()?;
    }
    let is_ready = report.abilities.iter().all(|it| it.state == HealthState::Ready);
    Ok(if is_ready { Exit::Yes } else { Exit::No })
}
