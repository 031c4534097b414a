//! The end of a list in its usual order: sockets in TIME_WAIT folded into one line a port, and
//! sockpit's own behind one.

use super::arranged::Arranged;
use super::group::{Group, GroupKey};
use crate::model::prominence::{self, Prominence};

/// Below so many a line of their own would save nothing.
const WORTH_FOLDING: usize = 2;

/// Headers for the end of the list, and the order of all rows with them. Nothing where there is
/// nothing to fold.
pub(super) fn fold(arranged: &Arranged) -> (Vec<Group>, Vec<u32>) {
    let rank = |index: &u32| arranged.prominence(*index);
    let order = &arranged.sorted;
    let first = order.partition_point(|index| rank(index) < Prominence::TimeWait);
    let (head, tail) = order.split_at(first);
    let (waiting, own) = tail.split_at(tail.partition_point(|index| rank(index) < Prominence::Own));
    let port = |index: &u32| prominence::waiting_port(arranged.socket(*index));
    // Protocols have ports of their own, but TCP alone has TIME_WAIT.
    let mut by_port: Vec<(Option<u16>, u32)> = waiting.iter().map(|i| (port(i), *i)).collect();
    by_port.sort_by_key(|(port, _)| *port);
    let (mut rows, mut folded) = (head.to_vec(), Vec::new());
    for run in by_port.chunk_by(|a, b| a.0 == b.0) {
        let indices = run.iter().map(|(_, index)| *index);
        match run[0].0 {
            Some(port) if run.len() >= WORTH_FOLDING => {
                folded.push((GroupKey::TimeWait(port), indices.collect::<Vec<_>>()));
            }
            _ => rows.extend(indices),
        }
    }
    if !own.is_empty() {
        folded.push((GroupKey::Own, own.to_vec()));
    }
    let mut groups = Vec::new();
    for (key, indices) in folded {
        let mut group = Group::new(key, None);
        for index in &indices {
            group.own.add(arranged.facts(*index), arranged.socket(*index));
        }
        group.all = group.own;
        group.rows = rows.len()..rows.len() + indices.len();
        group.all_rows = group.rows.clone();
        group.next = groups.len() + 1;
        rows.extend(indices);
        groups.push(group);
    }
    if groups.is_empty() { (groups, Vec::new()) } else { (groups, rows) }
}
