//! Which processes share one table of descriptors, made by `clone` with CLONE_FILES and
//! without CLONE_THREAD: what one of them opens or closes, all of them have opened or closed.
//!
//! Told by kcmp(2), which orders tables. The order of all processes is kept, so that a new one
//! finds its place, and whom it shares a table with, in a few steps. A table changes its place
//! only when a process leaves a shared one, which the neighbours then show.

use std::cmp::Ordering;
use std::collections::HashSet;

/// `KCMP_FILES` of linux/kcmp.h: the second member of `enum kcmp_type`.
const KCMP_FILES: libc::c_long = 2;

/// Processes by the order of their tables.
#[derive(Debug)]
pub(super) struct Sharing<C = fn(u32, u32) -> Option<Ordering>> {
    compare: C,
    /// Ascending by table.
    order: Vec<u32>,
    /// Those whose table is another's, too.
    shared: HashSet<u32>,
}

impl Sharing {
    /// Knows no process yet. `None` where the kernel does not compare, or not for us.
    pub(super) fn new() -> Option<Self> {
        let own = std::process::id();
        (kcmp(own, own) == Some(Ordering::Equal)).then(|| Self::by(kcmp))
    }
}

impl<C: Fn(u32, u32) -> Option<Ordering>> Sharing<C> {
    fn by(compare: C) -> Self {
        Self { compare, order: Vec::new(), shared: HashSet::new() }
    }

    /// Whether this process shared its table when processes were entered last.
    pub(super) fn contains(&self, pid: u32) -> bool {
        self.shared.contains(&pid)
    }

    /// Enters `new` processes, after dropping those that are not `alive`.
    pub(super) fn enter(&mut self, new: &[u32], alive: impl Fn(u32) -> bool) {
        let mut new: Vec<u32> = new.iter().copied().filter(|&pid| alive(pid)).collect();
        new.sort_unstable();
        self.order.retain(|pid| alive(*pid) && new.binary_search(pid).is_err());
        new.extend(self.take_misplaced());
        new.dedup();
        for pid in new {
            self.insert(pid);
        }
        self.shared.clear();
        for pair in self.order.windows(2) {
            if (self.compare)(pair[0], pair[1]) == Some(Ordering::Equal) {
                self.shared.extend(pair);
            }
        }
    }

    /// Takes out those that do not stand in order any more.
    fn take_misplaced(&mut self) -> Vec<u32> {
        let mut misplaced = Vec::new();
        let mut order: Vec<u32> = Vec::with_capacity(self.order.len());
        for pid in std::mem::take(&mut self.order) {
            match order.last().map(|&last| (self.compare)(last, pid)) {
                None | Some(Some(Ordering::Less | Ordering::Equal)) => order.push(pid),
                // One of the two moved, or ended; nobody can tell which.
                _ => misplaced.extend([order.pop(), Some(pid)].into_iter().flatten()),
            }
        }
        self.order = order;
        misplaced
    }

    /// Puts a process where it belongs; leaves it out when it has ended or may not be asked.
    fn insert(&mut self, pid: u32) {
        let (mut low, mut high) = (0, self.order.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match (self.compare)(pid, self.order[middle]) {
                Some(Ordering::Less) => high = middle,
                Some(Ordering::Equal | Ordering::Greater) => low = middle + 1,
                None if (self.compare)(pid, pid).is_none() => return,
                None => {
                    self.order.remove(middle);
                    high -= 1;
                }
            }
        }
        self.order.insert(low, pid);
    }
}

/// The order of two processes' tables; `None` when one of them is gone or may not be asked.
pub(super) fn kcmp(one: u32, other: u32) -> Option<Ordering> {
    let (one, other) = (libc::c_long::from(one), libc::c_long::from(other));
    // SAFETY: kcmp takes five numbers and touches no memory of ours; KCMP_FILES ignores the
    // last two.
    match unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0, 0) } {
        0 => Some(Ordering::Equal),
        1 => Some(Ordering::Less),
        2 => Some(Ordering::Greater),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Tables by pid change at will between entries, and processes end.
        #[test]
        fn those_who_share_are_found(
            steps in prop::collection::vec(prop::collection::vec((0..12u32, 0..8u8), 0..6), 1..12),
        ) {
            let tables = RefCell::new(HashMap::<u32, u8>::new());
            let compare = |one: u32, other: u32| {
                let tables = tables.borrow();
                Some(tables.get(&one)?.cmp(tables.get(&other)?))
            };
            let mut sharing = Sharing::by(compare);
            for step in steps {
                let mut new = Vec::new();
                for (pid, table) in step {
                    // Table 0: it ends.
                    let before = if table == 0 {
                        tables.borrow_mut().remove(&pid);
                        continue;
                    } else {
                        tables.borrow_mut().insert(pid, table)
                    };
                    if before.is_none() {
                        new.push(pid);
                    }
                }
                sharing.enter(&new, |pid| tables.borrow().contains_key(&pid));
                let tables = tables.borrow();
                for (pid, table) in &*tables {
                    let others = tables.iter().filter(|(other, _)| *other != pid);
                    let is_shared = others.filter(|(_, other)| *other == table).count() > 0;
                    prop_assert_eq!(sharing.contains(*pid), is_shared, "{} of {:?}", pid, tables);
                }
            }
        }
    }
}
