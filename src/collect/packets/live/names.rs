//! The names of the interfaces that packets come over.

use std::collections::HashMap;
use std::sync::Arc;

use crate::sys::Capture;

/// Interfaces by the numbers that the counter knows them by.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_index: HashMap<u32, usize>,
    pub(super) names: Vec<Option<Arc<str>>>,
    /// Names of interfaces that have had no packet yet.
    known: HashMap<u32, Arc<str>>,
    /// The interface of the last packet: mostly that of the next one too.
    last: Option<(u32, usize)>,
}

impl Names {
    #[inline]
    pub(super) fn number(&mut self, index: u32) -> usize {
        match self.last {
            Some((last, number)) if last == index => number,
            _ => self.find_or_add(index),
        }
    }

    fn find_or_add(&mut self, index: u32) -> usize {
        let next = self.names.len();
        let number = *self.by_index.entry(index).or_insert(next);
        if number == next {
            self.names.push(self.known.get(&index).cloned());
        }
        self.last = Some((index, number));
        number
    }

    /// Asks for the names of interfaces before their packets come.
    pub(super) fn learn(&mut self, capture: &Capture) {
        /// The system numbers them upwards.
        const MOST: u32 = 2_048;
        let name = |index| Some((index, Arc::from(capture.interface_name(index)?)));
        self.known.extend((1..MOST).filter_map(name));
    }

    /// Asks for the names that are not known yet; an interface may be gone before.
    pub(super) fn resolve(&mut self, capture: &Capture) {
        for (index, number) in &self.by_index {
            let name = &mut self.names[*number];
            if name.is_none() {
                *name = capture.interface_name(*index).map(Arc::from);
            }
        }
    }
}
