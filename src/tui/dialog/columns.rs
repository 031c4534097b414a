//! Which columns Ports shows, and in which order.

use crossterm::event::KeyCode;

use super::{Dialog, Page, Step};
use crate::text::column::Column;
use crate::tui::command::{Command, Motion};
use crate::tui::cx::Cx;
use crate::tui::keymap::{Binding, Key};

const TOGGLE: Command = Command::Own("show or hide a column");
const EARLIER: Command = Command::Own("an earlier place");
const LATER: Command = Command::Own("a later place");
const RESET: Command = Command::Own("the usual columns");

/// The open list of columns.
#[derive(Debug)]
pub struct ColumnsDialog {
    // Every column, and whether it is shown.
    entries: Vec<(Column, bool)>,
    chosen: usize,
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

    /// Shows the chosen column, or hides it.
    fn toggle(&mut self) {
        if let Some((_, shown)) = self.entries.get_mut(self.chosen) {
            *shown = !*shown;
        }
    }

    /// Swaps the chosen column with the one before (`true`) or after it.
    fn shift(&mut self, earlier: bool) {
        let motion = if earlier { Motion::Up } else { Motion::Down };
        if let Some(to) = motion.apply(self.chosen, self.entries.len(), 1) {
            self.entries.swap(self.chosen, to);
            self.chosen = to;
        }
    }

    /// Back to the columns that are shown when nobody chooses.
    fn reset(&mut self) {
        let usual = self.usual.clone();
        self.fill(&usual);
        self.chosen = 0;
    }

    /// The columns to show; `None` for the usual ones, also when all are hidden.
    fn columns(&self) -> Option<Vec<Column>> {
        let shown: Vec<Column> =
            self.entries.iter().filter(|(_, shown)| *shown).map(|(column, _)| *column).collect();
        (!shown.is_empty() && shown != self.usual).then_some(shown)
    }
}

impl Dialog for ColumnsDialog {
    fn title(&self) -> String {
        "Columns".to_owned()
    }

    fn keys(&self) -> Vec<Binding> {
        vec![
            Binding::hinted(const { &[Key::char(' ')] }, TOGGLE, "show/hide"),
            Binding::hinted(const { &[Key::plain(KeyCode::Left)] }, EARLIER, "earlier"),
            Binding::hinted(const { &[Key::plain(KeyCode::Right)] }, LATER, "later"),
            Binding::hinted(const { &[Key::char('u')] }, RESET, "usual"),
            Binding::enter("take"),
            Binding::esc("cancel"),
        ]
    }

    fn write(&self, page: &mut Page<'_>) {
        let theme = page.theme;
        for (index, (column, shown)) in self.entries.iter().enumerate() {
            let is_chosen = index == self.chosen;
            if is_chosen {
                page.choose_next();
            }
            let style = if *shown { theme.text } else { theme.dim };
            page.line(vec![
                ((if is_chosen { "▸ " } else { "  " }).to_owned(), theme.accent),
                ((if *shown { "[x] " } else { "[ ] " }).to_owned(), style),
                (format!("{:<16}", column.name()), if is_chosen { theme.heading } else { style }),
                (column.about().to_owned(), theme.dim),
            ]);
        }
    }

    fn choose(&mut self, motion: Motion) -> bool {
        let page = 10;
        self.chosen = motion.apply(self.chosen, self.entries.len(), page).unwrap_or(0);
        true
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        match command {
            TOGGLE => self.toggle(),
            EARLIER => self.shift(true),
            LATER => self.shift(false),
            RESET => self.reset(),
            Command::Accept => {
                cx.world.columns = self.columns();
                return Step::Close;
            }
            _ => return Step::Ignored,
        }
        Step::Stay
    }
}
