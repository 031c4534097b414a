//! Which columns Ports shows, and in which order.

use crate::text::column::Column;
use crate::tui::command::Motion;

/// The open list of columns.
#[derive(Debug)]
pub struct ColumnsDialog {
    /// Every column, and whether it is shown.
    pub entries: Vec<(Column, bool)>,
    /// The chosen line.
    pub chosen: usize,
    usual: Vec<Column>,
}

impl ColumnsDialog {
    /// A list that begins with the columns that are `shown` now.
    pub fn new(shown: &[Column], usual: Vec<Column>) -> Self {
        let mut dialog = Self { entries: Vec::new(), chosen: 0, usual };
        dialog.fill(shown);
        dialog
    }

    fn fill(&mut self, shown: &[Column]) {
        // Rows do not keep their peers: it is the details that ask for them.
        let others = Column::ALL
            .into_iter()
            .filter(|column| *column != Column::Peer && !shown.contains(column));
        let shown = shown.iter().map(|column| (*column, true));
        self.entries = shown.chain(others.map(|column| (column, false))).collect();
    }

    /// Moves the choice.
    pub fn go(&mut self, motion: Motion) -> bool {
        let page = 10;
        let to = motion.apply(self.chosen, self.entries.len(), page);
        self.chosen = to.unwrap_or(0);
        true
    }

    /// Shows the chosen column, or hides it.
    pub fn toggle(&mut self) {
        if let Some((_, shown)) = self.entries.get_mut(self.chosen) {
            *shown = !*shown;
        }
    }

    /// Swaps the chosen column with the one before (`true`) or after it.
    pub fn shift(&mut self, earlier: bool) {
        let motion = if earlier { Motion::Up } else { Motion::Down };
        if let Some(to) = motion.apply(self.chosen, self.entries.len(), 1) {
            self.entries.swap(self.chosen, to);
            self.chosen = to;
        }
    }

    /// Back to the columns that are shown when nobody chooses.
    pub fn reset(&mut self) {
        let usual = self.usual.clone();
        self.fill(&usual);
        self.chosen = 0;
    }

    /// The columns to show; `None` for the usual ones, also when all are hidden.
    pub fn columns(&self) -> Option<Vec<Column>> {
        let shown: Vec<Column> =
            self.entries.iter().filter(|(_, shown)| *shown).map(|(column, _)| *column).collect();
        (!shown.is_empty() && shown != self.usual).then_some(shown)
    }
}
