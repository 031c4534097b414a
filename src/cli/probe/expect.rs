//! `--expect`: what a script expects of each target.

use regex::Regex;

use super::super::Failure;
use crate::model::dialogue::Answer;
use crate::model::probe::{Detail, OutcomeKind, ProbeReport, RequestDetail};
use crate::text;

/// One condition: a fact, how it compares, with what.
#[derive(Debug)]
pub(super) struct Condition {
    written: String,
    fact: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Equal(String),
    Unequal(String),
    Less(f64),
    AtMost(f64),
    More(f64),
    AtLeast(f64),
    Matches(Regex),
}

/// What can be asked for; names of times are the summary's.
const FACTS: &str = "outcome, side, status, banner, software, rcode, address, tls.version, \
                     tls.cipher, tls.group, tls.alpn, tls.fault, tls.days_left, sent, ok, lost, \
                     min, p50, p90, p99, max";

impl Condition {
    /// Reads `status=200`, `tls.days_left>14`, `banner~/OpenSSH/`, `p99<50ms`.
    pub(super) fn read(written: &str) -> Result<Self, Failure> {
        let usage =
            |wrong: String| Failure::usage(format!("--expect `{}`: {wrong}", text::clean(written)));
        let begin = written
            .find(['=', '!', '<', '>', '~'])
            .ok_or_else(|| usage("it compares nothing; write status=200 or p99<50ms".into()))?;
        let (fact, rest) = written.split_at(begin);
        let fact = fact.trim().to_owned();
        if !FACTS.split(", ").any(|known| known == fact) {
            return Err(usage(format!("`{fact}` is no fact of a probe; there are {FACTS}")));
        }
        let is_time = ["min", "p50", "p90", "p99", "max"].contains(&fact.as_str());
        let number = |value: &str| -> Result<f64, Failure> {
            let value = value.trim();
            if is_time {
                let span = text::duration::parse(value).map_err(|e| usage(e.to_string()))?;
                return Ok(span.as_secs_f64() * 1e6);
            }
            value.parse().map_err(|_| usage(format!("`{value}` is no number")))
        };
        let named = |value: &str| -> Result<String, Failure> {
            let value = value.trim();
            match fact.as_str() {
                _ if is_time => return Err(usage("times are compared by < and >".into())),
                "outcome" if !OutcomeKind::ALL.iter().any(|kind| kind.name() == value) => {
                    let names: Vec<&str> = OutcomeKind::ALL.iter().map(|it| it.name()).collect();
                    return Err(usage(format!(
                        "there is no outcome `{value}`: {}",
                        names.join(" ")
                    )));
                }
                "status" => drop(number(value)?),
                _ => {}
            }
            Ok(value.to_owned())
        };
        let test = if let Some(value) = rest.strip_prefix("<=") {
            Test::AtMost(number(value)?)
        } else if let Some(value) = rest.strip_prefix(">=") {
            Test::AtLeast(number(value)?)
        } else if let Some(value) = rest.strip_prefix('<') {
            Test::Less(number(value)?)
        } else if let Some(value) = rest.strip_prefix('>') {
            Test::More(number(value)?)
        } else if let Some(value) = rest.strip_prefix("!=") {
            Test::Unequal(named(value)?)
        } else if let Some(value) = rest.strip_prefix('=') {
            Test::Equal(named(value)?)
        } else if let Some(value) = rest.strip_prefix('~') {
            let value = value.trim();
            let bare = value.strip_prefix('/').and_then(|it| it.strip_suffix('/'));
            let regex = Regex::new(bare.unwrap_or(value));
            Test::Matches(regex.map_err(|error| usage(error.to_string()))?)
        } else {
            return Err(usage("! must be followed by =, as in outcome!=ok".into()));
        };
        Ok(Self { written: written.to_owned(), fact, test })
    }

    /// Whether it is about the outcome, so that this need not be ok.
    pub(super) fn is_about_outcome(&self) -> bool {
        self.fact == "outcome"
    }

    /// Why it is not met, in words; `None` where it is. What is unknown meets nothing.
    pub(super) fn unmet(&self, report: &ProbeReport) -> Option<String> {
        let value = fact(&self.fact, report);
        let number = value.as_deref().and_then(|value| value.parse::<f64>().ok());
        let is_met = match (&self.test, &value, number) {
            (Test::Equal(wanted), Some(value), _) => value == wanted,
            (Test::Unequal(wanted), Some(value), _) => value != wanted,
            (Test::Matches(regex), Some(value), _) => regex.is_match(value),
            (Test::Less(limit), _, Some(number)) => number < *limit,
            (Test::AtMost(limit), _, Some(number)) => number <= *limit,
            (Test::More(limit), _, Some(number)) => number > *limit,
            (Test::AtLeast(limit), _, Some(number)) => number >= *limit,
            _ => false,
        };
        let value = value.unwrap_or_else(|| "unknown".to_owned());
        (!is_met).then(|| {
            format!(
                "{}: expected {}, but it is {}",
                text::clean(&report.target),
                text::clean(&self.written),
                text::clean(&value)
            )
        })
    }
}

/// A fact of a report; times in microseconds.
fn fact(name: &str, report: &ProbeReport) -> Option<String> {
    let last = report.attempts.last()?;
    let summary = &report.summary;
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    match name {
        "outcome" => Some(report.verdict.outcome.name().to_owned()),
        "side" => report.verdict.side.map(|side| side.name().to_owned()),
        "address" => last.address.map(|address| address.to_string()),
        "sent" => number(Some(summary.sent)),
        "ok" => number(Some(summary.ok)),
        "lost" => number(Some(summary.lost)),
        "min" => number(summary.min_us),
        "p50" => number(summary.p50_us),
        "p90" => number(summary.p90_us),
        "p99" => number(summary.p99_us),
        "max" => number(summary.max_us),
        _ => last.stages.iter().find_map(|stage| of_stage(name, &stage.detail)),
    }
}

fn of_stage(name: &str, detail: &Detail) -> Option<String> {
    match (name, detail) {
        ("banner", Detail::Greeting(found)) => found.greeting.text.clone(),
        ("software", Detail::Greeting(found)) => found.greeting.software.clone(),
        ("status", Detail::Request(RequestDetail::Answer(answer))) => match &**answer {
            Answer::Http(http) => Some(http.status.to_string()),
            _ => None,
        },
        ("rcode", Detail::Request(RequestDetail::Answer(answer))) => match &**answer {
            Answer::Dns(dns) => Some(dns.rcode.clone()),
            _ => None,
        },
        ("tls.version", Detail::Tls(tls)) => tls.version.clone(),
        ("tls.cipher", Detail::Tls(tls)) => tls.cipher.clone(),
        ("tls.group", Detail::Tls(tls)) => tls.group.clone(),
        ("tls.alpn", Detail::Tls(tls)) => tls.alpn.clone(),
        ("tls.fault", Detail::Tls(tls)) => {
            Some(tls.fault.map_or("none", |fault| fault.name()).to_owned())
        }
        ("tls.days_left", Detail::Tls(tls)) => {
            tls.peer.first().and_then(|own| own.days_left).map(|days| days.to_string())
        }
        _ => None,
    }
}
