//! Yes, no, or not permitted.

use super::words::{list, target_name, who};
use crate::act::{Completion, Obstacle};
use crate::model::action::{KillOutcome, KillPlan, KillTarget};
use crate::model::owner::OwnershipKind;

/// How much of a plan that was run came true.
pub fn completion(plan: &KillPlan, outcome: &KillOutcome) -> Completion {
    let ended = outcome.victims.iter().all(|victim| victim.exited) && !outcome.victims.is_empty();
    let spared = !outcome.spared.is_empty();
    let done = match outcome.port_free {
        Some(free) => free,
        None => ended && !spared,
    };
    let refused = outcome.victims.iter().any(|victim| victim.refused);
    // Free for now, but it is known who comes back.
    let comes_back = outcome.port_free == Some(true) && outcome.port_reason.is_some();
    if comes_back {
        Completion::Incomplete
    } else if done {
        Completion::Done
    } else if refused || (outcome.respawned.is_none() && is_hidden(plan)) {
        Completion::NotPermitted
    } else {
        Completion::Incomplete
    }
}

/// Why this plan has no victims; `None` when it has some.
pub fn obstacle(plan: &KillPlan) -> Option<Obstacle> {
    if !plan.victims.is_empty() {
        return None;
    }
    let name = target_name(&plan.target);
    let sentence = if let Some(first) = plan.unattributed.first() {
        let why = first.ownership.reason.as_deref().unwrap_or("its owner is not known");
        match first.ownership.kind {
            OwnershipKind::Kernel => match &first.ownership.reason {
                Some(purpose) => format!("{name} is held by the kernel {purpose}"),
                None => format!("{name} is held by the kernel, not by a process"),
            },
            _ => format!("{name} is held, but by which process is not known: {why}"),
        }
    } else if !plan.spared.is_empty() {
        let names = plan.spared.iter().map(|spared| {
            format!("{} is left alone: {}", who(&spared.name, spared.pid), spared.reason)
        });
        list(names)
    } else {
        match &plan.target {
            KillTarget::Port { addr: None, .. } => format!("nothing holds {name}"),
            KillTarget::Port { addr: Some(_), .. } => {
                format!("nothing is bound to exactly {name}")
            }
            KillTarget::Path { path, .. } => {
                format!("no process listens on {path} (see sockpit why {path})")
            }
            KillTarget::Pid { pid } => format!("there is no process {pid}"),
        }
    };
    Some(Obstacle { sentence, not_permitted: is_hidden(plan) })
}

fn is_hidden(plan: &KillPlan) -> bool {
    let beyond = |kind| matches!(kind, OwnershipKind::Hidden | OwnershipKind::Foreign);
    plan.unattributed.iter().any(|socket| beyond(socket.ownership.kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::kill::{Facts, Options, plan};
    use crate::model::action::VictimOutcome;

    /// How much came true for one victim of a kill by port.
    fn judge(exited: bool, refused: bool, port_free: Option<bool>) -> Completion {
        let target = KillTarget::Port { port: 80, udp: false, addr: None };
        let plan = plan(&target, &[], &Facts::default(), &Options::default());
        let victim = VictimOutcome {
            pid: 7,
            name: "x".to_owned(),
            signals: Vec::new(),
            exited,
            exit_after_ms: None,
            reason: None,
            refused,
        };
        let outcome = KillOutcome {
            target: target.arguments(),
            victims: vec![victim],
            spared: Vec::new(),
            port_free,
            proof: None,
            port_reason: None,
            respawned: None,
            watched_ms: 1_000,
            keepers: Vec::new(),
            parents: Vec::new(),
        };
        completion(&plan, &outcome)
    }

    #[test]
    fn a_port_is_judged_by_the_port_and_a_process_by_its_end() {
        assert_eq!(judge(true, false, Some(true)), Completion::Done);
        assert_eq!(judge(true, false, Some(false)), Completion::Incomplete);
        assert_eq!(judge(false, false, Some(true)), Completion::Done);
        assert_eq!(judge(true, false, None), Completion::Done);
        assert_eq!(judge(false, false, None), Completion::Incomplete);
    }

    #[test]
    fn a_refused_signal_is_a_matter_of_rights() {
        assert_eq!(judge(false, true, Some(false)), Completion::NotPermitted);
        assert_eq!(judge(false, true, None), Completion::NotPermitted);
    }
}
