//! Connection tests in words: stages, verdicts, sums. What came from outside is cleaned here.

mod answers;
mod facts;
mod stages;
mod words;

use super::clean::clean;
use super::units;
use crate::model::probe::{
    HappyEyeballs, Hop, HopEnd, OutcomeKind, ProbeSummary, Side, Stage, Verdict,
};

pub use answers::words as answer_words;
pub use facts::facts;
pub use stages::stage_words;
pub use words::{icmp_words, micros};

/// A stage's time: `31 µs`.
pub fn stage_time(stage: &Stage) -> String {
    micros(Some(stage.duration_us))
}

/// The outcome as a headline: `REFUSED`, `DNS FAILED`.
pub fn outcome(outcome: OutcomeKind) -> String {
    outcome.name().replace('_', " ").to_uppercase()
}

/// The side that failed: `local side`.
pub fn side(side: Side) -> &'static str {
    match side {
        Side::Local => "local side",
        Side::Path => "on the path",
        Side::Peer => "peer side",
    }
}

/// A verdict on one line: `REFUSED, peer side: nothing listens on … (ECONNREFUSED)`.
pub fn verdict(verdict: &Verdict) -> String {
    let mut line = outcome(verdict.outcome);
    if let Some(at_fault) = verdict.side {
        line.push_str(", ");
        line.push_str(side(at_fault));
    }
    line.push_str(": ");
    line.push_str(&clean(&verdict.text));
    if let Some(errno) = &verdict.errno {
        line.push_str(&format!(" ({errno})"));
    }
    line
}

/// The sums on one line: `4 sent, 2 ok, 1 failed, 1 lost; min … p50 … p90 … p99 … max …`.
/// A refusal is an answer, so it is no loss.
pub fn summary(summary: &ProbeSummary) -> String {
    let ProbeSummary { sent, ok, lost, min_us, p50_us, p90_us, p99_us, max_us, jitter_us } =
        *summary;
    let failed = sent.saturating_sub(ok + lost);
    let failed =
        if failed > 0 { format!(" {} failed,", units::count(failed)) } else { String::new() };
    let [sent, ok, lost] = [sent, ok, lost].map(units::count);
    let [min, p50, p90, p99, max] = [min_us, p50_us, p90_us, p99_us, max_us].map(micros);
    let jitter = jitter_us.map(|us| format!(", jitter {}", micros(Some(us)))).unwrap_or_default();
    format!(
        "{sent} sent, {ok} ok,{failed} {lost} lost; \
         min {min}, p50 {p50}, p90 {p90}, p99 {p99}, max {max}{jitter}"
    )
}

/// What happy eyeballs would do: `happy eyeballs (RFC 8305) would use 192.0.2.1:80, after 270 ms`.
pub fn happy_eyeballs(found: HappyEyeballs) -> String {
    match found.picked {
        Some(address) => format!(
            "happy eyeballs (RFC 8305) would use {address}, after {}",
            micros(found.after_us)
        ),
        None => "happy eyeballs (RFC 8305) would find no address to use".to_owned(),
    }
}

/// A hop on one line: `3  192.0.2.1  1.20 ms  time to live exceeded`.
pub fn hop(hop: &Hop) -> String {
    let address = hop.address.map_or_else(|| "*".to_owned(), |address| address.to_string());
    let time = micros(hop.rtt_us);
    let end = match (hop.end, hop.icmp) {
        (Some(HopEnd::Rejected), Some(icmp)) => format!("  ends here: {}", icmp_words(icmp)),
        (Some(end), _) => format!("  {}", end.name()),
        (None, _) => String::new(),
    };
    format!("{:>3}  {address:<16}  {time:>9}{end}", hop.ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_names_outcome_side_reason_and_errno() {
        let refused = Verdict {
            outcome: OutcomeKind::Refused,
            side: Some(Side::Peer),
            text: "nothing listens\n".into(),
            errno: Some("ECONNREFUSED".into()),
        };
        assert_eq!(verdict(&refused), "REFUSED, peer side: nothing listens� (ECONNREFUSED)");
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let line = summary(&ProbeSummary { sent: 2, lost: 2, ..ProbeSummary::default() });
        assert!(line.starts_with("2 sent, 0 ok, 2 lost; min -, p50 -"), "{line}");
    }
}
