//! Connection tests in words: stages, verdicts, sums. What came from outside is cleaned here.

use std::time::Duration;

use serde_json::Value;

use super::clean::{clean, clean_to};
use super::units::{self, UNKNOWN};
use crate::model::probe::{OutcomeKind, ProbeSummary, Side, Stage, StageName, Verdict};

/// As much of a greeting as a line shows.
const GREETING_CHARS: usize = 60;
/// As many addresses of a name as a line shows.
const ADDRESSES: usize = 4;

/// A stage's time: `31 µs`.
pub fn stage_time(stage: &Stage) -> String {
    micros(Some(stage.duration_us))
}

/// What a stage found, on one line; empty where there is nothing to say.
pub fn stage_words(stage: &Stage) -> String {
    let words = match stage.name {
        StageName::Resolve => resolve_words(stage),
        StageName::Local => local_words(stage),
        StageName::Connect => connect_words(stage),
        StageName::Greeting => greeting_words(stage),
        StageName::Close => close_words(stage),
        StageName::Proxy | StageName::Tls | StageName::Request => String::new(),
    };
    clean(&words).into_owned()
}

fn resolve_words(stage: &Stage) -> String {
    if !stage.ok {
        return format!("no address for {}", text(stage, "name"));
    }
    let found = list(stage, "addresses");
    let shown = found.iter().take(ADDRESSES).copied().collect::<Vec<_>>().join(", ");
    let more = match found.len().saturating_sub(ADDRESSES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match list(stage, "not_tried").as_slice() {
        [] => format!("{shown}{more}"),
        left => format!("{shown}{more}; not tried: {}", left.join(", ")),
    }
}

fn local_words(stage: &Stage) -> String {
    let source = text(stage, "source");
    match (stage.ok, source) {
        (false, "") => return "no way out of this host".to_owned(),
        (false, _) => return format!("no way out of this host from {source}"),
        (true, _) => {}
    }
    let mut words = format!("from {source}");
    for (before, fact) in [("by", "interface"), ("to gateway", "gateway")] {
        match text(stage, fact) {
            "" => {}
            told => words.push_str(&format!(" {before} {told}")),
        }
    }
    if flag(stage, "to_self") {
        words.push_str(", on this host");
    }
    words
}

fn connect_words(stage: &Stage) -> String {
    let (local, remote) = (text(stage, "local"), text(stage, "remote"));
    let ends = if stage.ok { format!("{local} → {remote}") } else { format!("→ {remote}") };
    match stage.detail.get("syn_retransmits").and_then(Value::as_u64) {
        None | Some(0) => ends,
        Some(times) => format!("{ends}, SYN sent {} times", times + 1),
    }
}

fn greeting_words(stage: &Stage) -> String {
    match (stage.ok, text(stage, "text"), flag(stage, "ended")) {
        (false, ..) => "broken off with an RST".to_owned(),
        (true, "", true) => "closed without a word".to_owned(),
        (true, "", false) => "nothing said unasked".to_owned(),
        (true, words, _) => {
            let line = words.trim_end().lines().next().unwrap_or_default();
            format!("`{}`", clean_to(line, GREETING_CHARS))
        }
    }
}

fn close_words(stage: &Stage) -> String {
    match text(stage, "peer") {
        "fin_first" => "the peer had closed first",
        "fin" => "the peer closed after us",
        "silent" => "we closed; the peer has not yet",
        "rst" => "the peer answered our FIN with an RST",
        other => other,
    }
    .to_owned()
}

fn text<'a>(stage: &'a Stage, fact: &str) -> &'a str {
    stage.detail.get(fact).and_then(Value::as_str).unwrap_or_default()
}

fn flag(stage: &Stage, fact: &str) -> bool {
    stage.detail.get(fact).and_then(Value::as_bool).unwrap_or_default()
}

fn list<'a>(stage: &'a Stage, fact: &str) -> Vec<&'a str> {
    let items = stage.detail.get(fact).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).collect()
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

/// The sums on one line: `4 sent, 3 ok, 1 lost; connect min … p50 … p90 … p99 … max …`.
pub fn summary(summary: &ProbeSummary) -> String {
    let ProbeSummary { sent, ok, lost, min_us, p50_us, p90_us, p99_us, max_us } = *summary;
    let [sent, ok, lost] = [sent, ok, lost].map(units::count);
    let [min, p50, p90, p99, max] = [min_us, p50_us, p90_us, p99_us, max_us].map(micros);
    format!(
        "{sent} sent, {ok} ok, {lost} lost; \
         connect min {min}, p50 {p50}, p90 {p90}, p99 {p99}, max {max}"
    )
}

/// Microseconds in words, `-` when nobody measured any.
pub fn micros(us: Option<u64>) -> String {
    us.map_or_else(|| UNKNOWN.to_owned(), |us| units::duration(Duration::from_micros(us)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stage(name: StageName, ok: bool, detail: &Value) -> Stage {
        let detail = detail.as_object().cloned().unwrap();
        Stage { name, ok, duration_us: 31, detail }
    }

    #[test]
    fn stages_are_told_in_words() {
        let local = json!({"source": "127.0.0.1", "to_self": true, "gateway": null});
        let said = stage_words(&stage(StageName::Local, true, &local));
        assert_eq!(said, "from 127.0.0.1, on this host");
        let way = json!({"source": "10.0.0.5", "interface": "eth0", "gateway": "10.0.0.1"});
        let said = stage_words(&stage(StageName::Local, true, &way));
        assert_eq!(said, "from 10.0.0.5 by eth0 to gateway 10.0.0.1");
        let ends = json!({"local": "127.0.0.1:40000", "remote": "127.0.0.1:80"});
        let said = stage_words(&stage(StageName::Connect, true, &ends));
        assert_eq!(said, "127.0.0.1:40000 → 127.0.0.1:80");
        let lost = json!({"local": null, "remote": "10.0.0.1:80", "syn_retransmits": 2});
        let said = stage_words(&stage(StageName::Connect, false, &lost));
        assert_eq!(said, "→ 10.0.0.1:80, SYN sent 3 times");
        let names = json!({"addresses": ["::1", "127.0.0.1"], "not_tried": ["::1"]});
        let said = stage_words(&stage(StageName::Resolve, true, &names));
        assert_eq!(said, "::1, 127.0.0.1; not tried: ::1");
    }

    #[test]
    fn a_hostile_greeting_is_cleaned_and_cut() {
        let banner = json!({"bytes": 9, "text": format!("\x1b[2J{}\r\nsecond", "x".repeat(200))});
        let said = stage_words(&stage(StageName::Greeting, true, &banner));
        assert!(!said.contains('\x1b') && !said.contains("second"), "{said:?}");
        assert!(said.chars().count() <= GREETING_CHARS + 2, "{said:?}");
    }

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
        assert!(line.starts_with("2 sent, 0 ok, 2 lost; connect min -, p50 -"), "{line}");
    }
}
