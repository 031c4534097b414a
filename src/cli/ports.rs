//! `sockpit ports`: the machine's sockets and who holds them.

mod columns;
mod folded;
mod json;
mod notes;
mod servers;
mod watch;

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::filters::hide_own_words;
use super::{Exit, Failure, output, unix_paths};
use crate::collect::ports::Ports;
use crate::inspect::names::Names;
use crate::inspect::options::Inspector;
use crate::inspect::sockets::{self, Backend, Detail, Listing, Reach, Request};
use crate::model::health::Source;
use crate::model::owner::{Owner, Ownership, Process};
use crate::model::prominence::Prominence;
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::model::tables::{Table, Tables, Uncounted};
use crate::query::{Query, Saved, Subject, Truth};
use crate::text::column::Column;
use columns::Sort;

/// How to list.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", crate::query::help_text()))]
pub struct Args {
    /// Only sockets that match: port:443, state:listen, pid:812, name:nginx, !proto:udp, …
    /// Words side by side must all match.
    query: Vec<String>,
    /// Print one JSON document (with --watch: one event per line).
    #[arg(long, group = "format")]
    json: bool,
    /// Print one JSON object per line, one per socket.
    #[arg(long, group = "format")]
    jsonl: bool,
    /// Print comma-separated values with a header.
    #[arg(long, group = "format", conflicts_with = "watch")]
    csv: bool,
    /// Keep looking every SECS seconds (2 unless given), and print what appears, changes and
    /// ends. The first look's sockets are marked as present.
    #[arg(long, value_name = "SECS", num_args = 0..=1, require_equals = true,
          default_missing_value = "2", value_parser = period)]
    watch: Option<Duration>,
    /// List the sockets of every network namespace that can be entered, and which one each is
    /// in. Needs CAP_SYS_ADMIN over them.
    #[arg(long)]
    all_netns: bool,
    /// Show names for addresses, from the hosts file or DNS. Waits at most five seconds for
    /// answers.
    #[arg(long)]
    resolve: bool,
    /// Order by this column, or by age; -COL for the reverse. By default text shows what matters
    /// first: listeners, active connections, the rest, and TIME_WAIT in one line per port; JSON and
    /// CSV are ordered by protocol, port and address.
    #[arg(long, value_name = "COL", allow_hyphen_values = true)]
    sort: Option<Sort>,
    /// Show these columns, separated by commas.
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["json", "jsonl"])]
    columns: Vec<Column>,
    /// Where the listing comes from: the system's own interface, or the portable library.
    #[arg(long, value_name = "BACKEND")]
    backend: Option<BackendName>,
}

const EXAMPLES: &str = "\
Examples:
  sockpit ports state:listen                 who listens
  sockpit ports name:nginx rtt:50ms..        nginx's connections with a round-trip time of 50 ms or more
  sockpit ports --sort -sent_rate            who sends most; looks twice, half a second apart
  sockpit ports --watch=1 port:8080          what appears, changes and ends on port 8080
  sockpit ports --json | jq '.sockets[0]'    for scripts

Exit code: 0 something matches, 1 nothing does, 2 wrong usage, 3 nothing matches for certain and
more rights could tell.";

/// Between the two looks that tell a rate.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// For so long names are waited for; what has none by then stays a number.
const WAIT_FOR_NAMES: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum BackendName {
    Native,
    Netstat2,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Self {
        match name {
            BackendName::Native => Self::Native,
            BackendName::Netstat2 => Self::Netstat2,
        }
    }
}

impl Args {
    /// The words of the query.
    pub(super) fn query(&self) -> &[String] {
        &self.query
    }
}

/// Lists once, or watches.
pub(super) fn run(args: &Args, saved: &Saved) -> Result<Exit, Failure> {
    let backend = args.backend.map(Backend::from);
    let query = Query::parse_args_with(&unix_paths::widened(&args.query), saved)
        .map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(period) = args.watch {
        return watch::run(args, &query, period, backend);
    }
    let detail = if needs_metrics(args) { Detail::Full } else { Detail::Bare };
    let left_out = left_out(args, &query);
    let mut request = Request {
        backend,
        detail,
        peers: shows_peers(args),
        reach: reach(args),
        tables: tables(&query),
        port: None,
        counted: Tables::NONE,
    };
    if query.is_empty() {
        // Nothing about these is asked but how many there are.
        request.tables = request.tables.without(left_out);
        request.counted = left_out;
    }
    let wider = servers::wider(args, saved);
    if let Some(wider) = &wider {
        request.tables = request.tables.or(tables(wider));
    }
    let mut listing = sockets::list(&request)?;
    let datagram_servers = wider.map_or(0, |wider| servers::count(&listing, &wider));
    if needs_two_looks(args, &query) {
        look_twice(&mut listing, &request)?;
    }
    hide_own_words(&mut listing.sockets);
    let undecided = filter(&mut listing, &query);
    leave_out(&mut listing, left_out);
    if args.resolve {
        let health = Names::default().fill(&mut listing.sockets, WAIT_FOR_NAMES);
        listing.health.push(health);
    }
    if let Some(sort) = args.sort {
        listing.sockets.sort_by(|a, b| sort.compare(a, b));
    } else if is_text(args) {
        let own = std::process::id();
        listing.sockets.sort_by_key(|socket| Prominence::of(socket, own));
    }
    write(args, &listing)?;
    // The document has its health inside.
    if !args.json {
        notes::tell(
            listing.health.iter().filter(|line| notes::could_change(line, &listing.sockets)),
        );
        notes::tell_unlisted(&listing.unlisted, !query.is_empty());
        servers::tell(datagram_servers);
    }
    let uncounted = uncounted(&listing, &query);
    for process in &uncounted {
        notes::tell_uncounted(process);
    }
    if listing.sockets.is_empty() && uncounted.is_empty() && undecided == 0 && !args.json {
        notes::tell_nothing(&args.query);
        if !args.all_netns {
            notes::tell_redirect(&args.query);
        }
    }
    let answer = match answer(!listing.sockets.is_empty(), undecided, query.compares_looks()) {
        // What was not looked at might have it; the health line has said what would permit that.
        Exit::No if is_barred(&listing) || !uncounted.is_empty() => Exit::NotPermitted,
        answer => answer,
    };
    // The process ends here: to give back every socket would take longer than to sort them.
    std::mem::forget(listing);
    Ok(answer)
}

/// Those processes that match by themselves, and whose sockets might.
fn uncounted<'a>(listing: &'a Listing, query: &Query) -> Vec<&'a Uncounted> {
    let matches = |process: &&Uncounted| {
        let mut socket =
            Socket::new(Family::Other, Protocol::Dgram, State::Closed, Endpoint::default());
        socket.ownership = Ownership::OWNED;
        let owner = Process::named(process.pid, 0, process.name.clone());
        socket.owners.push(Owner::new(None, Arc::new(owner)));
        query.matches(&Subject::new(&socket, listing.taken_at)) == Truth::Yes
    };
    if query.is_empty() {
        return Vec::new();
    }
    listing.uncounted.iter().filter(matches).collect()
}

/// Whether some network namespace was wanted and could not be entered for want of rights.
fn is_barred(listing: &Listing) -> bool {
    listing.health.iter().any(|line| line.source == Source::Netns && line.remedy.is_some())
}

/// Whether a rate or an age is shown, sorted by or asked for, which one look cannot tell.
fn needs_two_looks(args: &Args, query: &Query) -> bool {
    let sorted = args.sort.iter().map(|sort| sort.column());
    query.compares_looks() || args.columns.iter().copied().chain(sorted).any(Column::compares_looks)
}

/// Looks twice more, half a second apart, and takes rates and first sights from there.
fn look_twice(listing: &mut Listing, request: &Request) -> Result<(), Failure> {
    let mut ports = Ports::new(request.backend).of_tables(request.tables).limited(None);
    ports.steering().set_reach(request.reach);
    ports.look()?;
    thread::sleep(BETWEEN_LOOKS);
    let (table, _) = ports.look()?;
    let rows: HashMap<_, _> = table.rows.iter().map(|row| (row.key, &row.socket)).collect();
    for socket in &mut listing.sockets {
        if let Some(later) = rows.get(&socket.key()) {
            socket.rates = later.rates;
            socket.first_seen = later.first_seen;
        }
    }
    listing.taken_at = Timestamp::now();
    note!("sockpit: rates and ages are those of half a second");
    Ok(())
}

fn reach(args: &Args) -> Reach {
    if args.all_netns { Reach::All } else { Reach::Own }
}

/// The tables that can have what is asked for. Netlink sockets are how programs and the kernel
/// talk of everything else: every host is full of them, and only who names them wants them. What
/// no table lists mostly has no address, and is for those who look for something.
fn tables(query: &Query) -> Tables {
    let unnamed = Tables::from(Table::Netlink).without(query.named_tables());
    let unlisted = if query.is_empty() { Table::Other.into() } else { Tables::NONE };
    query.tables().without(unnamed).without(unlisted)
}

/// The tables whose sockets a person does not expect to see without having named them: there
/// are many, and no network is involved. A program gets them all.
fn left_out(args: &Args, query: &Query) -> Tables {
    if !is_text(args) {
        return Tables::NONE;
    }
    Tables::from(Table::Unix).without(query.named_tables())
}

/// Whether it is a person who reads the listing.
fn is_text(args: &Args) -> bool {
    !(args.json || args.jsonl || args.csv)
}

/// Takes these tables' sockets out, and counts them, unless nothing else matched.
fn leave_out(listing: &mut Listing, tables: Tables) {
    let is_out = |socket: &Socket| tables.contains(Table::of(socket));
    let count = listing.sockets.iter().filter(|socket| is_out(socket)).count();
    if count > 0 && count < listing.sockets.len() {
        listing.sockets.retain(|socket| !is_out(socket));
        listing.unlisted.push((Table::Unix, count));
    }
}

/// Whether the output shows, or the query may ask for, what costs the kernel more to tell.
fn needs_metrics(args: &Args) -> bool {
    let sorted = args.sort.iter().map(|sort| sort.column());
    args.json
        || args.jsonl
        || !args.query.is_empty()
        || args.columns.iter().copied().chain(sorted).any(Column::is_metric)
}

/// Whether it matters who is at the other end.
fn shows_peers(args: &Args) -> bool {
    let sorted = args.sort.iter().map(|sort| sort.column());
    let mut columns = args.columns.iter().copied().chain(sorted);
    args.json || args.jsonl || columns.any(|column| column == Column::Peer)
}

/// Keeps the sockets that match, and counts those of which nobody can tell.
fn filter(listing: &mut Listing, query: &Query) -> usize {
    let now = listing.taken_at;
    let mut undecided = 0;
    let mut inspector = query.asks_options().then(Inspector::default);
    listing.sockets.retain(|socket| {
        let subject = Subject::new(socket, now);
        let mut truth = query.matches(&subject);
        // Only what the rest of the query leaves open is looked at.
        if truth == Truth::Undecided
            && let Some(inspector) = &mut inspector
            && let Ok(report) = inspector.options(socket)
        {
            truth = query.matches(&subject.with_options(&report));
        }
        undecided += usize::from(truth == Truth::Undecided);
        truth == Truth::Yes
    });
    undecided
}

/// Whether something matched, nothing did, or nobody can tell.
fn answer(matched: bool, undecided: usize, needs_looks: bool) -> Exit {
    match (matched, undecided) {
        (true, _) => Exit::Yes,
        (false, 0) => Exit::No,
        (false, _) if needs_looks => {
            note!(
                "sockpit: half a second is too short to see that a queue does not move; add --watch"
            );
            Exit::NotPermitted
        }
        (false, _) => {
            let sockets =
                if undecided == 1 { "1 socket".into() } else { format!("{undecided} sockets") };
            note!("sockpit: nothing matched for certain; {sockets} might, but not enough is known");
            Exit::NotPermitted
        }
    }
}

fn write(args: &Args, listing: &Listing) -> Result<(), Failure> {
    let mut out = output::stdout();
    if args.json {
        json::document(&mut out, listing)?;
    } else if args.jsonl {
        json::lines(&mut out, &listing.sockets)?;
    } else if args.csv {
        columns::csv(&mut out, &chosen(args, Column::usual_csv(args.all_netns)), listing)?;
    } else if !listing.sockets.is_empty() {
        let columns = chosen(args, columns::usual(args.all_netns));
        let table = match args.sort {
            None => folded::table(&columns, &listing.sockets),
            Some(_) => columns::table(&columns, listing.sockets.iter()),
        };
        table.write(&mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn chosen(args: &Args, default: &[Column]) -> Vec<Column> {
    if args.columns.is_empty() { default.to_vec() } else { args.columns.clone() }
}

fn period(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a number of seconds from 0.1 to 86400");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if !(0.1..=86_400.0).contains(&seconds) {
        return Err(wrong());
    }
    Ok(Duration::from_secs_f64(seconds))
}
