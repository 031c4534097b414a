//! What came of earlier tests, and when the verdict of a continuous one changed.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::lines::outcome;
use crate::model::probe::{OutcomeKind, Verdict};
use crate::text::clean;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::Line;
use crate::tui::world::World;

/// As many are remembered.
const MOST: usize = 50;

/// An answer of an earlier test, or the first of its kind in a row.
#[derive(Debug)]
struct Past {
    at: Timestamp,
    target: String,
    verdict: Verdict,
}

/// Earlier answers, the newest first.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Past>);

impl History {
    /// Takes note of an answer, unless it says no more than the newest one to the same target in
    /// the same series.
    pub(super) fn note(&mut self, target: &str, verdict: &Verdict, at: Timestamp, again: bool) {
        let is_same = self.0.front().is_some_and(|newest| {
            newest.target == target
                && (newest.verdict.outcome, newest.verdict.side) == (verdict.outcome, verdict.side)
        });
        if again && is_same {
            return;
        }
        let (target, verdict) = (target.to_owned(), verdict.clone());
        self.0.push_front(Past { at, target, verdict });
        self.0.truncate(MOST);
    }

    /// The newest answer to this target: when, and which.
    pub(super) fn newest(&self, target: &str) -> Option<(Timestamp, &Verdict)> {
        let newest = self.0.iter().find(|past| past.target == target)?;
        Some((newest.at, &newest.verdict))
    }

    /// A line for each; the newest is on screen already and is left out.
    pub(super) fn lines(&self, world: &World, theme: &Theme) -> Vec<Line> {
        let mut lines = Vec::new();
        for past in self.0.iter().skip(1) {
            let at = past.at.to_zoned(world.timezone.clone()).strftime("%H:%M:%S").to_string();
            let style =
                if past.verdict.outcome == OutcomeKind::Ok { theme.fresh } else { theme.danger };
            lines.push(vec![
                (
                    if lines.is_empty() { "before   " } else { "         " }.to_owned(),
                    theme.heading,
                ),
                (format!("{at}  "), theme.dim),
                (outcome(&past.verdict), style),
                (format!("  {}", clean(&past.target)), theme.dim),
            ]);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(outcome: OutcomeKind) -> Verdict {
        Verdict { outcome, side: None, text: String::new(), errno: None }
    }

    #[test]
    fn a_series_is_noted_where_it_changes() {
        let mut history = History::default();
        let at = Timestamp::UNIX_EPOCH;
        for (outcome, again, count) in [
            (OutcomeKind::Ok, false, 1),
            (OutcomeKind::Ok, true, 1),
            (OutcomeKind::Refused, true, 2),
            (OutcomeKind::Refused, true, 2),
            // A test of its own is noted in any case.
            (OutcomeKind::Refused, false, 3),
        ] {
            history.note("a:1", &verdict(outcome), at, again);
            assert_eq!(history.0.len(), count);
        }
        assert_eq!(history.newest("a:1").unwrap().1.outcome, OutcomeKind::Refused);
        assert!(history.newest("b:1").is_none());
        (0..100).for_each(|_| history.note("b:1", &verdict(OutcomeKind::Ok), at, false));
        assert_eq!(history.0.len(), MOST);
    }
}
