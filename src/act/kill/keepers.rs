//! Keepers in words: who would start it again, what stops only that, what a wider command costs.

use super::words::list;
use crate::model::action::KillPlan;
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};
use crate::text::shell;

/// A line for each keeper, the best command first.
pub(super) fn advice(plan: &KillPlan) -> Vec<String> {
    let mut keepers: Vec<&Keeper> = plan.keepers.iter().collect();
    keepers.sort_by_key(|keeper| !keeper.is_narrow());
    let mut lines: Vec<String> = Vec::new();
    for keeper in keepers {
        let is_alone = plan.keepers.iter().filter(|other| *other != keeper).all(|other| {
            !other.may_restart() || other.of.iter().all(|pid| !keeper.of.contains(pid))
        });
        let line = format!("{}; {}.", restarts(keeper, is_alone), command(keeper));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Whether it starts its process again; `is_alone` when nobody else would.
fn restarts(keeper: &Keeper, is_alone: bool) -> String {
    let name = match (keeper.kind, &keeper.instance) {
        (KeeperKind::Systemd, _) | (_, None) => keeper.name.clone(),
        (KeeperKind::Container, _) => format!("container {}", keeper.name),
        (KeeperKind::Machine, _) => format!("machine {}", keeper.name),
        (KeeperKind::Swarm, _) => format!("the swarm service {}", keeper.name),
        (_, Some(instance)) => format!("{} ({instance})", keeper.name),
    };
    let name = match (keeper.confirmed, keeper.kind) {
        (Some(Confirmed::Path), KeeperKind::Systemd | KeeperKind::Container) => {
            format!("{name}, as its control group claims,")
        }
        _ => name,
    };
    if keeper.is_behind {
        let policy = keeper.policy.as_ref().map_or(String::new(), |policy| format!(" ({policy})"));
        return format!("{name} is behind it{policy}");
    }
    let policy = keeper.policy.as_ref().map_or(String::new(), |policy| format!(" ({policy})"));
    match keeper.restarts {
        Some(true) => format!("{name} starts it again{policy}"),
        // Its own process holds the socket, and goes on without it.
        Some(false) if keeper.kind == KeeperKind::Pm2 && keeper.stop.is_none() => {
            format!("{name} holds the socket for an application of its own")
        }
        Some(false) if keeper.ends_holder == Some(false) => match keeper.kind {
            KeeperKind::Pm2 => format!("{name} holds the socket for an application of its own"),
            _ => format!("systemd holds the socket for {name}"),
        },
        Some(false) if is_alone => {
            format!("{name} runs it, and does not start it again by itself{policy}")
        }
        Some(false) => format!("{name} runs it{policy}"),
        None => format!("{name} may start it again{policy}"),
    }
}

/// The first command that ends the victims, lasts, and stops nothing else, as it is typed; uncleaned.
pub fn narrow_command(plan: &KillPlan) -> Option<String> {
    let narrow = plan.keepers.iter().find(|keeper| keeper.is_narrow())?;
    narrow.stop.as_deref().map(typed)
}

/// A command for people, who may type a password where it is asked for.
fn typed(argv: &[String]) -> String {
    let words: Vec<&String> = argv.iter().filter(|word| *word != "--no-ask-password").collect();
    shell::line(&words)
}

fn command(keeper: &Keeper) -> String {
    let reason = keeper.reason.as_deref();
    let Some(stop) = &keeper.stop else {
        return match (&keeper.untested, reason) {
            (Some(untested), Some(reason)) => {
                let command = shell::line(untested);
                format!("this would stop it, if it is true: {command} (not confirmed: {reason})")
            }
            (Some(untested), None) => {
                format!("this would stop it, if it is true: {}", shell::line(untested))
            }
            (None, Some(reason)) => reason.to_owned(),
            (None, None) => "no command is known that stops only that".to_owned(),
        };
    };
    let command = typed(stop);
    if let Some(outer) = &keeper.undone_by {
        return format!("{command} does not last, since {outer} starts it again");
    }
    let also = list(keeper.stops_also.iter().cloned());
    match (keeper.ends_holder, also.is_empty()) {
        (None, true) => format!(
            "{command} keeps it from that, but may leave the process itself running, to be \
             ended then"
        ),
        (None, false) => format!("{command} keeps it from that, and stops {also} as well"),
        (Some(_), true) => format!("this stops only that: {command}"),
        (Some(_), false) => format!("{command} stops it, and with it {also}"),
    }
}
