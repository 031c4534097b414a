//! Before something is changed: the plan is shown, and the user asked.

use std::io::{self, BufRead, IsTerminal, Write};

use serde::Serialize;

use super::{Failure, output};
use crate::text::clean;

/// How an action is gone about.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct How {
    /// Only show the plan.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Shows a plan: the steps, and what to weigh.
pub(super) fn show(
    title: &str,
    steps: &[String],
    warnings: &[String],
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "{}", clean(title))?;
    for (index, step) in steps.iter().enumerate() {
        writeln!(out, "{:>3}. {}", index + 1, clean(step))?;
    }
    for warning in warnings {
        writeln!(out, "  !  {}", clean(warning))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Planned<'a, T> {
    plan: &'a T,
}

/// Prints a plan as a document of its own (`--dry-run --json`).
pub(super) fn json<T: Serialize>(schema: &str, plan: &T) -> Result<(), Failure> {
    output::json(schema, &Planned { plan })
}

/// Prints plans as an array of such documents.
pub(super) fn json_array<T: Serialize>(schema: &str, plans: &[T]) -> Result<(), Failure> {
    let plans: Vec<Planned<'_, T>> = plans.iter().map(|plan| Planned { plan }).collect();
    output::json_array(schema, &plans)
}

/// Asks whether to go on. Where there is no terminal to ask on, `command` is refused.
pub(super) fn agrees(command: &str, out: &mut impl Write) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        let text =
            format!("{command} asks before it acts, and stdin is no terminal to ask on: add --yes");
        return Err(Failure::usage(text));
    }
    Ok(matches!(&*ask("Do this? [y/N] ", out)?.to_lowercase(), "y" | "yes"))
}

/// Asks a question and reads one line, without the white space around it.
pub(super) fn ask(question: &str, out: &mut impl Write) -> Result<String, Failure> {
    write!(out, "{question}")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::no(format!("cannot read the answer: {error}")))?;
    Ok(answer.trim().to_owned())
}
