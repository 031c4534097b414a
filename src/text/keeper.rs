//! Keepers in words: who would start it again, what stops only that, what a wider command costs.
//! Names are uncleaned: whoever shows a line cleans it.

use super::shell;
use crate::model::action::Parent;
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};

/// More names than this are counted.
const MOST: usize = 6;

/// A clause for each keeper, the best command first.
pub fn clauses(keepers: &[Keeper]) -> Vec<(&Keeper, String)> {
    let mut sorted: Vec<&Keeper> = keepers.iter().collect();
    sorted.sort_by_key(|keeper| (!keeper.is_narrow(), keeper.undone_by.is_some()));
    let mut lines: Vec<(&Keeper, String)> = Vec::new();
    for keeper in sorted {
        let is_alone = keepers.iter().filter(|other| *other != keeper).all(|other| {
            !other.may_restart() || other.of.iter().all(|pid| !keeper.of.contains(pid))
        });
        let removed =
            if keeper.is_temporary { ", and is removed once it has ended (--rm)" } else { "" };
        let line = format!("{}{removed}; {}", restarts(keeper, is_alone), command(keeper));
        if !lines.iter().any(|(_, known)| *known == line) {
            lines.push((keeper, line));
        }
    }
    lines
}

/// Whether it starts its process again; `is_alone` when nobody else would.
fn restarts(keeper: &Keeper, is_alone: bool) -> String {
    let name = match (keeper.kind, &keeper.instance) {
        (KeeperKind::Systemd, _) | (_, None) => keeper.name.clone(),
        (KeeperKind::Container, _) => format!("container {}", keeper.name),
        (KeeperKind::Pod, _) => format!("pod {}", keeper.name),
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
        // The holder itself, which goes on without the socket.
        Some(false)
            if keeper.pid.is_none()
                && matches!(keeper.kind, KeeperKind::Pm2 | KeeperKind::SuperServer) =>
        {
            format!("{name} holds the socket for what it starts")
        }
        Some(false) if keeper.ends_holder == Some(false) => {
            format!("systemd holds the socket for {name}{policy}")
        }
        Some(false) if is_alone => {
            format!("{name} runs it, and does not start it again by itself{policy}")
        }
        Some(false) => format!("{name} runs it{policy}"),
        None => format!("{name} may start it again{policy}"),
    }
}

/// That those who started the processes live on, as a clause; `None` when nobody does.
pub fn lives_on(parents: &[Parent]) -> Option<String> {
    let nearest = parents.first()?;
    Some(format!("{} {}, which started it, lives on", nearest.name, nearest.key.pid))
}

/// The first command that ends the processes, lasts, and stops nothing else, as people type it.
pub fn narrow(keepers: &[Keeper]) -> Option<Vec<String>> {
    let narrow = keepers.iter().find(|keeper| keeper.is_narrow())?;
    narrow.command().map(typed)
}

/// A command for people, who may type a password where it is asked for.
pub fn typed(argv: &[String]) -> Vec<String> {
    argv.iter().filter(|word| *word != "--no-ask-password").cloned().collect()
}

fn command(keeper: &Keeper) -> String {
    let reason = keeper.reason.as_deref();
    let Some(stop) = keeper.command() else {
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
    let command = shell::line(&typed(stop));
    if let Some(outer) = &keeper.undone_by {
        return format!("{command} does not last, since {outer} starts it again");
    }
    let also = list(&keeper.stops_also);
    let as_root = match keeper.kind {
        _ if !keeper.needs_root => "",
        KeeperKind::Systemd | KeeperKind::Machine => ", as root or where polkit lets you",
        _ => ", as root",
    };
    let text = match (keeper.ends_holder, also.is_empty()) {
        (None, true) => format!(
            "{command} keeps it from that, but may leave the process itself running, to be \
             ended then"
        ),
        (None, false) => format!("{command} keeps it from that, and stops {also} as well"),
        (Some(_), true) if keeper.starts.is_empty() => {
            format!("this stops only that{as_root}: {command}")
        }
        (Some(_), true) => format!("{command} stops it"),
        (Some(_), false) => format!("{command} stops it, and with it {also}"),
    };
    let started = match keeper.ends_children.is_empty() {
        true => String::new(),
        false => format!("what it has started ends with it ({}); ", list(&keeper.ends_children)),
    };
    let starts = match keeper.starts.is_empty() {
        true => String::new(),
        false => {
            let units = list(&keeper.starts);
            format!("; systemd may then start {units} (OnSuccess=, OnFailure=, ExecStopPost=)")
        }
    };
    format!("{started}{text}{starts}")
}

/// `a`, `a and b`, `a, b and c`; more than [`MOST`] are counted.
fn list(names: &[String]) -> String {
    let shown = if names.len() > MOST { &names[..MOST - 1] } else { names };
    let rest = names.len() - shown.len();
    let rest = (rest > 0).then(|| format!("{rest} more"));
    let all: Vec<&str> = shown.iter().chain(&rest).map(String::as_str).collect();
    match all.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_along_is_listed_and_the_rest_is_counted() {
        let names = |count: usize| (1..=count).map(|at| at.to_string()).collect::<Vec<String>>();
        assert_eq!(list(&[]), "");
        assert_eq!(list(&names(1)), "1");
        assert_eq!(list(&names(3)), "1, 2 and 3");
        assert_eq!(list(&names(9)), "1, 2, 3, 4, 5 and 4 more");
    }

    #[test]
    fn one_model_has_one_wording() {
        let narrow = Keeper {
            restarts: Some(true),
            policy: Some("Restart=always".to_owned()),
            stop: Some(["systemctl", "stop", "--no-ask-password", "a"].map(Into::into).to_vec()),
            ends_holder: Some(true),
            ..Keeper::new(KeeperKind::Systemd, "a.service", 7)
        };
        let wide = Keeper { stops_also: vec!["b 8".to_owned()], ..narrow.clone() };
        let said = |keeper: &Keeper| clauses(std::slice::from_ref(keeper)).remove(0).1;
        let expected = "a.service starts it again (Restart=always); this stops only that: \
                        systemctl stop a";
        assert_eq!(said(&narrow), expected);
        assert!(said(&wide).ends_with("systemctl stop a stops it, and with it b 8"));
        let lines = clauses(&[wide.clone(), narrow.clone()]).len();
        assert_eq!(lines, 2);
        let behind = Keeper { is_behind: true, restarts: Some(false), ..narrow };
        assert!(said(&behind).starts_with("a.service is behind it (Restart=always); this stops"));
        assert_eq!(super::narrow(&[wide]), None);
    }
}
