//! The watch goes on while somebody is about to bring the process back.

use std::thread;
use std::time::{Duration, Instant};

use super::super::Progress;
use super::super::words::target_name;
use super::{Port, Proof};
use crate::inspect::keepers::{self, After};
use crate::model::action::usual_watch_ms;
use crate::model::keeper::{Keeper, KeeperKind};
use crate::sys::process;

/// Nobody is made to wait longer than this for what a keeper is about to do.
const LONGEST: Duration = Duration::from_secs(15);
/// The pause between two questions to a keeper.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(250);
/// So long a program may take to its listener once whoever starts it has come to it.
const START: Duration = Duration::from_secs(1);

impl Port<'_, '_> {
    /// Waits on while a keeper says that it is about to bring the process back, or a parent has
    /// gone on to its next command, where nobody has said how long to wait. What is not over then is
    /// the reason why the port does not stay free.
    pub(super) fn coming(
        &mut self,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Option<String>, Proof> {
        let victims = &self.plan.victims;
        let Some(since) = victims.iter().map(|victim| victim.key.start_time).max() else {
            return Ok(None);
        };
        let may = |keeper: &&Keeper| keeper.may_restart() && !keeper.is_behind;
        for keeper in self.plan.keepers.iter().filter(may) {
            let coming =
                self.wait_while(Duration::ZERO, tell, &mut |port| port.announces(keeper, since))?;
            if coming.is_some() {
                return Ok(coming);
            }
        }
        for keeper in self.plan.keepers.iter().filter(|keeper| !keeper.starts.is_empty()) {
            if let Some(reason) = self.next(keeper, since, tell)? {
                return Ok(Some(reason));
            }
        }
        self.wait_while(START, tell, &mut |port| port.goes_on())
    }

    /// Waits on while what systemd starts in place of a unit comes to the port. One that runs and
    /// does not hold the port has not taken it: only what is being started yet is a reason.
    fn next(
        &mut self,
        keeper: &Keeper,
        since: u64,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Option<String>, Proof> {
        let target = target_name(&self.plan.target);
        let mut is_starting = false;
        let reason = self.wait_while(START, tell, &mut |_| {
            let (unit, after) = keepers::next(keeper, since)?;
            is_starting = matches!(after, After::Starting(_));
            let name = &keeper.name;
            Some(format!("{target} is free now; systemd is starting {unit}, as {name} has ended"))
        })?;
        Ok(reason.filter(|_| is_starting))
    }

    /// Watches the port while there is a reason to, and for this time after the last one; at the end
    /// of the patience the reason that there is yet.
    fn wait_while(
        &mut self,
        after: Duration,
        tell: &mut dyn FnMut(Progress),
        reason: &mut dyn FnMut(&Self) -> Option<String>,
    ) -> Result<Option<String>, Proof> {
        let Self { plan, .. } = self;
        let is_told = plan.watch_ms != usual_watch_ms(&plan.keepers, &plan.parents);
        let total = if is_told { Duration::ZERO } else { LONGEST };
        let start = Instant::now().checked_sub(self.watched).unwrap_or_else(Instant::now);
        let mut last = None;
        loop {
            let elapsed = start.elapsed();
            let why = reason(self);
            match (&why, last) {
                (Some(_), _) => last = Some(elapsed),
                (None, Some(seen)) if elapsed < seen + after => {}
                (None, _) => return Ok(None),
            }
            if elapsed >= total {
                return Ok(why);
            }
            tell(Progress::Watching { elapsed, total });
            if !self.holders()?.is_empty() {
                return Err(self.taken_again());
            }
            self.watched = elapsed;
            thread::sleep(BETWEEN_QUESTIONS);
        }
    }

    /// What a parent that lives on has started since, as a sentence: its next command, or the same
    /// program once more.
    fn goes_on(&self) -> Option<String> {
        let names: Vec<&str> = self.plan.victims.iter().map(|victim| &*victim.name).collect();
        let (parent, next) = self.before.next(&self.plan.parents, &names)?;
        let target = target_name(&self.plan.target);
        let (name, pid) = (&parent.name, parent.key.pid);
        Some(format!(
            "{target} is free now; {name} {pid}, which had started it, runs {next} now and may start \
             it again"
        ))
    }

    /// What a keeper is doing about the process that has ended, as a sentence; `None` when that is
    /// nothing, or it does not say and is not known to do something.
    fn announces(&self, keeper: &Keeper, since: u64) -> Option<String> {
        let (target, name) = (target_name(&self.plan.target), &keeper.name);
        match keepers::after(keeper, since) {
            After::Starting(words) => {
                Some(format!("{target} is free now; {name} is starting it again ({words})"))
            }
            After::Started(pid) => Some(format!(
                "{target} is free now; {name} has started process {pid}, which does not hold it yet"
            )),
            After::Settled => None,
            After::Unknown => {
                let is_certain = keeper.restarts == Some(true);
                let tree = process::tree().unwrap_or_default();
                let lives = keeper.pid.is_some_and(|pid| tree.get(pid).is_some());
                let policy = keeper.policy.as_deref();
                let policy = policy.map_or(String::new(), |policy| format!(" ({policy})"));
                if is_certain {
                    Some(format!("{target} is free now; {name} starts it again{policy}"))
                } else if lives && keeper.kind == KeeperKind::Parent {
                    Some(format!(
                        "{target} is free now; {name} lives on and may start it again{policy}"
                    ))
                } else {
                    None
                }
            }
        }
    }
}
