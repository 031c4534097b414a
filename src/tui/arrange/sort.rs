//! Puts rows into their order.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::arranged::Arranged;
use super::order::Sort;
use crate::model::prominence::Prominence;
use crate::text::column::{Column, Key};

/// Two rows in the wanted order.
fn compare(arranged: &Arranged, a: u32, b: u32) -> Ordering {
    let sort = arranged.sort;
    if sort.is_canonical() {
        return sort.turn(canonical(arranged, a, b));
    }
    let Some(by) = sort.by else {
        let by_rank = arranged.prominence(a).cmp(&arranged.prominence(b));
        return sort.turn(by_rank.then_with(|| canonical(arranged, a, b)));
    };
    let key = |index| by.row_key(arranged.known_row(index));
    let by_key = match (key(a), key(b)) {
        (Some(a), Some(b)) => sort.turn(a.cmp(&b)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    by_key.then_with(|| canonical(arranged, a, b))
}

/// The table is in canonical order; only ended rows must be looked at.
fn canonical(arranged: &Arranged, a: u32, b: u32) -> Ordering {
    if a.max(b) < arranged.live() {
        return a.cmp(&b);
    }
    arranged.socket(a).cmp_canonical(arranged.socket(b)).then(a.cmp(&b))
}

/// Sorts live rows, given in the table's order.
pub(super) fn sorted(mut order: Vec<u32>, arranged: &Arranged) -> Vec<u32> {
    let sort = arranged.sort;
    if sort.is_canonical() {
        if sort.reverse {
            order.reverse();
        }
        return order;
    }
    match sort.by {
        None => by_prominence(&order, arranged),
        Some(by) if is_shared_text(by) => by_text(&order, by, arranged),
        Some(by) => by_number(&order, by, arranged),
    }
}

/// Deals the rows out by their ranks, each in the table's order.
fn by_prominence(order: &[u32], arranged: &Arranged) -> Vec<u32> {
    let last = Prominence::ALL.len();
    let mut dealt = deal(order, last, |place| arranged.prominence(order[place]) as usize);
    if arranged.sort.reverse {
        dealt.reverse();
    }
    dealt
}

/// Puts a few more rows into a sorted list.
pub(super) fn merged(sorted: Vec<u32>, mut more: Vec<u32>, arranged: &Arranged) -> Vec<u32> {
    if more.is_empty() {
        return sorted;
    }
    more.sort_unstable_by(|a, b| compare(arranged, *a, *b));
    let mut merged = Vec::with_capacity(sorted.len() + more.len());
    let mut rest = sorted.as_slice();
    for index in more {
        let before =
            rest.partition_point(|other| compare(arranged, *other, index) == Ordering::Less);
        merged.extend_from_slice(&rest[..before]);
        merged.push(index);
        rest = &rest[before..];
    }
    merged.extend_from_slice(rest);
    merged
}

/// Whether many rows share a few texts.
fn is_shared_text(column: Column) -> bool {
    use Column::*;
    matches!(
        column,
        Name | User | Service | Cmdline | Exe | Unit | Container | Interface | Cgroup | Congestion
    )
}

/// Sorts by numbers that stand for the keys: the row itself is looked at once, and again only
/// where two numbers are equal without their keys being so.
fn by_number(order: &[u32], column: Column, arranged: &Arranged) -> Vec<u32> {
    let (mut known, mut unknown) = (Vec::with_capacity(order.len()), Vec::new());
    let mut is_exact = true;
    for index in order {
        match column.row_key(arranged.known_row(*index)) {
            Some(key) => {
                let (rank, exact) = rank(key);
                is_exact &= exact;
                known.push((rank, *index));
            }
            None => unknown.push(*index),
        }
    }
    let turn = |ordering| arranged.sort.turn(ordering);
    if is_exact {
        known.sort_unstable_by(|(a, i), (b, j)| turn(a.cmp(b)).then(i.cmp(j)));
    } else {
        known.sort_unstable_by(|(a, i), (b, j)| {
            turn(a.cmp(b)).then_with(|| compare(arranged, *i, *j))
        });
    }
    known.into_iter().map(|(_, index)| index).chain(unknown).collect()
}

/// A number in the order of keys, and whether equal numbers mean equal keys.
fn rank(key: Key<'_>) -> (u64, bool) {
    const IPV6: u64 = 0b10 << 62;
    const TEXT: u64 = 0b11 << 62;
    match key {
        Key::Number(number) => (number, true),
        Key::Address(false, bits, port) => ((bits as u64) << 16 | u64::from(port), true),
        Key::Address(true, bits, _) => (IPV6 | (bits >> 66) as u64, false),
        Key::Text(text) | Key::Pair(text, _) | Key::Texts(text, _) => {
            (TEXT | first_bytes(text), false)
        }
        Key::Words(words) => (TEXT | words.first().map_or(0, |word| first_bytes(word)), false),
    }
}

/// The first seven bytes of a text, as a number in their order.
pub(super) fn first_bytes(text: &str) -> u64 {
    let bytes = text.bytes().chain(std::iter::repeat(0)).take(7);
    bytes.fold(0, |number, byte| number << 8 | u64::from(byte))
}

/// Sorts by texts that many rows share: rows are told apart by where their text lies, each
/// different one is compared once, and then rows are dealt out by their text's rank.
fn by_text(order: &[u32], column: Column, arranged: &Arranged) -> Vec<u32> {
    let mut ids: HashMap<(usize, usize), u32> = HashMap::new();
    let mut keys: Vec<Key<'_>> = Vec::new();
    let id_by_place: Vec<u32> = order
        .iter()
        .map(|index| {
            let Some(key) = column.key(arranged.socket(*index)) else { return UNKNOWN };
            *ids.entry(place_of(key)).or_insert_with(|| {
                keys.push(key);
                u32::try_from(keys.len() - 1).unwrap_or(UNKNOWN)
            })
        })
        .collect();
    let rank_by_id = ranks(&keys, arranged.sort);
    deal(order, keys.len(), |place| {
        let id = id_by_place[place];
        rank_by_id.get(id as usize).map_or(keys.len(), |rank| *rank as usize)
    })
}

const UNKNOWN: u32 = u32::MAX;

/// Where a key's text lies, and how long it is.
fn place_of(key: Key<'_>) -> (usize, usize) {
    match key {
        // Runtimes share their names, containers do not.
        Key::Text(text) | Key::Texts(_, text) => (text.as_ptr().addr(), text.len()),
        Key::Words(words) => (words.as_ptr().addr(), words.len()),
        Key::Number(_) | Key::Address(..) | Key::Pair(..) => (0, 0),
    }
}

/// The rank of each key; equal ones have the same.
fn ranks(keys: &[Key<'_>], sort: Sort) -> Vec<u32> {
    let mut sorted: Vec<usize> = (0..keys.len()).collect();
    sorted.sort_unstable_by(|a, b| sort.turn(keys[*a].cmp(&keys[*b])));
    let mut ranks = vec![0; keys.len()];
    let mut rank = 0;
    for (place, id) in sorted.iter().enumerate() {
        if place > 0 && keys[sorted[place - 1]] != keys[*id] {
            rank += 1;
        }
        ranks[*id] = rank;
    }
    ranks
}

/// Deals `order` out by rank, `last` being the greatest; equal ranks keep their order.
pub(super) fn deal(order: &[u32], last: usize, rank: impl Fn(usize) -> usize) -> Vec<u32> {
    let mut starts = vec![0_usize; last + 2];
    for place in 0..order.len() {
        starts[rank(place) + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut dealt = vec![0; order.len()];
    for (place, index) in order.iter().enumerate() {
        let start = &mut starts[rank(place)];
        dealt[*start] = *index;
        *start += 1;
    }
    dealt
}
