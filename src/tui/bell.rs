//! Tell me when: ports that ring when they open, close, change hands or fill their queue.

use std::collections::BTreeMap;

use crate::model::socket::{Backlog, Protocol, Socket, State};
use crate::model::table::SocketTable;
use crate::tui::label;

/// A port of a network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    netns: Option<u64>,
    protocol: Protocol,
    port: u16,
}

/// Who serves there, and whether there is room; `None` while nobody does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    pids: Vec<u32>,
    owner: String,
    is_full: bool,
}

/// The ports that ring.
#[derive(Debug, Default)]
pub struct Bell {
    ports: BTreeMap<Port, Option<Held>>,
}

impl Bell {
    /// How many ports ring.
    pub fn len(&self) -> usize {
        self.ports.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// Whether this socket's port rings.
    pub fn knows(&self, socket: &Socket) -> bool {
        !self.ports.is_empty() && port_of(socket).is_some_and(|port| self.ports.contains_key(&port))
    }

    /// Has the socket's port ring, or be silent again. A sentence; an error where it has none.
    pub fn toggle(&mut self, socket: &Socket, table: &SocketTable) -> Result<String, String> {
        let port = port_of(socket).ok_or("Only a port of this host can ring")?;
        let name = words(port);
        if self.ports.remove(&port).is_some() {
            return Ok(format!("{name} no longer rings"));
        }
        self.ports.insert(port, held(port, table));
        Ok(format!("{name} rings when it opens, closes, changes owner or fills its queue"))
    }

    /// What happened since the last look, a sentence each.
    pub fn look(&mut self, table: &SocketTable) -> Vec<String> {
        let mut events = Vec::new();
        for (port, before) in &mut self.ports {
            let now = held(*port, table);
            if let Some(event) = event(before.as_ref(), now.as_ref()) {
                events.push(format!("{} {event}", words(*port)));
            }
            *before = now;
        }
        events
    }
}

fn port_of(socket: &Socket) -> Option<Port> {
    let is_ip = matches!(
        socket.protocol,
        Protocol::Tcp | Protocol::Mptcp | Protocol::Udp | Protocol::Udplite
    );
    let port = socket.local.port.filter(|port| is_ip && *port > 0)?;
    Some(Port { netns: socket.netns, protocol: socket.protocol, port })
}

fn words(port: Port) -> String {
    format!("{}/{}", port.port, port.protocol.name())
}

/// All sockets that serve on the port, together.
fn held(port: Port, table: &SocketTable) -> Option<Held> {
    let serves = |socket: &&Socket| {
        (socket.is_server() || socket.state == State::Bound) && port_of(socket) == Some(port)
    };
    let mut all = table.rows.iter().map(|row| &row.socket).filter(serves).peekable();
    let owner = label::owner(all.peek()?);
    let (mut pids, mut is_full) = (Vec::new(), false);
    for socket in all {
        pids.extend(socket.owners.iter().map(|owner| owner.process.pid));
        is_full |= socket.backlog.is_some_and(Backlog::is_full);
    }
    pids.sort_unstable();
    pids.dedup();
    Some(Held { pids, owner, is_full })
}

fn event(before: Option<&Held>, now: Option<&Held>) -> Option<String> {
    match (before, now) {
        (None, Some(now)) => Some(format!("is open: {}", now.owner)),
        (Some(_), None) => Some("is closed".to_owned()),
        (Some(before), Some(now)) if before.pids != now.pids => {
            Some(format!("is held by {} now, before by {}", now.owner, before.owner))
        }
        (Some(before), Some(now)) if now.is_full && !before.is_full => {
            Some(format!("has a full accept queue: {} does not accept", now.owner))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixture::{owned, process, row, rows, table, tcp};

    #[test]
    fn a_port_rings_when_it_closes_opens_changes_hands_or_fills() {
        let listener = |pid, queued| {
            let mut socket = tcp(State::Listen, [0, 0, 0, 0], 8080);
            socket.backlog = Some(Backlog { queued, limit: 1 });
            table(vec![row(9, owned(socket, process(pid, "app")))])
        };
        let first = listener(7, 0);
        let mut bell = Bell::default();
        let said = bell.toggle(&first.rows[0].socket, &first).unwrap();
        assert!(said.starts_with("8080/tcp rings when"), "{said}");
        assert!(bell.knows(&first.rows[0].socket) && bell.len() == 1);
        let mut look = |table: &SocketTable| bell.look(table).join("; ");
        assert_eq!(look(&listener(7, 1)), "");
        assert_eq!(
            look(&listener(7, 2)),
            "8080/tcp has a full accept queue: app 7 does not accept"
        );
        assert_eq!(look(&listener(7, 2)), "", "once");
        assert_eq!(look(&listener(8, 0)), "8080/tcp is held by app 8 now, before by app 7");
        assert_eq!(look(&table(Vec::new())), "8080/tcp is closed");
        assert_eq!(look(&listener(8, 0)), "8080/tcp is open: app 8");
        assert!(bell.toggle(&first.rows[0].socket, &first).unwrap().contains("no longer"));
        assert!(bell.look(&table(Vec::new())).is_empty() && bell.is_empty());
    }

    #[test]
    fn what_has_no_port_cannot_ring() {
        let mut socket = rows()[0].socket.clone();
        socket.local.port = None;
        assert!(Bell::default().toggle(&socket, &table(rows())).is_err());
    }
}
