//! What rows are sorted by.

use std::cmp::Ordering;

use crate::text::column::Column;

/// An order of rows. Rows whose value is unknown come last either way; equal ones keep the
/// table's order. Unless something else is wished, what matters leads: see [`crate::model::prominence`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By this column; `None` for what matters.
    pub by: Option<Column>,
    /// From the greatest to the smallest.
    pub reverse: bool,
}

impl Sort {
    /// Whether it is the table's own order, or that turned around.
    pub(super) fn is_canonical(self) -> bool {
        self.by == Some(Column::Proto)
    }

    pub(super) fn turn(self, ordering: Ordering) -> Ordering {
        if self.reverse { ordering.reverse() } else { ordering }
    }
}
