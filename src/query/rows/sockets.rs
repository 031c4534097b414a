//! Asking a socket. Nothing here allocates for keys with typed values.

use jiff::Timestamp;

use crate::model::activity::Stalled;
use crate::model::finding;
use crate::model::options::OptionsReport;
use crate::model::owner::{OwnershipKind, Process};
use crate::model::process_name;
use crate::model::socket::{Backlog, Endpoint, Protocol, Socket, State};
use crate::model::table::SocketRow;
use crate::query::ast::Test;
use crate::query::eval::{Match, Row, any, at_least, known};
use crate::query::key::{Key, NumberKey, SetKey, Side, TextKey};
use crate::query::needle::Pattern;
use crate::query::values::NumberSet;
use crate::query::word::{command_matches, held_for};

/// A row to be asked about, with what a query needs to know beside it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The socket.
    pub socket: &'a Socket,
    /// The moment that ages are counted to.
    pub now: Timestamp,
    /// When the socket was read: its clocks count from here.
    pub read_at: Timestamp,
    /// Whether the socket was made while sockpit watched. Its age is then exact; otherwise
    /// the time since first sight is only its least possible age.
    pub appeared: bool,
    /// Its options; `None` where nobody has read them.
    pub options: Option<&'a OptionsReport>,
}

impl<'a> Subject<'a> {
    /// A socket of unknown age, as in a single look.
    pub fn new(socket: &'a Socket, now: Timestamp) -> Self {
        Self { socket, now, read_at: now, appeared: false, options: None }
    }

    /// A row of a live table.
    pub fn of_row(row: &'a SocketRow, now: Timestamp) -> Self {
        let (socket, read_at) = (&row.socket, row.observed_at);
        Self { socket, now, read_at, appeared: row.appeared, options: None }
    }

    /// The same with its options.
    pub fn with_options(self, options: &'a OptionsReport) -> Self {
        Self { options: Some(options), ..self }
    }
}

impl Subject<'_> {
    /// What a clock shows by now that showed `ms` when the socket was read, in microseconds.
    fn passed_us(&self, ms: u32) -> u64 {
        let since = self.now.as_microsecond() - self.read_at.as_microsecond();
        u64::try_from(since).unwrap_or(0).saturating_add(u64::from(ms) * 1000)
    }
}

impl Row for Subject<'_> {
    fn ask(&self, test: &Test) -> Match {
        ask(test, self)
    }
}

fn ask(test: &Test, subject: &Subject<'_>) -> Match {
    let socket = subject.socket;
    match test {
        Test::Name(set) => set.contains(socket).into(),
        Test::Number { key: NumberKey::Age, set } => age(set, subject),
        Test::Number { key: NumberKey::Stalled, set } => stalled(set, subject),
        Test::Number { key: NumberKey::Idle, set } => {
            of_connection(socket, Socket::idle_ms, |ms| set.contains(subject.passed_us(ms)))
        }
        Test::Number { key: NumberKey::Shut, set } => shut(set, subject),
        Test::Number { key, set } => number(*key, socket, |number| set.contains(number)),
        Test::Address { side, set } => any(ends(*side, socket), |end| set.contains(end).into()),
        Test::Text { key, patterns, ids } => text(*key, socket, Wanted::These { patterns, ids }),
        Test::Option(set) => {
            known(subject.options.and_then(|report| set.holds(report)), |holds| holds)
        }
        Test::Present(key) => present(*key, subject),
        Test::PortOrPid(wanted) => {
            let is_wanted = |number| number == u64::from(*wanted);
            let ports = number(NumberKey::Port(Side::Either), socket, is_wanted);
            ports.or(number(NumberKey::Pid, socket, is_wanted))
        }
        Test::Word(word) if word.is_shown(socket) => Match::Yes,
        Test::Word(_) => owners(socket, |_| Match::No),
    }
}

fn present(key: Key, subject: &Subject<'_>) -> Match {
    match key {
        Key::Set(SetKey::Finding) => finding::of(subject.socket).next().is_some().into(),
        Key::Set(_) | Key::Address(_) => Match::Yes,
        Key::Number(NumberKey::Age) => known(subject.socket.first_seen, |_| true),
        Key::Number(NumberKey::Stalled) => subject.socket.stalled.is_some().into(),
        Key::Number(NumberKey::Idle) => of_connection(subject.socket, Socket::idle_ms, |_| true),
        Key::Number(NumberKey::Shut) => {
            of_connection(subject.socket, Socket::is_window_shut, |is_shut| is_shut)
        }
        Key::Number(key) => number(key, subject.socket, |_| true),
        Key::Text(key) => text(key, subject.socket, Wanted::Anything),
        Key::Option => known(subject.options, |report| {
            report.options.iter().any(|option| option.changed == Some(true))
        }),
    }
}

/// Asks every owner. Where the listed owners are not all the answer there is, a *no* of
/// each of them decides nothing.
///
/// An owned socket counts as known by the owners that are listed, although a process that
/// could not be read may share it: anyone but root would else get nothing from
/// `!name:firefox`. What sockpit shows of the row and what the query says agree.
fn owners(socket: &Socket, answer: impl FnMut(&Process) -> Match) -> Match {
    let listed = any(socket.owners.iter().map(|owner| &*owner.process), answer);
    let rest = match socket.ownership.kind {
        OwnershipKind::Kernel => Match::No,
        OwnershipKind::Owned if !socket.owners.is_empty() => Match::No,
        _ => Match::Unknown,
    };
    listed.or(rest)
}

fn ends(side: Side, socket: &Socket) -> impl Iterator<Item = &Endpoint> {
    let local = (side != Side::Remote).then_some(&socket.local);
    let remote = socket.remote.as_ref().filter(|_| side != Side::Local);
    local.into_iter().chain(remote)
}

fn number(key: NumberKey, socket: &Socket, holds: impl Fn(u64) -> bool) -> Match {
    let holds_32 = |number: u32| holds(number.into());
    let is_listener = socket.state == State::Listen;
    match key {
        // What stands in the place of a raw socket's port is a protocol number.
        NumberKey::Port(_) if socket.protocol == Protocol::Raw => Match::No,
        NumberKey::Port(side) => {
            any(ends(side, socket), |end| end.port.is_some_and(|port| holds(port.into())).into())
        }
        NumberKey::Pid => owners(socket, |process| holds_32(process.pid).into()),
        NumberKey::Ppid => owners(socket, |process| known(process.ppid, holds_32)),
        NumberKey::Inode => known(socket.inode, holds),
        NumberKey::Cookie => known(socket.cookie, holds),
        NumberKey::Netns => known(socket.netns, holds),
        NumberKey::RecvQ | NumberKey::SendQ | NumberKey::Rtt | NumberKey::Retrans
            if is_listener =>
        {
            Match::Inapplicable
        }
        NumberKey::RecvQ => known(socket.recv_q, holds_32),
        NumberKey::SendQ => known(socket.send_q, holds_32),
        NumberKey::Backlog | NumberKey::BacklogPercent if !is_listener => Match::Inapplicable,
        NumberKey::Backlog => known(socket.backlog, |backlog| holds_32(backlog.queued)),
        NumberKey::BacklogPercent => match socket.backlog.map(Backlog::percent) {
            None => Match::Unknown,
            Some(percent) => holds_32(percent).into(),
        },
        NumberKey::Drops => known(socket.drops, holds_32),
        NumberKey::Rtt => of_connection(socket, |socket| socket.tcp.as_deref()?.rtt_us, holds_32),
        NumberKey::Retrans => {
            of_connection(socket, |socket| socket.tcp.as_deref()?.retransmits, holds_32)
        }
        NumberKey::Rate => {
            of_connection(socket, |socket| socket.rates, |rates| holds(rates.total()))
        }
        NumberKey::Probes => {
            of_connection(socket, Socket::unanswered_probes, |probes| holds(probes.into()))
        }
        NumberKey::Resent => {
            of_connection(socket, Socket::retransmitting, |times| holds(times.into()))
        }
        NumberKey::Window => of_connection(socket, Socket::peer_window_bytes, holds_32),
        // Asked with the clock at hand, before this.
        NumberKey::Age | NumberKey::Stalled | NumberKey::Idle | NumberKey::Shut => Match::Unknown,
    }
}

/// A number that only a TCP connection has, while the kernel keeps its whole state.
fn of_connection<T>(
    socket: &Socket,
    field: impl FnOnce(&Socket) -> Option<T>,
    holds: impl FnOnce(T) -> bool,
) -> Match {
    let is_tcp = matches!(socket.protocol, Protocol::Tcp | Protocol::Mptcp);
    let is_connection = !matches!(
        socket.state,
        State::Listen | State::SynReceived | State::TimeWait | State::Closed | State::Bound
    );
    if is_tcp && is_connection { known(field(socket), holds) } else { Match::Inapplicable }
}

/// The time since first sight is exact for a socket that sockpit saw appear, and the least
/// possible age of every other.
fn age(set: &NumberSet, subject: &Subject<'_>) -> Match {
    let Some(first_seen) = subject.socket.first_seen else { return Match::Unknown };
    let since = subject.now.as_microsecond() - first_seen.as_microsecond();
    let seen_for = u64::try_from(since).unwrap_or(0);
    if subject.appeared { set.contains(seen_for).into() } else { at_least(set, seen_for) }
}

/// A queue has stood still at least since the look that saw it move. One that is empty does
/// not stand still for any time.
fn stalled(set: &NumberSet, subject: &Subject<'_>) -> Match {
    let socket = subject.socket;
    let since = socket.stalled.as_deref().and_then(Stalled::since);
    match (since, socket.recv_q, socket.send_q) {
        _ if socket.state == State::Listen => Match::Inapplicable,
        (Some(since), _, _) => {
            let passed = subject.now.as_microsecond() - since.as_microsecond();
            at_least(set, u64::try_from(passed).unwrap_or(0))
        }
        (None, Some(0), Some(0)) => Match::No,
        (None, _, _) => Match::Unknown,
    }
}

/// A window that is open is not shut for any time.
fn shut(set: &NumberSet, subject: &Subject<'_>) -> Match {
    let shut_ms = |socket: &Socket| match socket.is_window_shut()? {
        true => socket.shut_ms().map(Some),
        false => Some(None),
    };
    of_connection(subject.socket, shut_ms, |ms| {
        ms.is_some_and(|ms| set.contains(subject.passed_us(ms)))
    })
}

/// What a text should be.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Anything,
    These { patterns: &'a [Pattern], ids: &'a [u32] },
}

impl Wanted<'_> {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::These { patterns, .. } => patterns.iter().any(|pattern| pattern.matches(text)),
        }
    }

    fn holds_command(&self, arguments: &[Box<str>]) -> bool {
        match self {
            Self::Anything => true,
            Self::These { patterns, .. } => {
                patterns.iter().any(|pattern| command_matches(pattern, arguments))
            }
        }
    }

    /// By number, or by name where one is asked for.
    fn holds_user(&self, uid: Option<u32>, name: Option<&str>) -> Match {
        let Self::These { patterns, ids } = self else {
            return known(uid.map(|_| ()).or(name.map(|_| ())), |()| true);
        };
        let by_id = match ids {
            [] => Match::No,
            ids => known(uid, |uid| ids.contains(&uid)),
        };
        let by_name = match patterns {
            [] => Match::No,
            _ => known(name, |name| self.holds(name)),
        };
        by_id.or(by_name)
    }
}

fn text(key: TextKey, socket: &Socket, wanted: Wanted<'_>) -> Match {
    // A backend that cannot tell who owns a socket does not look for units either.
    let looked_up = socket.owners_complete.is_some();
    let absent = if looked_up { Match::No } else { Match::Unknown };
    match key {
        TextKey::Name => {
            owners(socket, |process| process_name::any(process, |name| wanted.holds(name)).into())
        }
        TextKey::Cwd => owners(socket, |process| {
            known(process.cwd.as_deref(), |directory| wanted.holds(directory))
        }),
        TextKey::Command => owners(socket, |process| {
            let readable = Some(&process.cmdline).filter(|arguments| !arguments.is_empty());
            known(readable, |arguments| wanted.holds_command(arguments))
        }),
        // What systemd holds a socket for is as certain as what its owners run in.
        TextKey::Unit if held_for(socket).any(|unit| wanted.holds(unit)) => Match::Yes,
        TextKey::Unit => owners(socket, |process| {
            process.unit.as_ref().map_or(absent, |unit| wanted.holds(&unit.name).into())
        }),
        TextKey::Container => owners(socket, |process| {
            let Some(container) = &process.container else { return absent };
            let name = container.name.as_deref();
            let holds = name.is_some_and(|name| wanted.holds(name))
                || wanted.holds(&container.id)
                || wanted.holds(&container.runtime);
            // A runtime's ids are not all it calls its containers by.
            if holds || name.is_some() { holds.into() } else { Match::Unknown }
        }),
        TextKey::User => wanted.holds_user(socket.uid, socket.user.as_deref()),
        TextKey::Interface => match &socket.interface {
            Some(interface) => wanted.holds(interface).into(),
            // Only the native backend, which has cookies, tells of bound interfaces.
            None if socket.cookie.is_some() => Match::No,
            None => Match::Unknown,
        },
        TextKey::Netns => match &socket.netns_name {
            Some(name) => wanted.holds(name).into(),
            // Whoever tells the namespace has looked for its name.
            None if socket.netns.is_some() => Match::No,
            None => Match::Unknown,
        },
        TextKey::Service => {
            socket.service.as_deref().is_some_and(|service| wanted.holds(service)).into()
        }
    }
}
