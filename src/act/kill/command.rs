//! The command line that ends whom a plan ends.

use std::time::Duration;

use super::{Consent, DEFAULT_TIMEOUT};
use crate::model::action::{KillPlan, KillTarget, usual_watch_ms};
use crate::model::signal::Signal;

/// Program and arguments that do the same as this plan, run with this consent.
pub fn command(plan: &KillPlan, consent: Consent) -> Vec<String> {
    let mut argv = vec!["sockpit".to_owned(), "kill".to_owned()];
    match &plan.target {
        KillTarget::Path { path, .. } => argv.push(path.clone()),
        target => argv.extend(target.arguments().split(' ').map(str::to_owned)),
    }
    let signals = plan.victims.first().map_or(&[][..], |victim| &victim.signals);
    if let Some(first) = signals.first().filter(|signal| **signal != Signal::Term) {
        argv.extend(["--signal".to_owned(), first.name().to_owned()]);
    }
    let mut flag = |is_set: bool, name: &str| argv.extend(is_set.then(|| name.to_owned()));
    flag(signals.contains(&Signal::Kill), "--force");
    flag(plan.victims.iter().any(|victim| victim.child_of.is_some()), "--tree");
    flag(consent.protected && plan.protected, "--protected");
    let timeout = Duration::from_millis(plan.timeout_ms);
    if timeout != DEFAULT_TIMEOUT {
        argv.extend(["--timeout".to_owned(), format!("{}ms", plan.timeout_ms)]);
    }
    if plan.watch_ms != usual_watch_ms(&plan.keepers, &plan.parents) {
        argv.extend(["--watch".to_owned(), format!("{}ms", plan.watch_ms)]);
    }
    argv
}
