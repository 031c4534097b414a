//! The filters that the user had, and those saved under a name: shared by all filter lines,
//! and kept between runs.

use std::collections::VecDeque;

use crate::query::Saved;

/// Filters remembered for the arrow keys.
const HISTORY: usize = 100;
/// The file of the history, oldest first, a filter a line.
pub const HISTORY_FILE: &str = "filters";
/// The file of the filters that were saved under a name.
pub const SAVED_FILE: &str = "saved-filters";

/// What is remembered of filters.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Those with a name.
    pub saved: Saved,
    /// The filter that Ports shall have next.
    pub chosen: Option<String>,
    history: VecDeque<String>,
}

impl Filters {
    /// With what an earlier run left in the file of the history.
    pub fn new(saved: Saved, history: Option<&str>) -> Self {
        let mut filters = Self { saved, ..Self::default() };
        // Nothing that a field would not have taken.
        let is_filter = |line: &&str| !line.trim().is_empty() && !line.contains(char::is_control);
        history.unwrap_or_default().lines().filter(is_filter).for_each(|line| filters.push(line));
        filters
    }

    /// What an earlier run left, read now.
    pub(super) fn load(saved: Saved) -> Self {
        let history = crate::sys::host::state::read(HISTORY_FILE).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the history of filters");
            None
        });
        Self::new(saved, history.as_deref())
    }

    /// How many there are in the history.
    pub fn len(&self) -> usize {
        self.history.len()
    }

    /// Whether there is no history.
    pub fn is_empty(&self) -> bool {
        self.history.is_empty()
    }

    /// One of the history, the oldest first.
    pub fn at(&self, index: usize) -> Option<&str> {
        self.history.get(index).map(String::as_str)
    }

    /// Enters a filter into the history, and gives the text of its file if that is another now.
    pub fn remember(&mut self, text: &str) -> Option<String> {
        if text.trim().is_empty() || self.history.back().is_some_and(|last| last == text) {
            return None;
        }
        self.push(text);
        Some(self.history.iter().map(|text| format!("{text}\n")).collect())
    }

    fn push(&mut self, text: &str) {
        self.history.retain(|old| old != text);
        self.history.push_back(text.to_owned());
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_bounded_and_takes_no_control_characters() {
        let text: String = (0..150).map(|n| format!("port:{n}\n")).collect();
        let filters = Filters::new(Saved::default(), Some(&format!("{text}\nx\x1b[2J\nport:99\n")));
        assert_eq!(filters.len(), HISTORY);
        assert_eq!(filters.at(HISTORY - 1), Some("port:99"), "the newest, and there once");
        assert_eq!(filters.at(HISTORY - 2), Some("port:149"));
    }
}
