//! `T`: the socket calls of the process that holds the row.

use std::slice;
use std::sync::Arc;

use super::aim::Aim;
use crate::model::owner::Process;
use crate::tui::arrange::RowView;
use crate::tui::dialog::trace::TraceDialog;
use crate::tui::label;
use crate::tui::pane::{Cx, Response};

/// Follows the first process that holds what is under the cursor; the others are a key away.
pub(super) fn open(under: &Aim<'_>, cx: &mut Cx<'_>) -> Response {
    let (rows, what): (&[RowView<'_>], String) = match under {
        Aim::Nothing => {
            cx.world.complain("No row is selected to trace");
            return Response::Done;
        }
        Aim::Row(view) => (slice::from_ref(view), label::line(&view.row.socket)),
        Aim::Group { title, rows, .. } => (rows, title.clone()),
    };
    match TraceDialog::follow(holders(rows), cx) {
        Some(dialog) => Response::open(dialog),
        None => {
            cx.world.complain(format!("No process to trace: no holder is known for {what}"));
            Response::Done
        }
    }
}

/// Each process once, in the order of the rows.
fn holders(rows: &[RowView<'_>]) -> Vec<Arc<Process>> {
    let mut holders: Vec<Arc<Process>> = Vec::new();
    for owner in rows.iter().flat_map(|view| &view.row.socket.owners) {
        if holders.iter().all(|known| known.key() != owner.process.key()) {
            holders.push(Arc::clone(&owner.process));
        }
    }
    holders
}
