//! `X`: the end of connections, not of their processes.

use super::aim::{Aim, Targets};
use crate::tui::dialog::close::CloseDialog;
use crate::tui::pane::{Cx, Response};

/// Opens the plan for the rows that are meant, each by its key.
pub(super) fn open(under: Aim<'_>, cx: &mut Cx<'_>) -> Response {
    let table = cx.world.ports.value().cloned();
    match Targets::find(under, table.as_ref(), cx.world, "close") {
        Ok(meant) => {
            let keys = meant.rows.iter().map(|view| view.row.key).collect();
            let dialog = CloseDialog::plan(meant.title(), keys, meant.ended, cx);
            Response::open(dialog)
        }
        Err(why) => {
            cx.world.complain(why);
            Response::Done
        }
    }
}
