//! Other network namespaces: finding them, asking them, and saying what could not be asked.
//!
//! The inode of a socket comes from one file system, sockfs, and one counter for all
//! namespaces (`get_next_ino` of the kernel's fs/inode.c). So one scan of the descriptors finds
//! the holders of all of them, also a process that holds a socket of a namespace in which it is
//! not: by having been passed it, or by having moved.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::super::netns::{self, Namespace, Seeker};
use super::super::sock_diag::SockDiag;
use super::super::tcp_ext;
use super::proc_net::ProcNet;
use crate::model::activity::ListenCounters;
use crate::model::health::{Health, HealthState, Source};
use crate::sys::error::{Error, Result};

/// A network namespace that can be asked for its sockets. Keeps it alive while it is there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) netns: Option<u64>,
    pub(super) name: Option<Arc<str>>,
    pub(super) diag: SockDiag,
    pub(super) proc_net: ProcNet,
    /// Any socket of it, for the names of its interfaces; not needed for the namespace of this
    /// thread.
    pub(super) any: Option<OwnedFd>,
    /// What its listeners turned away; not read of the namespace of this thread.
    pub(super) listen: Option<ListenCounters>,
}

impl Place {
    /// The namespace of this thread.
    pub(super) fn here() -> Result<Self> {
        let (netns, name) = (netns::own(), netns::own_name());
        let (diag, proc_net) = (SockDiag::open()?, ProcNet::open());
        Ok(Self { netns, name, diag, proc_net, any: None, listen: None })
    }

    /// Another one.
    pub(super) fn of(namespace: &Namespace) -> Result<Self> {
        namespace.enter(|| Self::open(namespace))?
    }

    /// Several others, each with what came of it.
    pub(super) fn of_each(namespaces: &[Namespace]) -> Vec<(&Namespace, Result<Self>)> {
        let opened = netns::enter_each(namespaces, Self::open);
        namespaces.iter().zip(opened.into_iter().map(|place| place?)).collect()
    }

    /// From within the namespace.
    fn open(namespace: &Namespace) -> Result<Self> {
        let (diag, proc_net) = (SockDiag::open()?, ProcNet::open());
        let (any, listen) = (diag.duplicate(), tcp_ext::listen());
        let (netns, name) = (Some(namespace.inode), namespace.name.clone());
        Ok(Self { netns, name, diag, proc_net, any, listen })
    }
}

/// The other namespaces, as they were found last.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    seeker: Option<Seeker>,
    found: Vec<Namespace>,
}

impl Elsewhere {
    /// Looks for all namespaces but `own`.
    pub(super) fn seek(&mut self, own: Option<u64>, troubles: &mut Troubles) -> Vec<Namespace> {
        let found = match &mut self.seeker {
            Some(seeker) => seeker.seek(),
            none => Seeker::new().and_then(|seeker| none.insert(seeker).seek()),
        };
        match found {
            Ok(found) => {
                troubles.unreadable = found.unreadable;
                troubles.surplus = found.surplus;
                self.found = found.namespaces;
                self.found.retain(|namespace| Some(namespace.inode) != own);
            }
            Err(error) => troubles.failure = Some(error.to_string()),
        }
        self.found.clone()
    }

    /// Those that were found last.
    pub(super) fn found(&self) -> Vec<Namespace> {
        self.found.clone()
    }

    /// Runs `act` in one of those that were found.
    pub(super) fn within<T: Send>(
        &self,
        netns: Option<u64>,
        act: impl FnOnce() -> T + Send,
    ) -> Option<T> {
        let known = self.found.iter().find(|namespace| Some(namespace.inode) == netns)?;
        known.enter(act).ok()
    }

    /// Enters one of those that were found.
    pub(super) fn place(&self, netns: Option<u64>) -> Result<Place> {
        let known = self.found.iter().find(|namespace| Some(namespace.inode) == netns);
        let gone = || Error::Gone { what: "the network namespace".to_owned() };
        Place::of(known.ok_or_else(gone)?)
    }
}

/// What could not be learnt of other namespaces.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    failure: Option<String>,
    unreadable: usize,
    surplus: usize,
    /// Inode and name of those that may not be entered.
    refused: Vec<(u64, String)>,
    /// The same, with the reason, for those that failed otherwise.
    failed: Vec<(u64, String, String)>,
    /// What was wrong inside, by source and reason, and where.
    inside: BTreeMap<(Source, String), (Health, Vec<String>)>,
}

/// More namespaces than this are counted, not named.
const MOST: usize = 3;

impl Troubles {
    /// Takes what was told while the sockets of this namespace were listed.
    pub(super) fn add(&mut self, namespace: &Namespace, told: Vec<Health>) {
        for line in told.into_iter().filter(Health::is_troubled) {
            let key = (line.source, line.reason.clone().unwrap_or_default());
            let (_, places) = self.inside.entry(key).or_insert((line, Vec::new()));
            places.push(short(namespace));
        }
    }

    /// This namespace could not be asked.
    pub(super) fn refuse(&mut self, namespace: &Namespace, error: Error) {
        match error {
            // It ended since it was found: it has no sockets.
            Error::Gone { .. } => {}
            Error::NotPermitted { .. } => self.refused.push((namespace.inode, short(namespace))),
            error => {
                self.failed.push((namespace.inode, short(namespace), error.to_string()));
            }
        }
    }

    /// The namespaces of which nothing is known but that they are there.
    pub(super) fn missing(&self) -> Vec<u64> {
        let refused = self.refused.iter().map(|(inode, _)| *inode);
        refused.chain(self.failed.iter().map(|(inode, ..)| *inode)).collect()
    }

    /// What to tell the user.
    pub(super) fn health(self) -> Vec<Health> {
        let mut reasons = Vec::new();
        reasons.extend(self.failure);
        if !self.refused.is_empty() {
            let names: Vec<String> = self.refused.into_iter().map(|(_, name)| name).collect();
            reasons.push(format!("{} may not be entered", counted(&names)));
        }
        if self.unreadable > 0 {
            let whose = match self.unreadable {
                1 => "the network namespace of 1 process".to_owned(),
                count => format!("the network namespaces of {count} processes"),
            };
            reasons.push(format!("{whose} may not be read"));
        }
        let may_not = !reasons.is_empty();
        reasons.extend(self.failed.into_iter().map(|(_, _, error)| error));
        if self.surplus > 0 {
            reasons.push(format!("{} more network namespaces are left out", self.surplus));
        }
        let mut health = vec![match reasons.is_empty() {
            true => Health::ready(Source::Netns),
            false => Health::degraded(Source::Netns, reasons.join("; ")),
        }];
        if may_not {
            health[0].remedy = Some(netns::remedy().to_owned());
        }
        health.extend(self.inside.into_values().map(|(line, places)| {
            let reason = line.reason.as_deref().unwrap_or("something is missing");
            let reason = format!("in {}: {reason}", counted(&places));
            Health { reason: Some(reason), state: HealthState::Degraded, ..line }
        }));
        health
    }
}

/// `network namespace web`, `5 network namespaces (a, b, c and 2 more)`.
fn counted(names: &[String]) -> String {
    let mut shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        shown = format!("{shown} and {} more", names.len() - MOST);
    }
    match names.len() {
        1 => format!("network namespace {shown}"),
        count => format!("{count} network namespaces ({shown})"),
    }
}

fn short(namespace: &Namespace) -> String {
    match &namespace.name {
        Some(name) => name.to_string(),
        None => namespace.inode.to_string(),
    }
}
