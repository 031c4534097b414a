//! `K`: the end of the processes behind rows.

use crate::model::action::KillTarget;
use crate::model::activation::principal_owner;
use crate::model::socket::{Protocol, Socket, State};
use crate::tui::arrange::RowView;
use crate::tui::dialog::kill::KillDialog;
use crate::tui::label;
use crate::tui::pane::{Cx, Response};
use crate::tui::world::World;

use super::aim::{Aim, Targets};

/// More than so many ports and processes below one header are hardly meant.
const AT_ONCE: usize = 20;

/// Opens the plan for the rows that are meant.
pub(super) fn open(under: Aim<'_>, cx: &mut Cx<'_>) -> Response {
    let table = cx.world.ports.value().cloned();
    let meant = Targets::find(under, table.as_ref(), cx.world, "kill");
    match meant.and_then(|meant| Ok((targets(&meant, cx.world)?, meant))) {
        Ok((targets, meant)) => {
            let dialog = KillDialog::plan(meant.title(), targets, meant.ended, cx);
            Response::open(dialog)
        }
        Err(why) => refuse(why, cx),
    }
}

/// Each target once. A row without one refuses all, but in a group, where what the kernel
/// finishes by itself is no reason to spare the others.
fn targets(meant: &Targets<'_>, world: &World) -> Result<Vec<KillTarget>, String> {
    let counts = |view: &&RowView<'_>| meant.group.is_none() || !view.row.socket.owners.is_empty();
    let mut targets = Vec::new();
    for view in meant.rows.iter().filter(counts) {
        let target = match principal_owner(&view.row.socket).filter(|_| meant.of_process) {
            // The header names who is meant, and its row nobody else.
            Some(owner) => KillTarget::Pid { pid: owner.process.pid },
            None => aim(*view, world.is_elsewhere(&view.row.socket))?,
        };
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    match &meant.group {
        Some(title) if targets.is_empty() => {
            Err(format!("No process to kill: no holder is known for any row of {title}"))
        }
        Some(title) if targets.len() > AT_ONCE => {
            let many = targets.len();
            Err(format!("{title}: {many} ports and processes, more than {AT_ONCE} at once"))
        }
        _ => Ok(targets),
    }
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
            "{} processes share this socket: b groups by process, and K on a header means that one",
            several.len()
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
