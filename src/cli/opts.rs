//! `sockpit opts PID/FD|PORT|QUERY...`.

mod diff;
mod select;
mod set;
mod show;
mod sink;

use serde::Serialize;

use super::filters::hide_own_words;
use super::{Exit, Failure, output};
use crate::inspect::Error;
use crate::inspect::options::{self, Behind, Inspector};
use crate::inspect::sockets::{self, Listing, Request};
use crate::model::health::{Health, Source};
use crate::model::options::{OptionAccess, OptionsReport};
use crate::model::socket::{Protocol, Socket};
use crate::model::tables::{Table, Tables};
use crate::query::{Saved, Truth};
use crate::text::csv;
use select::{Chosen, Selector};
use sink::Sink;

const SCHEMA: &str = "sockpit.opts/1";

/// Which sockets, and how to show their options.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  sockpit opts 8080 --changed          what the program or the kernel changed
  sockpit opts 4242/7 --json           descriptor 7 of process 4242
  sockpit opts name:nginx state:listen
  sockpit opts name:nginx --diff       where its sockets differ
  sockpit opts opt:SO_KEEPALIVE=off state:established

Exit code: 0 options were read, 1 no such socket, 2 wrong usage, 3 not permitted."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// One socket as PID/FD, the sockets on a local PORT[/udp], or those that match a QUERY. A
    /// number that is no socket's port is taken for a process id; pid:N always is one.
    #[arg(required = true, value_name = "PID/FD|PORT|QUERY")]
    what: Vec<String>,
    /// Only options that the program or its listener set.
    #[arg(long)]
    changed: bool,
    /// Compare several sockets: options that are equal on all are only counted, and the odd ones
    /// are marked.
    #[arg(long, conflicts_with_all = ["csv", "changed"])]
    diff: bool,
    /// Print JSON: one object for PID/FD, an array for everything else, even of one or none.
    #[arg(long)]
    json: bool,
    /// Print comma-separated values with a header, one option per line.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// What else can be done with options than to read them.
#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Set options of live sockets, read them back, and say how to undo it.
    Set(set::Args),
}

/// A report with what its sources could not tell.
#[derive(Serialize)]
struct Body {
    #[serde(flatten)]
    report: OptionsReport,
    health: Vec<Health>,
}

impl Args {
    /// The words that may be a query.
    pub(super) fn query(&self) -> &[String] {
        match &self.verb {
            Some(Verb::Set(args)) => args.query(),
            None => &self.what,
        }
    }
}

/// Reads and prints.
pub(super) fn run(args: &Args, saved: &Saved) -> Result<Exit, Failure> {
    if let Some(Verb::Set(args)) = &args.verb {
        return set::run(args, saved);
    }
    match Selector::parse(&args.what, saved)? {
        Selector::Descriptor { pid, fd } => of_descriptor(pid, fd, args),
        selector => of_many(selector, args),
    }
}

fn of_descriptor(pid: u32, fd: i32, args: &Args) -> Result<Exit, Failure> {
    let mut health = Vec::new();
    let found = Inspector::default().options_at(pid, fd, |behind| row(behind, &mut health));
    let report = found.map_err(failure)?;
    let body = body(report, &health, args);
    if args.json {
        output::json(SCHEMA, &body)?;
    } else if args.csv {
        output::csv(&csv::options([&body.report]))?;
    } else {
        show::one(&body.report, args.changed)?;
    }
    let has_told = body.report.access != OptionAccess::None;
    Ok(if has_told { Exit::Yes } else { Exit::NotPermitted })
}

fn failure(error: Error) -> Failure {
    match error {
        Error::NotASocket { .. } => Failure::usage(error.to_string()),
        Error::Gone { what } => Failure::no(format!("there is no {what}")),
        error => error.into(),
    }
}

/// The row of the socket behind a descriptor. A listing that is missing takes the row's facts away,
/// but not the options.
fn row(behind: Behind, health: &mut Vec<Health>) -> Option<Socket> {
    let tables = match behind.port {
        Some(_) => Tables::PORTS.or(Table::Udplite.into()).or(Table::Mptcp.into()),
        None => Tables::ALL,
    };
    match sockets::list(&Request { port: behind.port, tables, ..Request::default() }) {
        Ok(listing) => {
            health.clone_from(&listing.health);
            same(listing.sockets, behind)
        }
        Err(error) => {
            health.push(Health::unavailable(Source::Sockets, error.to_string()));
            None
        }
    }
}

/// The socket that a descriptor refers to. The subflows of an MPTCP socket have its inode, too.
fn same(sockets: Vec<Socket>, behind: Behind) -> Option<Socket> {
    let Behind { cookie, inode, .. } = behind;
    let same = sockets.into_iter().filter(|socket| inode != 0 && socket.inode == Some(inode));
    same.max_by_key(|socket| (socket.protocol == Protocol::Mptcp, socket.cookie == cookie))
}

fn of_many(mut selector: Selector, args: &Args) -> Result<Exit, Failure> {
    let mut listing = list(&selector)?;
    // A number that no socket has as its port is a process id, if anything.
    if let Some(process) = selector.as_process()
        && selector.choose(&listing).sockets.is_empty()
    {
        let of_process = list(&process)?;
        if !process.choose(&of_process).sockets.is_empty() {
            note!("sockpit: no socket has the {selector}; it is taken for a process id");
            (selector, listing) = (process, of_process);
        }
    }
    let Chosen { sockets, mut undecided } = selector.choose(&listing);
    let mut sink = Sink::new(args);
    options::each::<Failure>(&sockets, |found| {
        match found {
            Ok(report) => match selector.takes(&report, &listing) {
                Truth::Yes => sink.push(body(report, &listing.health, args))?,
                Truth::Undecided => undecided += 1,
                Truth::No => {}
            },
            // It ended since the listing was made: it is no socket any more.
            Err(Error::Gone { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    })?;
    match (sink.end()?, undecided) {
        (Some(exit), _) => Ok(exit),
        (None, 0) => Err(Failure::no(format!("no socket matches {selector}"))),
        (None, undecided) => Err(Failure::not_permitted(format!(
            "no socket surely matches {selector}; {undecided} might, but what decides it is hidden"
        ))),
    }
}

fn list(selector: &Selector) -> Result<Listing, Failure> {
    let tables = selector.tables();
    let mut listing = sockets::list(&Request { tables, ..Request::default() })?;
    hide_own_words(&mut listing.sockets);
    Ok(listing)
}

fn body(mut report: OptionsReport, listed: &[Health], args: &Args) -> Body {
    if args.changed {
        report.options.retain(|option| option.changed == Some(true));
    }
    let mut health = listed.to_vec();
    health.push(access_health(&report));
    Body { report, health }
}

fn access_health(report: &OptionsReport) -> Health {
    let reason = report.reason.as_deref().unwrap_or("not all options could be read");
    match report.access {
        OptionAccess::Full => Health::ready(Source::Options),
        OptionAccess::KernelDiag => Health::degraded(Source::Options, reason),
        OptionAccess::None => Health::unavailable(Source::Options, reason),
    }
}
