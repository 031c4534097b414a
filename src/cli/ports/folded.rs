//! The text table with sockets in TIME_WAIT folded into one line a port.

use std::collections::HashMap;

use super::columns;
use crate::model::prominence::waiting_port;
use crate::model::socket::Socket;
use crate::text::column::{Cell, Column};
use crate::text::table::Table;
use crate::text::units::{UNKNOWN, count};

/// The table of these sockets in their order.
pub(super) fn table(columns: &[Column], sockets: &[Socket]) -> Table {
    let key = |socket: &Socket| Some((socket.netns, waiting_port(socket)?));
    let mut counts: HashMap<_, u64> = HashMap::new();
    for key in sockets.iter().filter_map(key) {
        *counts.entry(key).or_default() += 1;
    }
    let mut table = columns::table(columns, std::iter::empty());
    for socket in sockets {
        // The first of a port stands for all of them.
        let together = match key(socket) {
            Some(key) => counts.insert(key, 0),
            None => None,
        };
        match together {
            Some(0) => {}
            Some(together @ 2..) => {
                for &column in columns {
                    push(&mut table, column, socket, together);
                }
            }
            _ => columns.iter().for_each(|&column| table.push_cell(Cell { column, socket })),
        }
    }
    table
}

/// What all of them have in common, and how many they are in place of their peers.
fn push(table: &mut Table, column: Column, socket: &Socket, together: u64) {
    match (column, socket.local.port) {
        (Column::Local, Some(port)) => table.push_cell(format!("*:{port}")),
        (Column::Remote, _) => table.push_cell(format!("{} in TIME_WAIT", count(together))),
        (
            Column::Netns
            | Column::NetnsName
            | Column::Proto
            | Column::State
            | Column::Pid
            | Column::Name
            | Column::Ownership,
            _,
        ) => table.push_cell(Cell { column, socket }),
        _ => table.push_cell(UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Endpoint, Family, Protocol, State};

    fn socket(state: State, port: u16, peer: u16) -> Socket {
        let local = Endpoint::ip([127, 0, 0, 1], port);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, state, local);
        socket.remote = Some(Endpoint::ip([127, 0, 0, 1], peer));
        socket
    }

    #[test]
    fn several_in_time_wait_are_one_line_a_port() {
        let waiting = |port, peer| socket(State::TimeWait, port, peer);
        let sockets =
            [socket(State::Established, 80, 1), waiting(80, 2), waiting(80, 3), waiting(81, 4)];
        let mut out = Vec::new();
        table(&[Column::Local, Column::Remote, Column::Queue], &sockets).write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Vec<&str>> =
            text.lines().skip(1).map(|line| line.split("  ").map(str::trim).collect()).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[1][..1], ["*:80"]);
        assert!(text.contains("2 in TIME_WAIT") && text.contains("127.0.0.1:4"), "{text}");
    }
}
