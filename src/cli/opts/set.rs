//! `sockpit opts set SELECTOR NAME=VALUE...`.

use std::io::Write;

use serde::Serialize;

use super::select::{Chosen, Selector};
use super::{list, row};
use crate::act::set::{Wish, plan, tree};
use crate::act::{Action as _, Completion, Consent};
use crate::cli::{Exit, Failure, consent, output};
use crate::inspect::Error;
use crate::inspect::options::Inspector;
use crate::model::options::OptionsReport;
use crate::model::owner::OwnershipKind;
use crate::model::set::{SetOutcome, SetPlan};
use crate::model::socket::Socket;
use crate::query::{Saved, Truth};
use crate::text::clean;

const SCHEMA: &str = "sockpit.set/1";

/// Which sockets, and what to set.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Values take units (30s, 500ms, 64KiB), on and off, names (IP_MTU_DISCOVER=do). What the kernel made
of each is read back: as asked, doubled, rounded, clamped, ignored or refused; with --json each has
the command that undoes it. Options that take a socket away from its program are refused.

Examples:
  sockpit opts set 4242/7 SO_KEEPALIVE=on TCP_KEEPIDLE=5min
  sockpit opts set name:nginx state:established TCP_USER_TIMEOUT=30s --dry-run

Exit code: 0 each is as asked, doubled or rounded; 1 clamped, ignored or refused, or no such
socket; 2 wrong usage; 3 not permitted.")]
pub(super) struct Args {
    /// One socket as PID/FD, those at a local PORT[/udp], or those that match a QUERY; then what
    /// to set, as NAME=VALUE.
    #[arg(required = true, value_name = "SELECTOR|NAME=VALUE")]
    words: Vec<String>,
    /// Also on sockets of what sockpit runs under, and of pid 1.
    #[arg(long)]
    protected: bool,
    #[command(flatten)]
    how: consent::How,
}

impl Args {
    /// The words that may be a query.
    pub(super) fn query(&self) -> &[String] {
        &self.words
    }
}

/// Plans, asks, sets and tells.
pub(super) fn run(args: &Args, saved: &Saved) -> Result<Exit, Failure> {
    let (wishes, words): (Vec<&String>, Vec<&String>) =
        args.words.iter().partition(|word| is_assignment(word));
    if wishes.is_empty() {
        return Err(Failure::usage("nothing to set: add NAME=VALUE, such as SO_KEEPALIVE=on"));
    }
    let wishes: Result<Vec<Wish>, String> =
        wishes.into_iter().map(|wish| Wish::parse(wish)).collect();
    let wishes = wishes.map_err(Failure::usage)?;
    let words: Vec<String> = words.into_iter().cloned().collect();
    let selector = Selector::parse(&words, saved)?;
    selector.refuse_everything()?;
    let is_one = matches!(selector, Selector::Descriptor { .. });
    let reports = reports(&selector)?;
    let tree = tree()?;
    let own = std::process::id();
    let plans: Result<Vec<SetPlan>, Error> =
        reports.iter().map(|report| plan(report, &wishes, own, &tree)).collect();
    let plans = plans?;
    let consent = Consent { protected: args.protected };
    if args.how.dry_run {
        show_plans(args, &plans, is_one)?;
        let obstacle = plans.iter().find_map(|plan| plan.obstacle(consent));
        return obstacle.map_or(Ok(Exit::Yes), |obstacle| Err(Failure::no(obstacle.sentence)));
    }
    if let [plan] = &plans[..]
        && let Some(obstacle) = plan.obstacle(consent)
        && plan.changes.is_empty() | plan.protected.is_some()
    {
        return Err(Failure::no(obstacle.sentence));
    }
    if !confirm(args, &plans)? {
        return Err(Failure::no("nothing was done"));
    }
    let mut outcomes = Vec::new();
    let mut failures = Vec::new();
    for plan in &plans {
        if let Some(obstacle) = plan.obstacle(consent) {
            failures.push(Failure::no(obstacle.sentence));
            continue;
        }
        match plan.run(consent, &mut |_| {}) {
            Ok(outcome) => outcomes.push((plan, outcome)),
            Err(error) => failures.push(error.into()),
        }
    }
    tell(args, &outcomes, is_one)?;
    conclude(&outcomes, failures)
}

/// `NAME=VALUE`, where NAME looks like an option's: no key of the query language is written so.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let is_name = name.contains('_') || name.chars().all(is_upper);
    !name.is_empty() && is_name && name.chars().all(is_letter)
}

/// The sockets that are meant, with their options.
fn reports(selector: &Selector) -> Result<Vec<OptionsReport>, Failure> {
    let mut inspector = Inspector::default();
    if let Selector::Descriptor { pid, fd } = *selector {
        let found = inspector.options_at(pid, fd, |behind| row(behind, &mut Vec::new()));
        return Ok(vec![found.map_err(super::failure)?]);
    }
    let listing = list(selector)?;
    let Chosen { sockets, undecided } = selector.choose(&listing);
    // What the kernel alone holds (TIME_WAIT) has no options to set.
    let is_held = |socket: &&Socket| socket.ownership.kind != OwnershipKind::Kernel;
    let some_are_held = sockets.iter().any(is_held);
    let mut reports = Vec::new();
    for socket in sockets.into_iter().filter(|socket| !some_are_held || is_held(socket)) {
        match inspector.options(socket) {
            Ok(report) if selector.takes(&report, &listing) == Truth::Yes => reports.push(report),
            Ok(_) | Err(Error::Gone { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match (reports.is_empty(), undecided) {
        (false, _) => Ok(reports),
        (true, 0) => Err(Failure::no(format!("no socket matches {selector}"))),
        (true, undecided) => Err(Failure::not_permitted(format!(
            "no socket surely matches {selector}; {undecided} might, but what decides it is hidden"
        ))),
    }
}

fn show_plans(args: &Args, plans: &[SetPlan], is_one: bool) -> Result<(), Failure> {
    if args.how.json {
        return match plans {
            [plan] if is_one => consent::json(SCHEMA, plan),
            plans => consent::json_array(SCHEMA, plans),
        };
    }
    let mut out = output::stdout();
    for plan in plans {
        consent::show("Plan", &plan.steps, &plan.warnings, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn confirm(args: &Args, plans: &[SetPlan]) -> Result<bool, Failure> {
    let mut stderr = std::io::stderr().lock();
    if !(args.how.yes && args.how.json) {
        for plan in plans {
            consent::show("Plan", &plan.steps, &plan.warnings, &mut stderr)?;
        }
    }
    if args.how.yes {
        return Ok(true);
    }
    consent::agrees("opts set", &mut stderr)
}

fn tell(args: &Args, outcomes: &[(&SetPlan, SetOutcome)], is_one: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Body<'a>(&'a SetOutcome);
    if args.how.json {
        let bodies: Vec<Body<'_>> = outcomes.iter().map(|(_, outcome)| Body(outcome)).collect();
        return match &bodies[..] {
            [Body(outcome)] if is_one => Ok(output::json(SCHEMA, outcome)?),
            bodies => Ok(output::json_array(SCHEMA, bodies)?),
        };
    }
    let mut out = output::stdout();
    for (plan, outcome) in outcomes {
        for part in plan.parts(outcome) {
            writeln!(out, "{}", clean(&part.text))?;
        }
        if let Some(undo) = plan.inverse(outcome) {
            writeln!(out, "undo: {}", clean(&crate::text::shell::line(&undo)))?;
        }
    }
    out.flush()?;
    Ok(())
}

fn conclude(outcomes: &[(&SetPlan, SetOutcome)], failures: Vec<Failure>) -> Result<Exit, Failure> {
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    for (plan, outcome) in outcomes {
        let completion = plan.completion(outcome);
        if completion == Completion::Done {
            continue;
        }
        let failed = outcome.set.iter().find(|result| !result.effect.is_success());
        let sentence = failed.map_or_else(String::new, |result| {
            let why = result.why.as_deref().unwrap_or("the kernel made something else of it");
            format!("{} is not as asked: {why}", result.name)
        });
        return Err(match completion {
            Completion::NotPermitted => Failure::not_permitted(sentence),
            _ => Failure::no(sentence),
        });
    }
    Ok(Exit::Yes)
}
