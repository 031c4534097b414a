//! The targets of the configuration, tested at once: a line for each.

use jiff::Timestamp;

use super::lines::outcome;
use crate::model::probe::{OutcomeKind, Verdict};
use crate::text::clean;
use crate::tui::event::RequestId;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::Line;
use crate::tui::world::World;

/// The board while it is shown.
#[derive(Debug)]
pub(super) struct Board {
    /// The request whose answers it takes.
    pub(super) id: RequestId,
    answers: Vec<Option<(Verdict, Timestamp)>>,
}

impl Board {
    /// As many targets, none of which has answered.
    pub(super) fn new(id: RequestId, targets: usize) -> Self {
        Self { id, answers: vec![None; targets] }
    }

    /// Takes the answer of one target.
    pub(super) fn take(&mut self, index: usize, verdict: Verdict, at: Timestamp) {
        if let Some(answer) = self.answers.get_mut(index) {
            *answer = Some((verdict, at));
        }
    }

    /// `3 of 4 ok`, once all have answered.
    pub(super) fn sums(&self) -> Option<String> {
        let all: Vec<&(Verdict, Timestamp)> = self.answers.iter().flatten().collect();
        let ok = all.iter().filter(|(verdict, _)| verdict.outcome == OutcomeKind::Ok).count();
        (all.len() == self.answers.len()).then(|| format!("{ok} of {} ok", all.len()))
    }

    /// A line for each target, in the order of their names.
    pub(super) fn lines(&self, world: &World, theme: &Theme) -> Vec<Line> {
        let targets = world.targets.iter().zip(&self.answers);
        let wide = world.targets.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let line = |((name, target), answer): (&(String, _), &Option<(Verdict, Timestamp)>)| {
            let target: &crate::probe::Target = target;
            let mut line = vec![(format!("{:<wide$}  ", clean(name)), theme.heading)];
            match answer {
                None => line.push(("testing …".to_owned(), theme.warning)),
                Some((verdict, _)) => {
                    let is_ok = verdict.outcome == OutcomeKind::Ok;
                    line.push((outcome(verdict), if is_ok { theme.fresh } else { theme.danger }));
                    line.push((format!("  {}", clean(&verdict.text)), theme.text));
                }
            }
            line.push((format!("  {}", clean(target.text())), theme.dim));
            line
        };
        targets.map(line).collect()
    }
}
