//! What only sockets of one family have.

use super::fact::Fact;
use crate::model::socket::{Family, Socket};
use crate::text::{clean, units};

/// The facts about what is particular to the socket's family.
pub(super) fn facts(socket: &Socket) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("protocol no.", socket.protocol_number.map(|number| number.to_string()));
    let is_unix = socket.family == Family::Unix;
    add(
        "peer",
        socket.peer_inode.filter(|_| is_unix).map(|inode| match inode {
            0 => "held by no process: it waits to be accepted, or was closed".to_owned(),
            inode => format!("inode {inode}"),
        }),
    );
    add(
        "file",
        socket.file.as_ref().map(|file| {
            let (inode, major, minor) = (file.inode, file.device_major, file.device_minor);
            format!("inode {inode} on device {major}:{minor}")
        }),
    );
    if let Some(packet) = &socket.packet {
        add("receive ring", packet.rx_ring_bytes.map(units::bytes));
        add("send ring", packet.tx_ring_bytes.map(units::bytes));
        let mode = packet.fanout_mode.as_deref().unwrap_or(units::UNKNOWN);
        let group = packet.fanout_group;
        add("fanout", group.map(|group| format!("group {group}, by {}", clean(mode))));
    }
    facts
}
