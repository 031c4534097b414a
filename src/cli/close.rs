//! `sockpit close`.

use std::io::Write;

use serde::Serialize;

use super::filters::hide_own_words;
use super::{Exit, Failure, consent, output};
use crate::act::close::{self, Choice, Facts, Selection, describe};
use crate::act::{Action as _, Completion, Consent};
use crate::inspect::sockets::{self, Listing, Request};
use crate::model::close::{CloseOutcome, ClosePlan};
use crate::model::health::Health;
use crate::model::tables::{Table, Tables};
use crate::query::{Query, Saved, Subject, Truth};
use crate::text::clean;

const SCHEMA: &str = "sockpit.close/1";

/// Which connections are to be closed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = crate::query::help_text())]
pub struct Args {
    /// Close the connections that match: rport:443, name:curl, addr:192.0.2.7, … All words
    /// must match. Listeners and unconnected sockets are left alone unless the query names their
    /// state (state:listen).
    #[arg(required = true)]
    query: Vec<String>,
    /// Allow closing connections of the processes that sockpit runs under, and the one in
    /// SSH_CONNECTION.
    #[arg(long)]
    protected: bool,
    #[command(flatten)]
    how: consent::How,
}

/// An outcome with what the listing lacked.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    outcome: CloseOutcome,
    health: &'a [Health],
}

impl Args {
    /// The words of the query.
    pub(super) fn query(&self) -> &[String] {
        &self.query
    }
}

/// Plans, asks, runs and tells.
pub(super) fn run(args: &Args, saved: &Saved) -> Result<Exit, Failure> {
    let query = query(&args.query, saved)?;
    // What cannot be closed is listed only when it was asked for, to say so.
    // MPTCP connections are, since their subflows can be: they live on without.
    let closable = Tables::CLOSABLE.or(Table::Mptcp.into());
    let tables = query.tables().and(closable.or(query.named_tables()));
    let mut listing = sockets::list(&Request { tables, ..Request::default() })?;
    hide_own_words(&mut listing.sockets);
    let plan = plan(&query, &listing)?;
    let consent = Consent { protected: args.protected };
    let obstacle =
        plan.obstacle(consent).map(|obstacle| failure(obstacle.sentence, obstacle.not_permitted));
    if args.how.dry_run {
        show_plan(args, &query, &plan)?;
        return obstacle.map_or(Ok(Exit::Yes), Err);
    }
    if let Some(failure) = obstacle {
        if args.how.json {
            let outcome = close::nothing_closed(&plan);
            output::json(SCHEMA, &Body { outcome, health: &listing.health })?;
        }
        return Err(failure);
    }
    if !confirm(args, &query, &plan)? {
        return Err(Failure::no("nothing was done"));
    }
    let outcome = plan.run(consent, &mut |_| {})?;
    let end = conclude(&plan, &outcome);
    if args.how.json {
        output::json(SCHEMA, &Body { outcome, health: &listing.health })?;
    } else {
        show_outcome(&plan, &outcome)?;
    }
    end
}

/// Reads the query. One that asks nothing would close everything.
fn query(words: &[String], saved: &Saved) -> Result<Query, Failure> {
    let query =
        Query::parse_args_with(words, saved).map_err(|error| Failure::usage(error.to_string()))?;
    if query.is_empty() {
        let text = "an empty query would close every connection: say which, such as rport:443";
        return Err(Failure::usage(text));
    }
    if query.matches_everything() {
        let text = format!("`{query}` matches every connection: narrow it, such as by rport:443");
        return Err(Failure::usage(text));
    }
    Ok(query)
}

fn plan(query: &Query, listing: &Listing) -> Result<ClosePlan, Failure> {
    let now = listing.taken_at;
    let chosen = |socket: &_| match query.matches(&Subject::new(socket, now)) {
        Truth::Yes => Choice::Yes,
        Truth::No => Choice::No,
        Truth::Undecided => Choice::Undecided,
    };
    let selection = Selection { chosen: &chosen, named: &query.named_states() };
    Ok(close::plan(&listing.sockets, &selection, &Facts::gather()?))
}

fn show_plan(args: &Args, query: &Query, plan: &ClosePlan) -> Result<(), Failure> {
    if args.how.json {
        return consent::json(SCHEMA, plan);
    }
    let mut out = output::stdout();
    consent::show(&title(query), &plan.steps, &plan.warnings, &mut out)?;
    out.flush()?;
    Ok(())
}

fn title(query: &Query) -> String {
    format!("Plan for {query}")
}

fn confirm(args: &Args, query: &Query, plan: &ClosePlan) -> Result<bool, Failure> {
    let mut stderr = std::io::stderr().lock();
    if !(args.how.yes && args.how.json) {
        consent::show(&title(query), &plan.steps, &plan.warnings, &mut stderr)?;
    }
    if args.how.yes {
        return Ok(true);
    }
    consent::agrees("close", &mut stderr)
}

fn show_outcome(plan: &ClosePlan, outcome: &CloseOutcome) -> Result<(), Failure> {
    let mut out = output::stdout();
    for part in plan.parts(outcome) {
        writeln!(out, "{}", clean(&part.text))?;
    }
    out.flush()?;
    Ok(())
}

fn conclude(plan: &ClosePlan, outcome: &CloseOutcome) -> Result<Exit, Failure> {
    let completion = plan.completion(outcome);
    if completion == Completion::Done {
        return Ok(Exit::Yes);
    }
    let sentence = match outcome.failed.first() {
        Some(failed) => {
            let what = describe(&failed.socket);
            match outcome.failed.len() - 1 {
                0 => format!("{what} is not closed: {}", failed.reason),
                more => format!("{what} and {more} more are not closed: {}", failed.reason),
            }
        }
        None => "nothing was closed".to_owned(),
    };
    Err(failure(sentence, completion == Completion::NotPermitted))
}

fn failure(sentence: String, not_permitted: bool) -> Failure {
    if not_permitted { Failure::not_permitted(sentence) } else { Failure::no(sentence) }
}
