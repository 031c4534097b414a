//! The options of one live socket: what is set, what differs from an untouched one, who waits.

mod cause;
mod decode;
mod defaults;
mod diag;
mod io_model;
mod lint;
mod listener;
mod notes;
mod plain;
mod situation;

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{LazyLock, mpsc};
use std::thread;

use crate::catalog::sockopts::{self, Entry, Level, Read};
use crate::model::options::{
    OptionAccess, OptionFinding, OptionType, OptionValue, OptionsReport, SocketOption,
};
use crate::model::owner::{Owner, Through};
use crate::model::socket::{Protocol, Socket, State};
use crate::sys::options::{Meant, Reading, Wanted, read_options, socket_inode};
use crate::sys::process;

use super::Error;
use crate::wire::sockopt;
use defaults::{Defaults, Fresh};
use io_model::{Flags, Model, Waits};
use listener::Listeners;
use situation::Situation;

#[cfg(test)]
mod tests;

/// No more owners than this are asked for a duplicate.
const MAX_OWNERS: usize = 64;

/// What is read of every socket: the pure options of the catalogue, and how to ask for each.
static READ: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let pure = sockopts::entries().filter(|(_, entry)| entry.read == Read::Pure);
    pure.map(|(level, entry)| Known { level, entry }).collect()
});

static WANTED: LazyLock<Vec<Wanted>> =
    LazyLock::new(|| READ.iter().map(|known| known.wanted()).collect());

/// An option of the catalogue with its level.
#[derive(Clone, Copy)]
struct Known {
    level: &'static Level,
    entry: &'static Entry,
}

impl Known {
    fn wanted(self) -> Wanted {
        let domains = self.level.domains.iter().filter_map(|name| domain_number(name));
        Wanted {
            level: self.level.number,
            number: self.entry.number,
            length: self.entry.length(),
            domains: domains.collect(),
        }
    }

    /// The option as it is reported, with nothing yet known of its default.
    fn option(self, r#type: OptionType, value: OptionValue, raw: Option<&[u8]>) -> SocketOption {
        SocketOption {
            level: self.level.name.as_str().into(),
            name: self.entry.name.as_str().into(),
            winsock: self.entry.winsock.as_deref().map(Cow::from),
            r#type,
            value,
            raw_hex: raw.map(hex),
            default: None,
            changed: None,
            changed_by: None,
            why: None,
            unit: self.entry.unit.as_deref().map(Cow::from),
            writable: self.entry.writable,
            source: None,
            about: self.entry.about.as_str().into(),
            note: None,
            parts: Vec::new(),
        }
    }
}

/// Reads the options of one socket of the table: [`Inspector::options`] for a single look.
pub fn options(socket: &Socket) -> Result<OptionsReport, Error> {
    Inspector::default().options(socket)
}

/// What is known of the socket behind a descriptor, to find its row by.
#[derive(Clone, Copy, Debug)]
pub struct Behind {
    /// Cookie.
    pub cookie: Option<u64>,
    /// sockfs inode.
    pub inode: u64,
    /// Its local port; `None` where it has none or that is not known.
    pub port: Option<u16>,
}

impl Behind {
    fn of(reading: &Reading) -> Self {
        // TCP, UDP, UDP-Lite, MPTCP: what others have in that place is no port.
        let has_port = matches!(reading.kind.protocol, 6 | 17 | 136 | 262);
        let port = reading.local.as_ref().and_then(|local| local.port);
        let port = port.filter(|port| has_port && *port != 0);
        Self { cookie: reading.cookie, inode: reading.inode, port }
    }
}

/// So many sockets are looked at by one thread before another has its turn.
const BATCH: usize = 64;

/// No more threads than this look at once.
const MAX_WORKERS: usize = 8;

/// Reads the options of many sockets, on several threads, and hands over what was found in the
/// order of the sockets. Few are held at a time. An error of `take` ends it.
pub fn each<E>(
    sockets: &[&Socket],
    mut take: impl FnMut(Result<OptionsReport, Error>) -> Result<(), E>,
) -> Result<(), E> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    let workers = workers.min(sockets.len().div_ceil(BATCH));
    if workers <= 1 {
        let mut inspector = Inspector::default();
        return sockets.iter().try_for_each(|socket| take(inspector.options(socket)));
    }
    thread::scope(|scope| {
        // The batches are dealt out in turn, and nobody is more than two ahead.
        let start = |worker| {
            let (tell, told) = mpsc::sync_channel(1);
            scope.spawn(move || {
                let mut inspector = Inspector::default();
                for batch in sockets.chunks(BATCH).skip(worker).step_by(workers) {
                    let mut look = |socket: &&Socket| inspector.options(socket);
                    if tell.send(batch.iter().map(&mut look).collect::<Vec<_>>()).is_err() {
                        return;
                    }
                }
            });
            told
        };
        let told: Vec<_> = (0..workers).map(start).collect();
        for turn in 0..sockets.len().div_ceil(BATCH) {
            // A thread that panicked has nothing more to tell; the scope passes its panic on.
            let Ok(found) = told[turn % workers].recv() else { break };
            found.into_iter().try_for_each(&mut take)?;
        }
        Ok(())
    })
}

/// A look at the options of one socket or of many, in which no process is looked up twice.
/// Every look may block for a moment: use it on a thread that may.
#[derive(Debug, Default)]
pub struct Inspector {
    waits: Waits,
    fresh: Fresh,
    listeners: Listeners,
    /// Processes that have children, once somebody asked.
    parents: Option<Vec<u32>>,
}

impl Inspector {
    /// Reads the options of a socket of the table.
    ///
    /// Each owner is tried in turn until one lets its descriptor be duplicated (root,
    /// CAP_SYS_PTRACE, or the same user). Where none does, what sock_diag told is reported,
    /// with the reason for the rest. [`Error::Gone`] when no owner holds it any more.
    pub fn options(&mut self, socket: &Socket) -> Result<OptionsReport, Error> {
        let meant = Meant { cookie: socket.cookie, inode: socket.inode };
        let mut refusal = None;
        for owner in socket.owners.iter().take(MAX_OWNERS) {
            let (Some(fd), true) = (owner.fd, meant != Meant::default()) else { continue };
            let table_of = match owner.through {
                Through::Thread { tid } => tid,
                Through::Descriptor | Through::IoUring { .. } => owner.process.pid,
            };
            match read_options(table_of, fd, meant, &WANTED) {
                Ok(reading) => return Ok(self.full(socket.clone(), owner.process.pid, &reading)),
                Err(error) => refusal = Some(more_telling(refusal, error)),
            }
        }
        match refusal {
            Some(Error::Gone { .. }) if is_subflow(socket) => {
                Ok(self.by_table(socket, SUBFLOW.to_owned()))
            }
            Some(gone @ Error::Gone { .. }) => Err(gone),
            Some(error) => Ok(self.by_table(socket, error.to_string())),
            None => Ok(self.by_table(socket, diag::why_no_descriptor(socket))),
        }
    }

    /// Reads the options of the socket behind a descriptor. `known` finds its row in the table;
    /// without one the socket is described by what it tells itself.
    ///
    /// [`Error::NotASocket`], [`Error::Gone`] and [`Error::NotPermitted`] are told apart; the
    /// last only where not even the table knows the socket.
    pub fn options_at(
        &mut self,
        pid: u32,
        fd: i32,
        known: impl FnOnce(Behind) -> Option<Socket>,
    ) -> Result<OptionsReport, Error> {
        match read_options(pid, fd, Meant::default(), &WANTED) {
            Ok(reading) => {
                let socket = known(Behind::of(&reading));
                let socket = socket.map_or_else(|| plain::socket(pid, fd, &reading), Ok)?;
                Ok(self.full(socket, pid, &reading))
            }
            Err(refused @ Error::NotPermitted { .. }) => {
                // A link may be readable where a duplicate is not permitted.
                let inode = socket_inode(pid, fd);
                let behind = |inode| Behind { cookie: None, inode, port: None };
                match inode.ok().and_then(|inode| known(behind(inode))) {
                    Some(socket) => Ok(self.by_table(&socket, refused.to_string())),
                    None => Err(refused),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Everything about a socket whose options were read through a descriptor of `pid`.
    fn full(&mut self, socket: Socket, pid: u32, reading: &Reading) -> OptionsReport {
        tracing::debug!(pid, held_us = reading.held.as_micros(), "read options by a duplicate");
        let mut options = judged(&mut self.fresh, pid, &socket, reading);
        if let Some(above) = self.listeners.of(&socket, &mut self.fresh) {
            listener::tell_inherited(&mut options, &above);
        }
        let flags = Flags { nonblocking: Some(reading.nonblocking), sigio: reading.sigio.clone() };
        let waits = self.waits.model(&socket, Some(pid), reading.inode, flags);
        let findings = self.findings(&socket, &options, waits.as_ref());
        OptionsReport {
            io_model: waits.map(|waits| waits.model),
            findings,
            socket,
            access: OptionAccess::Full,
            reason: None,
            options,
            hidden: Vec::new(),
        }
    }

    fn findings(
        &mut self,
        socket: &Socket,
        options: &[SocketOption],
        waits: Option<&Model>,
    ) -> Vec<OptionFinding> {
        let is_listener = socket.state == State::Listen && socket.local.port.is_some();
        let neighbours = match is_listener {
            true => self.listeners.on_port(socket.local.port.unwrap_or(0)),
            false => Rc::default(),
        };
        let parents = match waits.filter(|waits| is_listener && !waits.passed_on.is_empty()) {
            Some(_) => self.parents.get_or_insert_with(parents).as_slice(),
            None => &[],
        };
        let neighbours = &*neighbours;
        let mut look = lint::Look { socket, options, waits, neighbours, peer: None, parents };
        // Only a peer that takes nothing is worth a look of its own.
        let peer = look.is_window_shut().then(|| listener::peer(socket)).flatten();
        look.peer = peer.as_ref();
        lint::findings(&look)
    }

    /// What the table alone tells, and the reason for the rest.
    fn by_table(&mut self, socket: &Socket, reason: String) -> OptionsReport {
        let options = diag::options(socket, &mut self.fresh);
        let nothing = options.is_empty();
        let inode = socket.inode.unwrap_or(0);
        let waits = self.waits.model(socket, None, inode, Flags::default());
        OptionsReport {
            findings: self.findings(socket, &options, waits.as_ref()),
            io_model: waits.map(|waits| waits.model),
            socket: socket.clone(),
            access: if nothing { OptionAccess::None } else { OptionAccess::KernelDiag },
            reason: Some(reason),
            hidden: diag::hidden(socket, &options, &mut self.fresh),
            options,
        }
    }
}

/// Processes that have children.
fn parents() -> Vec<u32> {
    let tree = process::tree().unwrap_or_default();
    tree.iter().map(|node| node.ppid).collect()
}

const SUBFLOW: &str = "it is a subflow: its descriptor is that of the MPTCP connection, whose \
                       options are read in its place (proto:mptcp)";

/// Whether an owner still has the descriptor, which leads to another socket with this inode.
fn is_subflow(socket: &Socket) -> bool {
    let leads_here = |owner: &Owner| {
        let inode = owner.fd.and_then(|fd| socket_inode(owner.process.pid, fd).ok());
        inode.is_some() && inode == socket.inode
    };
    socket.protocol == Protocol::Tcp && socket.owners.iter().take(MAX_OWNERS).any(leads_here)
}

/// The options that were read, typed, beside what an untouched socket tells.
fn judged(fresh: &mut Fresh, pid: u32, socket: &Socket, reading: &Reading) -> Vec<SocketOption> {
    let defaults = Defaults::of(fresh, reading, pid, socket.netns);
    let situation = Situation::of(socket, reading);
    let told = READ.iter().zip(&reading.answers).enumerate();
    told.filter_map(|(index, (known, answer))| {
        let raw = answer.as_deref()?;
        let (r#type, value) = decode::value_or_bytes(known.entry, raw);
        let mut option = known.option(r#type, value, Some(raw));
        if let Some(structure) = known.entry.structure {
            option.parts = sockopt::parts(structure, raw, situation.algorithm());
        }
        option.writable = situation.takes(known.entry);
        defaults.judge(index, known.entry, &situation, &mut option);
        option.note = notes::of(known.entry, &option, &situation);
        Some(option)
    })
    .collect()
}

/// A value of a catalogue's option out of the bytes that getsockopt returned.
pub fn decoded(entry: &Entry, raw: &[u8]) -> Option<OptionValue> {
    decode::value(entry, raw)
}

/// A refusal tells more than an end, and that a thing is absent here more than either.
fn more_telling(before: Option<Error>, error: Error) -> Error {
    match before {
        Some(before) if !matches!(before, Error::Gone { .. }) => before,
        _ => error,
    }
}

/// The number of an `AF_` name, as the catalogue has it.
fn domain_number(name: &str) -> Option<i32> {
    let (_, domain) = sockopts::find("SO_DOMAIN")?;
    let (_, number) = domain.values.iter().find(|(known, _)| known == name)?;
    i32::try_from(*number).ok()
}

/// Where an option stands among those that are read.
fn index_of(name: &str) -> Option<usize> {
    static PLACES: LazyLock<HashMap<&str, usize>> = LazyLock::new(|| {
        READ.iter().enumerate().map(|(at, known)| (known.entry.name.as_str(), at)).collect()
    });
    PLACES.get(name).copied()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    out
}
