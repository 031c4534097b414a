use std::sync::Arc;

use crate::model::owner::{Process, ProcessKey};
use crate::model::socket::State;
use crate::model::table::SocketTable;
use crate::model::tables::Tables;
use crate::model::tree::{ProcessNode, ProcessTree};
use crate::text::column::Column;
use crate::tui::arrange::{Arrange, Arranged, GroupBy, GroupKey, Sort};
use crate::tui::fixture::{owned, row, table, tcp, wall};

/// A process with so many listeners.
fn holder(pid: u32, start_time: u64, ppid: Option<u32>) -> Arc<Process> {
    Arc::new(Process { ppid, ..Process::named(pid, start_time, format!("p{pid}")) })
}

fn sockets(holders: &[Arc<Process>]) -> SocketTable {
    let socket = |(n, process): (u16, &Arc<Process>)| {
        row(n.into(), owned(tcp(State::Listen, [127, 0, 0, 1], 1_000 + n), Arc::clone(process)))
    };
    table((1..).zip(holders).map(socket).collect())
}

fn node(pid: u32, start_time: u64, ppid: u32) -> ProcessNode {
    ProcessNode {
        key: ProcessKey { pid, start_time },
        ppid,
        name: format!("p{pid}").into(),
        kernel_thread: false,
        stopped: false,
    }
}

fn arranged(table: SocketTable, processes: &[ProcessNode], sort: Sort) -> Arranged {
    let processes: ProcessTree = processes.iter().cloned().collect();
    let work = Arrange {
        table: Arc::new(table),
        filter: None,
        hidden: Tables::NONE,
        sort,
        group: Some(GroupBy::Tree),
        processes: Some(Arc::new(processes)),
        keep: None,
        before: None,
        now: wall(0.0),
        own: 7,
    };
    work.run()
}

/// Pid, depth, rows of its own and rows with those below.
fn drawn(arranged: &Arranged) -> Vec<(u32, u16, usize, usize)> {
    let line = |group: &super::Group| match group.key {
        GroupKey::Process(key) => (key.pid, group.depth, group.own.sockets, group.all.sockets),
        other => panic!("{other:?}"),
    };
    arranged.groups().iter().map(line).collect()
}

fn planted(holders: &[Arc<Process>], processes: &[ProcessNode]) -> Vec<(u32, u16, usize, usize)> {
    drawn(&arranged(sockets(holders), processes, Sort::default()))
}

#[test]
fn parents_stand_above_their_children_also_those_that_hold_nothing() {
    let holders = [holder(30, 30, Some(20)), holder(10, 10, Some(1)), holder(31, 31, Some(20))];
    let processes = [node(1, 1, 0), node(10, 10, 1), node(20, 20, 1), node(99, 99, 1)];
    assert_eq!(
        planted(&holders, &processes),
        [(1, 0, 0, 3), (10, 1, 1, 1), (20, 1, 0, 2), (30, 2, 1, 1), (31, 2, 1, 1)]
    );
}

#[test]
fn rows_stand_under_their_own_process() {
    let holders = [holder(5, 5, Some(1)), holder(1, 1, Some(0)), holder(5, 5, Some(1))];
    let arranged = arranged(sockets(&holders), &[], Sort::default());
    let pids: Vec<u32> =
        arranged.rows().map(|view| view.row.socket.owners[0].process.pid).collect();
    assert_eq!(pids, [1, 5, 5]);
    assert_eq!(drawn(&arranged), [(1, 0, 1, 3), (5, 1, 2, 2)]);
    assert_eq!(arranged.groups()[0].all_rows, 0..3);
}

#[test]
fn without_its_parent_a_process_is_a_root() {
    let holders = [holder(7, 7, Some(6)), holder(8, 8, None)];
    assert_eq!(planted(&holders, &[]), [(7, 0, 1, 1), (8, 0, 1, 1)]);
}

#[test]
fn a_parent_that_started_later_has_only_inherited_the_pid() {
    let holders = [holder(7, 7, Some(6)), holder(6, 60, Some(1))];
    assert_eq!(planted(&holders, &[node(1, 1, 0)]), [(1, 0, 0, 1), (6, 1, 1, 1), (7, 0, 1, 1)]);
    let holders = [holder(7, 7, Some(6))];
    assert_eq!(planted(&holders, &[node(6, 60, 1)]), [(7, 0, 1, 1)]);
}

#[test]
fn a_pid_that_came_back_is_two_processes() {
    // Both held a socket between two samples; the child belongs to the one that fits.
    let holders = [holder(6, 6, None), holder(6, 60, None), holder(7, 70, Some(6))];
    let drawn = planted(&holders, &[]);
    assert_eq!(drawn, [(6, 0, 1, 1), (6, 0, 1, 2), (7, 1, 1, 1)]);
}

#[test]
fn rings_of_parents_are_cut_and_lose_nobody() {
    for ring in 1..6_u32 {
        let holders: Vec<_> =
            (1..=ring).map(|n| holder(n, 5, Some(if n == ring { 1 } else { n + 1 }))).collect();
        let drawn = planted(&holders, &[]);
        assert_eq!(drawn.len(), ring as usize, "{drawn:?}");
        assert_eq!(drawn[0].3, ring as usize, "one root with all below it: {drawn:?}");
    }
}

#[test]
fn an_endless_line_of_parents_is_bounded() {
    let processes: Vec<ProcessNode> = (1..1_000).map(|n| node(n, n.into(), n - 1)).collect();
    let holders = [holder(1_000, 1_000, Some(999))];
    let drawn = planted(&holders, &processes);
    assert_eq!(drawn.len(), 17);
    assert_eq!((drawn[0].0, drawn[16]), (984, (1_000, 16, 1, 1)));
}

#[test]
fn siblings_turn_around_with_the_order() {
    let holders = [holder(5, 5, Some(1)), holder(6, 6, Some(1)), holder(1, 1, None)];
    let sort = Sort { by: Some(Column::Pid), reverse: true };
    let drawn = drawn(&arranged(sockets(&holders), &[], sort));
    assert_eq!(drawn.iter().map(|line| line.0).collect::<Vec<_>>(), [1, 6, 5]);
}
