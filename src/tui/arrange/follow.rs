//! From one table to the next: which rows are the very same.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use super::arranged::Arranged;
use super::facts::Facts;
use crate::model::prominence::Prominence;
use crate::model::table::SocketRow;

/// What an arrangement still tells about the next table.
pub(super) struct Follower<'a> {
    before: &'a Arranged,
    /// By index into the table before: where that row is now, [`GONE`] if nowhere.
    now_at: Vec<u32>,
    rows: usize,
    same_order: bool,
}

const GONE: u32 = u32::MAX;

/// Follows the rows of the arrangement before into the table of the `next` one. `None` when
/// that would tell nothing.
pub(super) fn follow<'a>(before: &'a Arranged, next: &Arranged) -> Option<Follower<'a>> {
    let same_filter = before.filter == next.filter && before.hidden == next.hidden;
    let is_timeless = next.filter.as_ref().is_none_or(|query| !query.depends_on_time());
    (same_filter && is_timeless).then(|| Follower {
        before,
        now_at: same_rows(&before.table.rows, &next.table.rows),
        rows: next.table.rows.len(),
        same_order: before.sort == next.sort,
    })
}

impl Follower<'_> {
    /// What is known of each row of the next table.
    pub(super) fn facts(&self) -> Vec<Facts> {
        let mut facts = vec![Facts::UNREAD; self.rows];
        for (known, at) in self.before.facts.iter().zip(&self.now_at) {
            if let Some(place) = facts.get_mut(*at as usize) {
                *place = *known;
            }
        }
        facts
    }

    /// Rows that are the very same and yet belong elsewhere: nothing was said in them for a
    /// while.
    pub(super) fn moved(&self, next: &Arranged) -> Vec<u32> {
        let ranks = self.before.ranks.iter().zip(&self.now_at);
        let has_moved = |(rank, now): &(&Prominence, &u32)| {
            next.ranks.get(**now as usize).is_some_and(|other| other != *rank)
        };
        ranks.filter(has_moved).map(|(_, now)| *now).collect()
    }

    /// The listed rows that were listed before, in their order. `None` when that order is
    /// another one, or so much has changed that sorting anew is no more work.
    ///
    /// A kept row that the filter leaves out is listed only for as long as it is kept.
    pub(super) fn survivors(
        &self,
        fresh: &[u32],
        is_listed: impl Fn(u32) -> bool,
        kept: Option<u32>,
    ) -> Option<Vec<u32>> {
        if !self.same_order || fresh.len() > self.rows / 4 {
            return None;
        }
        let is_fresh: HashSet<u32> = fresh.iter().copied().collect();
        let at = |index: &u32| self.now_at.get(*index as usize).copied();
        let is_settled = |(index, now): &(u32, u32)| {
            *now != GONE
                && is_listed(*now)
                && !is_fresh.contains(now)
                && (Some(*now) != kept || self.before.facts[*index as usize].has(Facts::MATCHES))
        };
        let places = self.before.sorted.iter().filter_map(|index| Some((*index, at(index)?)));
        Some(places.filter(is_settled).map(|(_, now)| now).collect())
    }
}

/// For each row before, where the same row (not just the same socket) is now. Both tables are
/// in canonical order; only where they differ is a row itself looked at.
fn same_rows(before: &[Arc<SocketRow>], now: &[Arc<SocketRow>]) -> Vec<u32> {
    let mut places = Vec::with_capacity(before.len());
    let mut at = 0;
    for old in before {
        let mut place = GONE;
        while let Some(new) = now.get(at) {
            if Arc::ptr_eq(old, new) {
                place = u32::try_from(at).unwrap_or(GONE);
                at += 1;
                break;
            }
            match new.socket.cmp_canonical(&old.socket) {
                Ordering::Less => at += 1,
                Ordering::Equal => {
                    at += 1;
                    break;
                }
                Ordering::Greater => break,
            }
        }
        places.push(place);
    }
    places
}
