//! The list of columns.

use super::{Content, Line};
use crate::tui::dialog::columns::ColumnsDialog;
use crate::tui::theme::Theme;

/// The lines of the list.
pub(super) fn content(dialog: &ColumnsDialog, theme: &Theme) -> Content {
    let line = |(index, (column, shown)): (usize, &(crate::text::column::Column, bool))| -> Line {
        let is_chosen = index == dialog.chosen;
        let style = if *shown { theme.text } else { theme.dim };
        vec![
            ((if is_chosen { "▸ " } else { "  " }).to_owned(), theme.accent),
            ((if *shown { "[x] " } else { "[ ] " }).to_owned(), style),
            (format!("{:<16}", column.name()), if is_chosen { theme.heading } else { style }),
            (column.about().to_owned(), theme.dim),
        ]
    };
    Content {
        title: "Columns".to_owned(),
        lines: dialog.entries.iter().enumerate().map(line).collect(),
        keys: "Space show/hide   ← → order   u usual   Enter take   Esc leave",
        chosen: Some(dialog.chosen),
    }
}
