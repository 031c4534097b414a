//! What Tab makes of a half-typed filter: it goes through the keys, names and values that
//! begin as typed, and each stands in the field until the next key.

use std::borrow::Cow;

use ratatui::style::Style;

use crate::query::Completion;
use crate::tui::theme::Theme;
use crate::tui::widgets::field::Field;

/// The ways to go on with a text, and the one that was taken.
#[derive(Debug)]
pub(super) struct Offers {
    typed: String,
    ways: Vec<Completion>,
    at: usize,
}

impl Offers {
    /// What can be made of the field; `None` where nothing begins as typed. `complete` finds
    /// the ways to go on from a place, counted in characters.
    pub(super) fn find(
        field: &Field,
        complete: impl FnOnce(&str, usize) -> Vec<Completion>,
    ) -> Option<Self> {
        let typed = field.text().to_owned();
        let mut ways = complete(&typed, field.cursor());
        // What stands there in full is no way to go on.
        ways.retain(|way| way.apply(&typed).0 != typed);
        (!ways.is_empty()).then_some(Self { typed, ways, at: 0 })
    }

    /// Whether the field has what was taken, and there is another to be taken.
    pub(super) fn goes_on(&self, field: &Field) -> bool {
        self.ways.len() > 1 && self.is_in(field)
    }

    /// Whether the field still has what was taken.
    pub(super) fn is_in(&self, field: &Field) -> bool {
        self.applied() == (field.text().to_owned(), field.cursor())
    }

    /// Goes to the next, and after the last to the first.
    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1) % self.ways.len();
    }

    /// The text with what was taken, and the cursor in it.
    pub(super) fn applied(&self) -> (String, usize) {
        self.ways[self.at].apply(&self.typed)
    }

    /// The line that tells of them: the one that was taken, what that is, and what comes next.
    pub(super) fn line(&self, theme: &Theme) -> Vec<(Cow<'_, str>, Style)> {
        let count = format!(" {} of {}  ", self.at + 1, self.ways.len());
        let taken = &self.ways[self.at];
        let mut pieces = vec![(count.into(), theme.dim), ((&*taken.text).into(), theme.accent)];
        if !taken.about.is_empty() {
            pieces.push((format!(" ({})", taken.about).into(), theme.dim));
        }
        for way in &self.ways[self.at + 1..] {
            pieces.push((format!("  {}", way.text).into(), theme.dim));
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::complete;

    #[test]
    fn what_is_complete_is_not_offered_and_the_rest_in_turn() {
        let find = |text: &str| Offers::find(&Field::new(text), complete);
        assert!(find("state:listen").is_none());
        assert!(find("zz").is_none());
        let mut offers = find("sta").unwrap();
        assert_eq!(offers.applied(), ("state:".to_owned(), 6));
        offers.advance();
        assert_eq!(offers.applied(), ("stalled:".to_owned(), 8));
        offers.advance();
        assert!(offers.goes_on(&Field::new("state:")));
        assert!(!offers.goes_on(&Field::new("state:l")));
    }
}
