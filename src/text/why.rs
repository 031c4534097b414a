//! The answer to "why can('t) this be bound", as lines for the command line and the dialog.

use std::collections::BTreeSet;
use std::net::IpAddr;

use std::time::Duration;

use super::{clean, shell, units};
use crate::model::health::{Health, Source};
use crate::model::unix_path::PathReport;
use crate::model::why::{Looks, Remedy, RuleFacts, TrialBind, WhyFinding, WhyKind, WhyReport};

/// The verdict in one line: `0.0.0.0:8080/tcp cannot be bound (tried: EADDRINUSE, with
/// SO_REUSEADDR too)`.
pub fn verdict(report: &WhyReport) -> String {
    let plain = || plain_trials(report);
    let protocol = if report.udp { "udp" } else { "tcp" };
    let port = format!("{}/{protocol}", report.port);
    if let Some(Looks { held, taken }) = report.looks {
        return format!("{port} changes while it is looked at: held in {held} of {taken} looks");
    }
    let Some(refused) = plain().find(|trial| !trial.succeeded()) else {
        let whole = match plain().next() {
            Some(only) if plain().count() == 1 => place(only, &port),
            _ => port,
        };
        return format!("{whole} can be bound (tried)");
    };
    let place = place(refused, &port);
    let error = clean(refused.error.as_deref().unwrap_or("refused")).into_owned();
    let with = |option: &str, is_it: fn(&TrialBind) -> bool| {
        let trial = report.trial.iter().find(|trial| is_it(trial) && trial.is_beside(refused))?;
        Some(match (trial.tried, &trial.error) {
            (false, _) => format!("not tried {option}"),
            (true, None) => format!("succeeds {option}"),
            (true, Some(again)) if again == &error => format!("{option} too"),
            (true, Some(other)) => format!("{option}: {}", clean(other)),
        })
    };
    let options = [
        with("with SO_REUSEADDR", |trial| trial.reuse_addr),
        with("with SO_REUSEPORT", |trial| trial.reuse_port),
    ];
    let tried: Vec<String> = [Some(error.clone())].into_iter().chain(options).flatten().collect();
    format!("{place} cannot be bound (tried: {})", tried.join(", "))
}

/// The verdict on a path in one line.
pub fn path_verdict(report: &PathReport) -> String {
    let path = clean(&report.target);
    match &report.error {
        None => format!("{path} can be bound: nothing is there"),
        Some(error) => format!("{path} cannot be bound ({})", clean(error)),
    }
}

/// The findings on a path, then what the sources could not tell.
pub fn path_lines(report: &PathReport) -> Vec<String> {
    let findings = report.findings.iter().enumerate();
    let mut lines: Vec<String> =
        findings.map(|(index, finding)| finding_line(index + 1, finding)).collect();
    let troubled = report.health.iter().filter(|health| {
        health.is_troubled() && (report.listening.is_none() || health.source == Source::Owners)
    });
    lines.extend(
        troubled.filter_map(|health| Some(format!("  ! {}", clean(health.reason.as_ref()?)))),
    );
    lines
}

/// The findings, numbered, each with what would help; then what is otherwise known.
pub fn lines(report: &WhyReport) -> Vec<String> {
    let findings = report.findings.iter().enumerate();
    let findings = findings.map(|(index, finding)| finding_line(index + 1, finding));
    findings.chain(notes(report).into_iter().map(|(lead, text)| format!("{lead}{text}"))).collect()
}

/// The findings without what would help, then what is otherwise known: each with the number or
/// sign before it, and its text.
pub fn evidence(report: &WhyReport) -> Vec<(String, String)> {
    let number = |(index, finding): (usize, &WhyFinding)| {
        (format!("{:>3} ", index + 1), clean(&finding.text).into_owned())
    };
    report.findings.iter().enumerate().map(number).chain(notes(report)).collect()
}

/// A bind as it was tried: `[::]:8080 (IPv6 only), with SO_REUSEADDR`.
pub fn bind(trial: &TrialBind, port: u16) -> String {
    let option = |is_set: bool, name: &'static str| if is_set { name } else { "" };
    let reuse_addr = option(trial.reuse_addr, ", with SO_REUSEADDR");
    let reuse_port = option(trial.reuse_port, ", with SO_REUSEPORT");
    format!("{}{reuse_addr}{reuse_port}", place(trial, &port.to_string()))
}

fn notes(report: &WhyReport) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let known = partial(report).into_iter().chain(rules(report.port, &report.rules));
    let known = known.chain(nothing_dropped(report));
    lines.extend(known.map(|line| ("  · ".to_owned(), line)));
    // Whose processes could not be read matters where a socket is named.
    let names_sockets = report.findings.iter().any(|finding| !finding.sockets.is_empty());
    // A listener on a port that is not free is not asked about.
    let matters = |health: &&Health| {
        health.is_troubled()
            && match health.source {
                Source::Owners => names_sockets,
                Source::Nat => report.bindable,
                _ => true,
            }
    };
    let troubled = report.health.iter().filter(matters);
    for reason in troubled.filter_map(|health| health.reason.as_ref()) {
        lines.push(("  ! ".to_owned(), clean(reason).into_owned()));
    }
    lines
}

fn finding_line(number: usize, finding: &WhyFinding) -> String {
    let text = clean(&finding.text);
    let remedies: Vec<String> = finding.remedies.iter().map(command).collect();
    if remedies.is_empty() {
        return format!("{number:>3} {text}");
    }
    format!("{number:>3} {text}  → {}", remedies.join("  or  "))
}

/// A remedy as it would be typed into a shell.
pub fn command(remedy: &Remedy) -> String {
    shell::line(&remedy.argv)
}

/// Where a plain bind succeeds though not everywhere.
fn partial(report: &WhyReport) -> Option<String> {
    let free: BTreeSet<String> = plain_trials(report)
        .filter(|trial| trial.succeeded())
        .map(|trial| place(trial, &report.port.to_string()))
        .collect();
    let some = !report.bindable && !free.is_empty();
    some.then(|| {
        let free: Vec<String> = free.into_iter().collect();
        format!("{} can be bound (tried)", free.join(" and "))
    })
}

fn plain_trials(report: &WhyReport) -> impl Iterator<Item = &TrialBind> {
    report.trial.iter().filter(|trial| trial.is_plain() && !trial.is_without_family())
}

/// An address with a `port` as it is written: `[::]:8080/tcp (IPv6 only)`.
fn place(trial: &TrialBind, port: &str) -> String {
    match (trial.addr, trial.v6_only) {
        (IpAddr::V4(addr), _) => format!("{addr}:{port}"),
        (IpAddr::V6(addr), Some(true)) => format!("[{addr}]:{port} (IPv6 only)"),
        (IpAddr::V6(addr), Some(false)) => format!("[{addr}]:{port} (IPv6 and IPv4)"),
        (IpAddr::V6(addr), None) => format!("[{addr}]:{port}"),
    }
}

/// Which of the host's rules do not touch the port: those that do are findings.
fn rules(port: u16, rules: &RuleFacts) -> Option<String> {
    let not = [
        (rules.ephemeral == Some(false)).then_some("outside the ephemeral range"),
        (rules.reserved == Some(false)).then_some("not reserved"),
        (rules.privileged == Some(false)).then_some("not privileged"),
    ];
    let not: Vec<&str> = not.into_iter().flatten().collect();
    (!not.is_empty()).then(|| format!("{port} is {}", not.join(", ")))
}

/// That packets were watched, and none had a bad fate.
fn nothing_dropped(report: &WhyReport) -> Option<String> {
    let is_it = |it: &WhyFinding| matches!(it.kind, WhyKind::Dropped | WhyKind::Reset);
    let span = units::duration(Duration::from_millis(report.watched_ms?));
    let is_clean = !report.findings.iter().any(is_it);
    is_clean.then(|| format!("no packet to it was dropped and nobody was reset within {span}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> WhyReport {
        let trial = |reuse_addr, reuse_port, error: Option<&str>| TrialBind {
            addr: [0, 0, 0, 0].into(),
            v6_only: None,
            reuse_addr,
            reuse_port,
            tried: true,
            error: error.map(str::to_owned),
        };
        WhyReport {
            target: "8080".to_owned(),
            port: 8080,
            udp: false,
            bindable: false,
            trial: vec![
                trial(false, false, Some("EADDRINUSE")),
                trial(true, false, Some("EADDRINUSE")),
                trial(false, true, None),
            ],
            findings: Vec::new(),
            rules: RuleFacts {
                privileged: Some(false),
                ephemeral: Some(false),
                reserved: Some(true),
            },
            looks: None,
            watched_ms: None,
            health: Vec::new(),
        }
    }

    #[test]
    fn the_verdict_says_what_was_tried() {
        let mut report = report();
        let expected = "0.0.0.0:8080/tcp cannot be bound \
                        (tried: EADDRINUSE, with SO_REUSEADDR too, succeeds with SO_REUSEPORT)";
        assert_eq!(verdict(&report), expected);
        for trial in &mut report.trial {
            trial.error = None;
        }
        assert_eq!(verdict(&report), "0.0.0.0:8080/tcp can be bound (tried)");
    }

    #[test]
    fn unread_owners_are_told_only_beside_sockets() {
        let health =
            [Source::Owners, Source::Sockets].map(|source| Health::degraded(source, source.name()));
        let report = WhyReport { health: health.to_vec(), ..report() };
        let troubles: Vec<String> =
            lines(&report).into_iter().filter(|line| line.contains('!')).collect();
        assert_eq!(troubles, ["  ! sockets"]);
    }

    #[test]
    fn findings_are_numbered_and_hostile_names_are_harmless() {
        let remedy = Remedy {
            text: "stop it".to_owned(),
            argv: ["systemctl", "stop", "--", "a b\x1b';x"].map(str::to_owned).to_vec(),
        };
        let finding = WhyFinding {
            kind: WhyKind::Listener,
            text: "held by \x1b[31mx".to_owned(),
            sockets: Vec::new(),
            remedies: vec![remedy],
            forwards: Vec::new(),
            reuse: None,
        };
        let lines = lines(&WhyReport { findings: vec![finding], ..report() });
        assert!(lines[0].starts_with("  1 held by "), "{lines:?}");
        assert!(lines[0].contains("→ systemctl stop -- 'a b"), "{lines:?}");
        assert!(!lines[0].contains('\x1b') && lines[0].ends_with("'\\'';x'"), "{lines:?}");
        assert_eq!(lines[1], "  · 8080 is outside the ephemeral range, not privileged");
    }
}
