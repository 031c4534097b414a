//! Which of the system's tables a query can find something in. What is certain from the query
//! alone need not be asked for.

use super::ast::{Expr, Test};
use super::key::{Key, NumberKey, TextKey};
use crate::model::tables::{Table, Tables};

/// Tables whose sockets can have a port.
const WITH_PORT: [Table; 5] = [Table::Tcp, Table::Udp, Table::Udplite, Table::Mptcp, Table::Icmp];
/// Tables whose sockets have an IP address.
const WITH_ADDRESS: [Table; 6] =
    [Table::Tcp, Table::Udp, Table::Udplite, Table::Mptcp, Table::Raw, Table::Icmp];
/// Tables whose sockets measure the way to their peer.
const WITH_RTT: [Table; 2] = [Table::Tcp, Table::Mptcp];
/// Tables whose sockets can listen.
const WITH_BACKLOG: [Table; 3] = [Table::Tcp, Table::Mptcp, Table::Unix];

/// Every table that has sockets of which the query does not certainly say no; where `wanted` is
/// false, of which it does not certainly say yes.
pub(super) fn possible(expr: &Expr, wanted: bool) -> Tables {
    let every = |parts: &[Expr]| {
        parts.iter().fold(Tables::ALL, |tables, part| tables.and(possible(part, wanted)))
    };
    let some = |parts: &[Expr]| {
        parts.iter().fold(Tables::NONE, |tables, part| tables.or(possible(part, wanted)))
    };
    match (expr, wanted) {
        (Expr::All(parts), true) | (Expr::Any(parts), false) => every(parts),
        (Expr::All(parts), false) | (Expr::Any(parts), true) => some(parts),
        (Expr::Not(part), wanted) => possible(part, !wanted),
        (Expr::Everything, true) => Tables::ALL,
        (Expr::Everything, false) => Tables::NONE,
        (Expr::Test(test), true) => with_some(test),
        (Expr::Test(test), false) => Tables::ALL.without(with_all(test)),
    }
}

/// The tables that may have a socket which passes.
fn with_some(test: &Test) -> Tables {
    match test {
        Test::Name(set) => set.tables_with_some(),
        Test::Number { key: NumberKey::Port(_), .. }
        | Test::Present(Key::Number(NumberKey::Port(_))) => WITH_PORT.into_iter().collect(),
        Test::Number {
            key:
                NumberKey::Rtt
                | NumberKey::Retrans
                | NumberKey::Idle
                | NumberKey::Probes
                | NumberKey::Resent
                | NumberKey::Window
                | NumberKey::Shut,
            ..
        } => WITH_RTT.into_iter().collect(),
        Test::Number { key: NumberKey::Backlog | NumberKey::BacklogPercent, .. } => {
            WITH_BACKLOG.into_iter().collect()
        }
        Test::Text { key: TextKey::Service, .. } => WITH_PORT.into_iter().collect(),
        Test::Address { set, .. } => {
            let ip: Tables = WITH_ADDRESS.into_iter().collect();
            let paths: Tables = Table::Unix.into();
            let ip = if set.has_ip() { ip } else { Tables::NONE };
            if set.has_path() { ip.or(paths) } else { ip }
        }
        Test::Number { .. }
        | Test::Text { .. }
        | Test::Option(_)
        | Test::Present(_)
        | Test::PortOrPid(_)
        | Test::Word(_) => Tables::ALL,
    }
}

/// The tables whose sockets certainly all pass.
fn with_all(test: &Test) -> Tables {
    match test {
        Test::Name(set) => set.tables_with_all(),
        _ => Tables::NONE,
    }
}

/// The tables that the query asks for by name, also those that other parts narrow: by family
/// or protocol, by a path, or by a number that only one socket has. Below a *not* they are ruled
/// out.
pub(super) fn named(expr: &Expr) -> Tables {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => {
            parts.iter().fold(Tables::NONE, |tables, part| tables.or(named(part)))
        }
        Expr::Not(_) | Expr::Everything => Tables::NONE,
        Expr::Test(test) => named_by(test),
    }
}

fn named_by(test: &Test) -> Tables {
    match test {
        Test::Name(set) => set.tables_named(),
        Test::Address { set, .. } if set.has_path() => Table::Unix.into(),
        Test::Number { key: NumberKey::Inode | NumberKey::Cookie, .. } => Tables::ALL,
        Test::Word(word) => word.tables_named(),
        _ => Tables::NONE,
    }
}
