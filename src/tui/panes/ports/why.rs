//! `w`: why the row's port is busy.

use super::aim::Aim;
use crate::inspect::bind::Target;
use crate::model::socket::{Protocol, Socket};
use crate::tui::dialog::why::WhyDialog;
use crate::tui::label;
use crate::tui::pane::{Cx, Response};

/// Asks about the local end of the row under the cursor.
pub(super) fn open(under: &Aim<'_>, cx: &mut Cx<'_>) -> Response {
    let Aim::Row(view) = *under else {
        cx.world.complain("No row is selected to ask about");
        return Response::Done;
    };
    let socket = &view.row.socket;
    if cx.world.is_elsewhere(socket) {
        // A bind is tried where sockpit is.
        let (end, netns) = (label::local(socket, false), label::netns(socket));
        cx.world.complain(format!(
            "{end} is in network namespace {netns}: run sockpit in there to ask why"
        ));
        return Response::Done;
    }
    match target(socket) {
        Some(target) => {
            let subject = label::local(socket, false);
            Response::open(WhyDialog::ask(target, subject, cx))
        }
        None => {
            let what = label::line(socket);
            cx.world.complain(format!("Only TCP and UDP ports can be bound: {what}"));
            Response::Done
        }
    }
}

/// A wildcard asks about every address.
fn target(socket: &Socket) -> Option<Target> {
    let udp = match socket.protocol {
        Protocol::Tcp | Protocol::Mptcp => false,
        Protocol::Udp => true,
        _ => return None,
    };
    let port = socket.local.port.filter(|port| *port != 0)?;
    let addr = socket.local.canonical_addr().filter(|addr| !addr.is_unspecified());
    Some(Target { port, udp, addr, scope: 0 })
}
