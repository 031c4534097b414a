//! Who else serves a port from the same unit or container, and would be stopped with it.

use crate::model::forwarder::Behind;
use crate::model::keeper::{Keeper, KeeperKind};
use crate::model::owner::Process;
use crate::model::socket::{Protocol, Socket, State};
use crate::text::address;

/// Adds to what each keeper's command stops who serves from within its unit or container, of all
/// these sockets; but not those that are meant to be given up.
pub fn add_neighbours(
    keepers: &mut [Keeper],
    sockets: &[Socket],
    is_meant: &dyn Fn(&Process, &Socket) -> bool,
) {
    let takes_others = |keeper: &&mut Keeper| keeper.command().is_some() && !keeper.ends_alone;
    for keeper in keepers.iter_mut().filter(takes_others) {
        let serving = sockets.iter().filter(|socket| is_serving(socket));
        let inside = serving.filter_map(|socket| {
            let mut owners = socket.owners.iter().map(|owner| &*owner.process);
            let owner = owners.clone().find(|owner| is_inside(owner, keeper))?;
            let is_other = !owners.any(|owner| is_meant(owner, socket));
            is_other.then(|| (format!("{} {}", owner.name, owner.pid), socket))
        });
        let inside: Vec<(String, &Socket)> = inside.collect();
        for (who, socket) in inside {
            serves(keeper, &who, socket);
        }
    }
}

/// Whether a socket is the one that a forwarder or a rule leads to; what else its process serves is
/// not.
pub fn leads_to(behind: &Behind, process: &Process, socket: &Socket) -> bool {
    let is_it = behind.process.as_ref().is_some_and(|it| it.pid == process.pid);
    is_it && (behind.port.is_none() || behind.port == socket.local.port)
}

/// Whether a socket waits for others: it listens, is bound, or takes anybody's datagrams.
pub fn is_serving(socket: &Socket) -> bool {
    matches!(socket.state, State::Listen | State::Bound)
        || (socket.protocol == Protocol::Udp && socket.state == State::Unconnected)
}

fn is_inside(process: &Process, keeper: &Keeper) -> bool {
    let Some(instance) = keeper.instance.as_deref() else { return false };
    let (container, unit) = (process.container.as_ref(), process.unit.as_ref());
    match keeper.kind {
        KeeperKind::Container => container.is_some_and(|it| &*it.id == instance),
        KeeperKind::Systemd => {
            unit.is_some_and(|it| &*it.name == instance && it.name.ends_with(".service"))
        }
        _ => false,
    }
}

/// Adds to what a keeper's command stops that a process of it serves this socket.
fn serves(keeper: &mut Keeper, who: &str, socket: &Socket) {
    let at = format!(" at {}", address::local(socket));
    keeper.ends_children.retain(|child| child != who);
    let is_it =
        |known: &&mut String| known.split(" at ").next().is_some_and(|it| it.ends_with(who));
    match keeper.stops_also.iter_mut().find(is_it) {
        // One that is told of by a name of its own has said enough.
        Some(known) if known == who => *known += &at,
        Some(_) => {}
        None => keeper.stops_also.push(format!("{who}{at}")),
    }
}
