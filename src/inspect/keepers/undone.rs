//! Commands that end processes, and who further out starts those again.

use super::lineage::Member;
use super::losses;
use crate::model::keeper::{Keeper, KeeperKind};

/// Says of each keeper of `line[0]` that is ended by signals who would undo that: a keeper further
/// out whose own first process ends with it.
pub(super) fn mark(line: &[Member], chain: &mut [Keeper]) {
    let keeping: Vec<u32> = chain.iter().filter_map(|keeper| keeper.pid).collect();
    for at in 0..chain.len() {
        let (inner, outer) = chain.split_at_mut(at + 1);
        let keeper = &mut inner[at];
        let is_signalled = matches!(keeper.kind, KeeperKind::Parent | KeeperKind::Watcher);
        let of = line.iter().position(|member| keeper.pid == Some(member.pid()));
        let Some(top) = of.filter(|_| is_signalled && keeper.command().is_some()) else { continue };
        // What only waits for it ends as well.
        let above = line[top + 1..]
            .iter()
            .take_while(|it| losses::is_wrapper(it) && !keeping.contains(&it.pid()))
            .count();
        // The same by the container's own means.
        let is_whole = |it: &&Keeper| {
            it.kind == KeeperKind::Container && it.stop.is_some() && it.first == keeper.pid
        };
        if let Some(container) = outer.iter().find(is_whole) {
            (keeper.stop, keeper.untested) = (None, None);
            keeper.reason = Some(format!(
                "it is the first process of container {}, and is stopped with that",
                container.name
            ));
            continue;
        }
        let ends = |pid: u32| line[..=top + above].iter().any(|member| member.pid() == pid);
        let over = outer.iter().filter(|it| it.first.is_some_and(ends));
        let undone_by = |it: &Keeper| match it.revives {
            true => Some(it.name.clone()),
            false => it.undone_by.clone(),
        };
        keeper.undone_by = over.filter_map(undone_by).next();
    }
}
