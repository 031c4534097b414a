//! The socket calls of one process.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::socket::Endpoint;

/// A call that has returned (`sockpit.trace/1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// When it began.
    pub at: Timestamp,
    /// The thread that made it.
    pub thread: u32,
    /// Its name: `connect`.
    pub call: String,
    /// Its arguments as numbers; those that point into the process's memory are addresses there.
    pub args: [u64; 6],
    /// The address that it was given, or has given.
    pub address: Option<Endpoint>,
    /// The first bytes of the value of setsockopt or getsockopt, as a number.
    pub value: Option<i32>,
    /// What it returned; `None` when it failed.
    pub result: Option<i64>,
    /// Name of the error when it failed: `ECONNREFUSED`.
    pub errno: Option<String>,
    /// How long it took.
    pub duration_ns: u64,
}

/// How often a call was made and what failed of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How often.
    pub calls: u64,
    /// How many failed.
    pub failed: u64,
    /// The time in it, all calls together.
    pub total_ns: u64,
    /// The longest.
    pub longest_ns: u64,
    /// The errors by name.
    pub errors: BTreeMap<String, u64>,
}

/// The calls by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary(pub BTreeMap<String, Tally>);

impl Summary {
    /// Counts a call.
    pub fn add(&mut self, call: &Call) {
        let tally = self.0.entry(call.call.clone()).or_default();
        tally.calls += 1;
        tally.total_ns += call.duration_ns;
        tally.longest_ns = tally.longest_ns.max(call.duration_ns);
        if let Some(errno) = &call.errno {
            tally.failed += 1;
            *tally.errors.entry(errno.clone()).or_default() += 1;
        }
    }

    /// Those that failed first, by how often; then those that took longest.
    pub fn in_order(&self) -> Vec<(&str, &Tally)> {
        let mut tallies: Vec<_> = self.0.iter().map(|(name, tally)| (&**name, tally)).collect();
        tallies.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.failed, tally.total_ns)));
        tallies
    }
}

/// At most so many calls are kept for reading, and as many of those that failed.
const KEPT: usize = 200;

/// What is known of the calls of a process while somebody looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    /// All of them, counted.
    pub summary: Summary,
    /// Those that failed last, the latest first.
    pub failed: VecDeque<Call>,
    /// The last ones, the latest first.
    pub latest: VecDeque<Call>,
    /// Calls that found no room on their way from the kernel.
    pub lost: u64,
}

impl Traced {
    /// Takes in the next call.
    pub fn add(&mut self, call: Call) {
        let keep = |calls: &mut VecDeque<Call>, call: Call| {
            calls.truncate(KEPT - 1);
            calls.push_front(call);
        };
        self.summary.add(&call);
        if call.errno.is_some() {
            keep(&mut self.failed, call.clone());
        }
        keep(&mut self.latest, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(call: &str, errno: Option<&str>, duration_ns: u64) -> Call {
        Call {
            at: Timestamp::UNIX_EPOCH,
            thread: 1,
            call: call.to_owned(),
            args: [0; 6],
            address: None,
            value: None,
            result: errno.is_none().then_some(0),
            errno: errno.map(str::to_owned),
            duration_ns,
        }
    }

    #[test]
    fn the_latest_calls_are_kept_and_all_are_counted() {
        let mut traced = Traced::default();
        for number in 0..300 {
            traced.add(call("recvfrom", (number == 3).then_some("EAGAIN"), number));
        }
        let kept: Vec<u64> = traced.latest.iter().map(|call| call.duration_ns).collect();
        assert_eq!(kept, (100..300).rev().collect::<Vec<u64>>());
        assert_eq!((traced.failed.len(), traced.failed[0].duration_ns), (1, 3));
        assert_eq!(traced.summary.0["recvfrom"].calls, 300);
    }

    #[test]
    fn what_failed_comes_first() {
        let mut summary = Summary::default();
        for (name, errno, duration_ns) in
            [("recvfrom", None, 9_000), ("connect", Some("ECONNREFUSED"), 5), ("connect", None, 7)]
        {
            summary.add(&call(name, errno, duration_ns));
        }
        let [(first, tally), (second, _)] = summary.in_order()[..] else { panic!("{summary:?}") };
        assert_eq!((first, second), ("connect", "recvfrom"));
        assert_eq!((tally.calls, tally.failed, tally.total_ns, tally.longest_ns), (2, 1, 12, 7));
        assert_eq!(tally.errors, BTreeMap::from([("ECONNREFUSED".to_owned(), 1)]));
    }
}
