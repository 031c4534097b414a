//! The summary of many attempts.

use hdrhistogram::Histogram;

use crate::model::probe::{Attempt, OutcomeKind, ProbeSummary, StageName};

/// Three digits are kept of each time: a median of 123,456 µs reads 123,000 to 123,999.
const DIGITS: u8 = 3;
/// One hour; what takes longer is counted as one hour in the quantiles.
const LONGEST_US: u64 = 3_600_000_000;

/// Adds up attempts as they end.
#[derive(Debug)]
pub struct Tally {
    sent: u64,
    ok: u64,
    lost: u64,
    connect_us: Histogram<u64>,
    fastest_us: Option<u64>,
    slowest_us: Option<u64>,
    last_us: Option<u64>,
    /// The sum of the differences from one time to the next, and how many these are.
    differences: (u64, u64),
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            sent: 0,
            ok: 0,
            lost: 0,
            connect_us: Histogram::new_with_bounds(1, LONGEST_US, DIGITS)
                .expect("an hour in microseconds to three digits is within the crate's bounds"),
            fastest_us: None,
            slowest_us: None,
            last_us: None,
            differences: (0, 0),
        }
    }
}

impl Tally {
    /// Adds one attempt.
    pub fn add(&mut self, attempt: &Attempt) {
        self.sent += 1;
        self.ok += u64::from(attempt.verdict.outcome == OutcomeKind::Ok);
        self.lost += u64::from(attempt.verdict.outcome.is_loss());
        // What is asked by datagrams has no connect: there the answer's time counts.
        let has_connect = attempt.stages.iter().any(|stage| stage.name() == StageName::Connect);
        let timed = if has_connect { StageName::Connect } else { StageName::Request };
        let connects = attempt.stages.iter().filter(|stage| stage.name() == timed && stage.ok);
        for connect in connects {
            let us = connect.duration_us;
            self.connect_us.saturating_record(us);
            self.fastest_us = Some(self.fastest_us.map_or(us, |fastest| fastest.min(us)));
            self.slowest_us = Some(self.slowest_us.map_or(us, |slowest| slowest.max(us)));
            if let Some(last) = self.last_us.replace(us) {
                let (sum, count) = self.differences;
                self.differences = (sum.saturating_add(us.abs_diff(last)), count + 1);
            }
        }
    }

    /// The sums so far.
    pub fn summary(&self) -> ProbeSummary {
        ProbeSummary {
            sent: self.sent,
            ok: self.ok,
            lost: self.lost,
            min_us: self.fastest_us,
            p50_us: self.quantile(0.5),
            p90_us: self.quantile(0.9),
            p99_us: self.quantile(0.99),
            max_us: self.slowest_us,
            jitter_us: self.differences.0.checked_div(self.differences.1),
        }
    }

    /// The histogram rounds up; the exact extremes bound it.
    fn quantile(&self, quantile: f64) -> Option<u64> {
        let (fastest, slowest) = (self.fastest_us?, self.slowest_us?);
        Some(self.connect_us.value_at_quantile(quantile).clamp(fastest, slowest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::{Detail, Stage, Verdict};

    fn attempt(outcome: OutcomeKind, connect_us: Option<u64>) -> Attempt {
        let stage =
            |duration_us| Stage { detail: Detail::Connect(Box::default()), ok: true, duration_us };
        Attempt {
            seq: 1,
            address: None,
            stages: connect_us.map(stage).into_iter().collect(),
            verdict: Verdict { outcome, side: None, text: String::new(), errno: None },
        }
    }

    #[test]
    fn nothing_measured_is_unknown_not_zero() {
        let mut tally = Tally::default();
        tally.add(&attempt(OutcomeKind::Timeout, None));
        let summary = tally.summary();
        assert_eq!((summary.sent, summary.ok, summary.lost), (1, 0, 1));
        assert_eq!((summary.min_us, summary.p50_us, summary.max_us), (None, None, None));
    }

    #[test]
    fn quantiles_lie_between_the_exact_extremes() {
        let mut tally = Tally::default();
        for us in 1..=1_000 {
            tally.add(&attempt(OutcomeKind::Ok, Some(us * 1_001)));
        }
        tally.add(&attempt(OutcomeKind::Refused, None));
        let summary = tally.summary();
        assert_eq!((summary.sent, summary.ok, summary.lost), (1_001, 1_000, 0));
        assert_eq!((summary.min_us, summary.max_us), (Some(1_001), Some(1_001_000)));
        let near = |got: Option<u64>, want: u64| got.unwrap().abs_diff(want) <= want / 500;
        assert!(near(summary.p50_us, 500_500), "{summary:?}");
        assert!(near(summary.p90_us, 900_900), "{summary:?}");
        assert!(near(summary.p99_us, 990_990), "{summary:?}");
    }

    #[test]
    fn jitter_is_the_mean_difference_of_neighbours() {
        let mut tally = Tally::default();
        for us in [100, 130, 110] {
            assert_eq!(tally.summary().jitter_us.is_some(), us == 110);
            tally.add(&attempt(OutcomeKind::Ok, Some(us)));
        }
        assert_eq!(tally.summary().jitter_us, Some(25));
    }

    #[test]
    fn one_attempt_has_all_its_quantiles_at_its_time() {
        let mut tally = Tally::default();
        tally.add(&attempt(OutcomeKind::Ok, Some(123_457)));
        let summary = tally.summary();
        assert_eq!(summary.p50_us, Some(123_457));
        assert_eq!(summary.p99_us, summary.max_us);
    }
}
