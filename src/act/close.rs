//! Closing connections without harm to their processes or to anyone else's connections.
//!
//! [`plan()`] is pure arithmetic over a listing of sockets and the process tree. [`run()`] looks
//! once more, has the kernel abort what is still as planned (`SOCK_DESTROY`, always with the
//! cookie, so that no other connection can be hit), and looks again whether it is gone.

mod command;
mod mptcp;
mod plan;
mod run;
mod ssh;
mod words;

use std::collections::BTreeSet;

use super::{Action, Completion, Confirmation, Consent, Obstacle, Part, Progress};
use crate::inspect::{Error, sockets};
use crate::model::close::{CloseOutcome, ClosePlan};
use crate::model::socket::{Protocol, Socket, SocketKey, State};
use crate::model::tables::Table;
use crate::model::tree::ProcessTree;
use crate::sys;

pub use plan::plan;
pub use run::{nothing_closed, run};
pub use ssh::SshConnection;
pub use words::describe;

/// With more ports than this, one look at the whole table is cheaper.
const MOST_PORTS: usize = 8;

/// Which sockets of a listing are meant.
pub struct Selection<'a> {
    /// Whether this one is.
    pub chosen: &'a dyn Fn(&Socket) -> Choice,
    /// The states that were asked for by name. LISTEN, BOUND and unconnected UDP sockets are
    /// spared unless they are among them.
    pub named: &'a [State],
}

/// What a selection says of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is meant.
    Yes,
    /// It is not.
    No,
    /// Nobody can tell. It is not closed.
    Undecided,
}

/// What a plan needs to know beside the sockets.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// sockpit's own pid.
    pub own_pid: u32,
    /// The inode of sockpit's own network namespace, where the platform has such a thing.
    pub netns: Option<u64>,
    /// Every process that could be seen.
    pub tree: ProcessTree,
    /// The connection over which sockpit's user came in.
    pub ssh: Option<SshConnection>,
}

impl Facts {
    /// Looks at the system: one pass over all processes. Blocks for a few milliseconds.
    pub fn gather() -> Result<Self, Error> {
        let ssh = std::env::var("SSH_CONNECTION").ok();
        Ok(Self {
            own_pid: std::process::id(),
            netns: sys::process::own_netns(),
            tree: sys::process::tree()?,
            ssh: ssh.as_deref().and_then(SshConnection::parse),
        })
    }
}

/// The close of certain sockets.
///
/// Those without a peer are spared, with the reason, unless their state is named. A key that is
/// in neither list of the plan belongs to a socket that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The sockets.
    pub keys: Vec<SocketKey>,
    /// The states that are asked for by name.
    pub named: Vec<State>,
}

impl super::Request for Request {
    type Plan = ClosePlan;

    fn prepare(&self) -> Result<ClosePlan, Error> {
        let Self { keys, named } = self;
        let facts = Facts::gather()?;
        let is_elsewhere = |key: &SocketKey| key.netns.is_some() && key.netns != facts.netns;
        let listing = match keys.iter().any(is_elsewhere) {
            false => sockets::list(&sockets::Request::default())?,
            true => sockets::list(&sockets::Request {
                reach: sockets::Reach::All,
                ..Default::default()
            })?,
        };
        if let Some(unseen) = keys.iter().find(|key| !listing.coverage.covers(key.netns)) {
            let netns = unseen.netns.unwrap_or_default();
            return Err(Error::not_permitted(
                format!("look into network namespace {netns}"),
                "nothing is known of its sockets any more; run as root",
            ));
        }
        let chosen = |socket: &Socket| {
            if keys.contains(&socket.key()) { Choice::Yes } else { Choice::No }
        };
        let selection = Selection { chosen: &chosen, named };
        // A key names its namespace, and the socket is closed there.
        Ok(plan(&listing.sockets, &selection, &Facts { netns: None, ..facts }))
    }
}

impl Action for ClosePlan {
    type Outcome = CloseOutcome;

    fn confirmation(&self) -> Option<Confirmation> {
        words::confirmation(self)
    }

    fn obstacle(&self, consent: Consent) -> Option<Obstacle> {
        words::obstacle(self, consent)
    }

    /// A few milliseconds where few ports are concerned.
    fn run(&self, consent: Consent, _: &mut dyn FnMut(Progress)) -> Result<CloseOutcome, Error> {
        let mut destroyer = sys::sockets::Destroyer::open()?;
        let targets: Vec<&Socket> = self.targets.iter().map(|target| &target.socket).collect();
        let mut destroy = |socket: &Socket| destroyer.destroy(socket);
        run(self, consent, &mut || look(&targets), &mut destroy, &mut || mptcp::table(&targets))
    }

    fn completion(&self, outcome: &CloseOutcome) -> Completion {
        words::completion(outcome)
    }

    fn parts(&self, outcome: &CloseOutcome) -> Vec<Part> {
        words::parts(outcome)
    }

    fn command(&self, consent: Consent) -> Option<Vec<String>> {
        command::command(self, consent)
    }

    fn why_no_command(&self) -> Option<String> {
        let away = command::elsewhere(self)?;
        Some(format!("it was in network namespace {away}"))
    }
}

/// The table now, or at least all of it that has these sockets' local ports.
fn look(targets: &[&Socket]) -> Result<Vec<Socket>, Error> {
    let ports: BTreeSet<(Option<u64>, Protocol, u16)> = targets
        .iter()
        .filter_map(|socket| Some((socket.netns, socket.protocol, socket.local.port?)))
        .collect();
    let own = sys::netns::own();
    let is_elsewhere = |netns: Option<u64>| netns.is_some() && netns != own;
    if ports.len() > MOST_PORTS {
        let tables = targets.iter().map(|socket| Table::of(socket)).collect();
        let reach = match ports.iter().any(|(netns, ..)| is_elsewhere(*netns)) {
            true => sockets::Reach::All,
            false => sockets::Reach::Own,
        };
        let detail = sockets::Detail::Bare;
        let bare = sockets::Request { detail, tables, reach, ..Default::default() };
        return Ok(sockets::list(&bare)?.sockets);
    }
    let mut found = Vec::new();
    for (netns, protocol, port) in ports {
        match netns.filter(|_| is_elsewhere(netns)) {
            None => found.extend(sockets::on_port(protocol, port)?),
            Some(inode) => {
                let look = || sockets::on_port(protocol, port);
                match sys::netns::within(inode, look) {
                    Ok(told) => found.extend(told?),
                    // Its sockets went with it.
                    Err(Error::Gone { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(found)
}
