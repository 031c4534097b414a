//! What a key aims at: the row that was under it when it was pressed, or the marked ones.

use std::sync::Arc;

use crate::model::table::SocketTable;
use crate::tui::arrange::RowView;
use crate::tui::label;
use crate::tui::world::World;

/// The rows that are meant.
pub(super) struct Meant<'a> {
    pub(super) rows: Vec<RowView<'a>>,
    /// Marked rows that have ended.
    pub(super) ended: usize,
}

impl<'a> Meant<'a> {
    /// The marked rows, whether the filter shows them or not, or else the one under the cursor.
    /// An error is a sentence on why there is nothing to `verb`.
    pub(super) fn find(
        selected: Option<RowView<'a>>,
        table: Option<&'a Arc<SocketTable>>,
        world: &World,
        verb: &str,
    ) -> Result<Self, String> {
        let marked: Vec<RowView<'a>> = table
            .into_iter()
            .flat_map(|table| world.marks.iter().filter_map(|key| table.find(*key)))
            .map(|row| RowView { row, ended_at: None })
            .collect();
        let ended = world.marks.len() - marked.len();
        match selected {
            _ if !marked.is_empty() => Ok(Self { rows: marked, ended }),
            _ if ended > 0 => Err(format!("Nothing to {verb}: every marked row has ended")),
            None => Err(format!("Nothing to {verb}: no row is selected")),
            Some(row) if row.ended_at.is_some() => {
                let end = label::local(&row.row.socket, false);
                Err(format!("Nothing to {verb}: {end} has ended"))
            }
            Some(row) => Ok(Self { rows: vec![row], ended: 0 }),
        }
    }

    /// The rows in a title.
    pub(super) fn title(&self) -> String {
        match self.rows.as_slice() {
            [one] if self.ended == 0 => label::line(&one.row.socket),
            several => format!("{} marked {}", several.len(), rows(several.len())),
        }
    }
}

fn rows(count: usize) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}
