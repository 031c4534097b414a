//! The kernel's own tables as the way to the owners, where it is permitted: opened when it is worth
//! it, in the background where the table is listed again and again.

use std::thread::{self, JoinHandle};

use super::super::holders::ByKernel;
use crate::model::health::{Health, Source};
use crate::sys::error::{Error, Result};

/// The way, and how far it is open.
#[derive(Debug, Default)]
pub(super) enum KernelWay {
    /// Nobody has needed it yet.
    #[default]
    Untried,
    Opening(JoinHandle<Result<ByKernel>>),
    Open(ByKernel),
    /// For good: `/proc` tells instead.
    Closed(Error),
}

impl KernelWay {
    /// Begins to open it.
    pub(super) fn begin(&mut self) {
        if matches!(self, Self::Untried) {
            let thread = thread::Builder::new().name("sockpit-bpf".to_owned());
            *self = match thread.spawn(ByKernel::load) {
                Ok(thread) => Self::Opening(thread),
                Err(error) => Self::Closed(Error::os("start a thread", error)),
            };
        }
    }

    /// Opens it now, unless that was tried before.
    pub(super) fn open(&mut self) {
        if matches!(self, Self::Untried) {
            self.settle(ByKernel::load());
        }
    }

    /// What came of opening it.
    pub(super) fn settle(&mut self, opened: Result<ByKernel>) {
        *self = match opened {
            Ok(way) => Self::Open(way),
            Err(error) => {
                tracing::debug!("owners come from /proc: {error}");
                Self::Closed(error)
            }
        };
    }

    /// The way, once it is open.
    pub(super) fn get(&mut self) -> Option<&ByKernel> {
        if let Self::Opening(thread) = self
            && thread.is_finished()
            && let Self::Opening(thread) = std::mem::take(self)
        {
            let died = || Error::unsupported("to see who holds sockets by BPF", "its loader died");
            self.settle(thread.join().unwrap_or_else(|_| Err(died())));
        }
        match self {
            Self::Open(way) => Some(way),
            _ => None,
        }
    }

    /// The line on it: it is in use, or it should be and is not.
    pub(super) fn health(&self) -> Option<Health> {
        match self {
            Self::Open(_) => Some(Health::ready(Source::Bpf)),
            // Whoever lacks the right is told so where owners are missing for it, and by `doctor`.
            Self::Closed(error @ Error::Os { .. }) => {
                let reason = format!("owners come from /proc alone: {error}");
                Some(Health::degraded(Source::Bpf, reason))
            }
            _ => None,
        }
    }
}
