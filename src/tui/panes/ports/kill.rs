//! What `K` aims at: the row that was under it, or the marked ones.

use crate::model::action::KillTarget;
use crate::model::socket::{Protocol, Socket, State};
use crate::tui::arrange::RowView;
use crate::tui::dialog::Dialog;
use crate::tui::dialog::kill::KillDialog;
use crate::tui::effect::Effect;
use crate::tui::label;
use crate::tui::pane::{Cx, Response};

/// Opens the plan for the marked rows, whether the filter shows them or not, or for the one
/// under the cursor.
pub(super) fn open(selected: Option<RowView<'_>>, cx: &mut Cx<'_>) -> Response {
    let table = cx.world.ports.value().cloned();
    let marked: Vec<RowView<'_>> = table
        .iter()
        .flat_map(|table| cx.world.marks.iter().filter_map(|key| table.find(*key)))
        .map(|row| RowView { row, ended_at: None })
        .collect();
    let ended = cx.world.marks.len() - marked.len();
    if marked.is_empty() && ended > 0 {
        cx.world.complain("Nothing to kill: every marked row has ended");
        return Response::Done;
    }
    let rows = if marked.is_empty() { Vec::from_iter(selected) } else { marked };
    let mut targets = Vec::new();
    for view in &rows {
        match aim(*view) {
            Ok(target) if targets.contains(&target) => {}
            Ok(target) => targets.push(target),
            Err(why) => {
                cx.world.complain(why);
                return Response::Done;
            }
        }
    }
    if targets.is_empty() {
        cx.world.complain("Nothing to kill: no row is selected");
        return Response::Done;
    }
    let title = match rows.as_slice() {
        [one] => label::line(&one.row.socket),
        several if ended > 0 => format!("{} marked rows, {ended} more ended", several.len()),
        several => format!("{} marked rows", several.len()),
    };
    let id = cx.requests.next_id();
    cx.effects.push(Effect::PlanKill(id, targets));
    Response::Open(Dialog::Kill(KillDialog::planning(id, title)))
}

/// A server's port; for a connection its process, since a connection makes nobody the holder
/// of a port.
fn aim(view: RowView<'_>) -> Result<KillTarget, String> {
    let socket = &view.row.socket;
    if view.ended_at.is_some() {
        return Err(format!("Nothing to kill: {} has ended", label::local(socket, false)));
    }
    if let Some(target) = server_port(socket) {
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
            "{} processes share this connection: name one with `sockpit kill pid:{}`",
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
