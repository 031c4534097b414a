//! Which flows a snapshot is about: all, or those that a view asks for.

use std::fmt;
use std::sync::Arc;

use super::counter::Counter;
use super::flows::{Attributed, Entry};
use crate::model::packets::{Flow, FlowFocus};

/// Says of a flow whether it is wanted.
#[derive(Clone)]
pub struct Wanted(Arc<dyn Fn(&Flow) -> bool + Send + Sync>);

impl Wanted {
    /// Those that pass.
    pub fn new(passes: impl Fn(&Flow) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(passes))
    }

    /// Whether a flow is wanted.
    pub fn has(&self, flow: &Flow) -> bool {
        self.0(flow)
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").finish_non_exhaustive()
    }
}

/// What a snapshot lists of the flow table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listing<'a> {
    /// Flows that are listed whatever their rank.
    pub focus: Option<&'a FlowFocus>,
    /// The flows that all tables made of flows are about; `None` stands for every flow.
    pub wanted: Option<&'a Wanted>,
}

/// The flows of the table that a snapshot is about, by their places.
pub(super) struct Chosen<'a> {
    entries: &'a [Entry],
    attributed: &'a [Attributed],
    /// Their places; `None` where it is all of them.
    places: Option<Vec<usize>>,
}

impl Counter {
    /// The flows that are wanted.
    pub(super) fn chosen(
        &self,
        wanted: Option<&Wanted>,
        interfaces: &[Option<Arc<str>>],
    ) -> Chosen<'_> {
        let entries = self.flows.entries();
        let places = wanted.map(|wanted| {
            (0..entries.len()).filter(|at| wanted.has(&self.flow(*at, interfaces))).collect()
        });
        Chosen { entries, attributed: self.flows.attributed(), places }
    }
}

impl<'a> Chosen<'a> {
    /// How many; `None` where it is all of them.
    pub(super) fn narrowed_to(&self) -> Option<u64> {
        self.places.as_ref().map(|places| places.len() as u64)
    }

    /// Their places in the table.
    pub(super) fn places(&self) -> Vec<usize> {
        self.places.clone().unwrap_or_else(|| (0..self.entries.len()).collect())
    }

    /// The flows.
    pub(super) fn flows(&self) -> impl Iterator<Item = &'a Entry> {
        self.with_attributed().map(|(flow, _)| flow)
    }

    /// The flows, with what was made of each.
    pub(super) fn with_attributed(&self) -> impl Iterator<Item = (&'a Entry, &'a Attributed)> {
        let (entries, attributed) = (self.entries, self.attributed);
        let places = self.places.as_deref();
        let count = places.map_or(entries.len(), <[usize]>::len);
        let places = places.map(<[usize]>::to_vec);
        (0..count).map(move |number| {
            let at = places.as_ref().map_or(number, |places| places[number]);
            (&entries[at], &attributed[at])
        })
    }
}
