//! The answer to `why 0`, as lines.

use std::net::SocketAddr;

use super::{clean, shell};
use crate::model::ephemeral::EphemeralReport;

/// The verdict in one line.
pub fn verdict(report: &EphemeralReport) -> String {
    let EphemeralReport { target, range, .. } = report;
    let errors: Vec<&str> =
        report.trial.iter().filter_map(|trial| trial.error.as_deref()).collect();
    let answer = match errors.first() {
        None => "is given a port (tried)".to_owned(),
        Some(error) => format!("is not given a port (tried: {})", clean(error)),
    };
    let range = range.map_or_else(
        || "the range of outgoing ports is not known".to_owned(),
        |range| {
            let (first, last) = (range.first, range.last);
            format!("{} of {} ports of {first}-{last} are in use", range.used, range.usable)
        },
    );
    format!("a bind of port {target} {answer}: {range}")
}

/// The findings with what would help, then the fullest destinations.
pub fn lines(report: &EphemeralReport) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, finding) in report.findings.iter().enumerate() {
        let text = clean(&finding.text);
        let commands: Vec<String> =
            finding.remedies.iter().map(|remedy| shell::line(&remedy.argv)).collect();
        let arrow = if commands.is_empty() { "" } else { "  → " };
        lines.push(format!("{:>3} {text}{arrow}{}", index + 1, commands.join("  or  ")));
    }
    for destination in &report.destinations {
        let to = SocketAddr::new(destination.remote_addr, destination.remote_port);
        let users: Vec<String> = destination
            .holders
            .iter()
            .map(|user| format!("{} {} ({})", clean(&user.name), user.pid, user.connections))
            .collect();
        let users =
            if users.is_empty() { String::new() } else { format!(": {}", users.join(", ")) };
        lines.push(format!(
            "  · {} → {to}: {} ports ({} %), {} in TIME_WAIT{users}",
            destination.local_addr, destination.used, destination.percent, destination.time_wait
        ));
    }
    if report.destinations_more > 0 {
        lines.push(format!("  · and {} more destinations", report.destinations_more));
    }
    let troubled = report.health.iter().filter(|health| health.is_troubled());
    lines.extend(
        troubled.filter_map(|health| Some(format!("  ! {}", clean(health.reason.as_ref()?)))),
    );
    lines
}
