//! What a key aims at: the row that was under it when it was pressed, a header's rows, or the
//! marked ones.

use std::sync::Arc;

use crate::model::table::SocketTable;
use crate::tui::arrange::RowView;
use crate::tui::label;
use crate::tui::world::World;

/// What is under the cursor.
#[derive(Debug)]
pub(super) enum Aim<'a> {
    /// There are no lines.
    Nothing,
    /// A row.
    Row(RowView<'a>),
    /// A header, and the rows it stands for; `of_process` where a process is what they share.
    Group { title: String, of_process: bool, rows: Vec<RowView<'a>> },
}

/// The rows that are meant.
pub(super) struct Targets<'a> {
    /// The group that they are, if it was a header that was aimed at.
    pub(super) group: Option<String>,
    /// Whether the group is a process, and those below it.
    pub(super) of_process: bool,
    pub(super) rows: Vec<RowView<'a>>,
    /// Marked rows that have ended.
    pub(super) ended: usize,
}

impl<'a> Targets<'a> {
    /// The marked rows, whether the filter shows them or not, or else what is under the
    /// cursor. An error is a sentence on why there is nothing to `verb`.
    pub(super) fn find(
        under: Aim<'a>,
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
        match under {
            _ if !marked.is_empty() => Ok(Self::without_group(marked, ended)),
            _ if ended > 0 => Err(format!("Nothing to {verb}: every marked row has ended")),
            Aim::Nothing => Err(format!("Nothing to {verb}: no row is selected")),
            Aim::Row(row) if row.ended_at.is_some() => {
                let end = label::local(&row.row.socket, false);
                Err(format!("Nothing to {verb}: {end} has ended"))
            }
            Aim::Row(row) => Ok(Self::without_group(vec![row], 0)),
            Aim::Group { title, of_process, mut rows } => {
                rows.retain(|view| view.ended_at.is_none());
                if rows.is_empty() {
                    return Err(format!("Nothing to {verb}: no row of {title} is left"));
                }
                Ok(Self { group: Some(title), of_process, rows, ended: 0 })
            }
        }
    }

    fn without_group(rows: Vec<RowView<'a>>, ended: usize) -> Self {
        Self { group: None, of_process: false, rows, ended }
    }

    /// The rows in a title.
    pub(super) fn title(&self) -> String {
        match (&self.group, self.rows.as_slice()) {
            (Some(group), all) => format!("{group}: {} {}", all.len(), rows(all.len())),
            (None, [one]) if self.ended == 0 => label::line(&one.row.socket),
            (None, several) => format!("{} marked {}", several.len(), rows(several.len())),
        }
    }
}

fn rows(count: usize) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}
