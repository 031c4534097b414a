//! `K`: the end of the processes behind rows.

use crate::model::action::KillTarget;
use crate::model::socket::{Protocol, Socket, State};
use crate::tui::arrange::RowView;
use crate::tui::dialog::Dialog;
use crate::tui::dialog::kill::KillDialog;
use crate::tui::label;
use crate::tui::pane::{Cx, Response};

use super::aim::Meant;

/// Opens the plan for the rows that are meant.
pub(super) fn open(selected: Option<RowView<'_>>, cx: &mut Cx<'_>) -> Response {
    let table = cx.world.ports.value().cloned();
    let meant = match Meant::find(selected, table.as_ref(), cx.world, "kill") {
        Ok(meant) => meant,
        Err(why) => return refuse(why, cx),
    };
    let mut targets = Vec::new();
    for view in &meant.rows {
        let elsewhere = cx.world.is_elsewhere(&view.row.socket);
        match aim(*view, elsewhere) {
            Ok(target) if targets.contains(&target) => {}
            Ok(target) => targets.push(target),
            Err(why) => return refuse(why, cx),
        }
    }
    let dialog = KillDialog::plan(meant.title(), targets, meant.ended, cx);
    Response::Open(Box::new(Dialog::Kill(dialog)))
}

fn refuse(why: String, cx: &mut Cx<'_>) -> Response {
    cx.world.complain(why);
    Response::Done
}

/// A server's port; for a connection its process, since a connection makes nobody the holder
/// of a port. In another network namespace a port is another port than it is here: there, too,
/// it is the process.
fn aim(view: RowView<'_>, elsewhere: bool) -> Result<KillTarget, String> {
    let socket = &view.row.socket;
    if let Some(target) = server_port(socket).filter(|_| !elsewhere) {
        return Ok(target);
    }
    let mut pids: Vec<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    match pids.as_slice() {
        [pid] => Ok(KillTarget::Pid { pid: *pid }),
        [] => Err(format!(
            "No process to kill: {} is {}",
            label::local(socket, false),
            socket.ownership.kind.name()
        )),
        several => Err(format!(
            "{} processes share this socket: name one with `sockpit kill pid:{}`",
            several.len(),
            several[0]
        )),
    }
}

fn server_port(socket: &Socket) -> Option<KillTarget> {
    let udp = match (socket.protocol, socket.state) {
        (Protocol::Tcp | Protocol::Mptcp, State::Listen | State::Bound) => false,
        (Protocol::Udp, State::Unconnected) => true,
        _ => return None,
    };
    Some(KillTarget::Port { port: socket.local.port?, udp, addr: socket.local.addr })
}
