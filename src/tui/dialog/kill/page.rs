//! The lines of the kill dialog.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::methods::{Method, SIGNALS};
use super::stage::{KillStage, Ready, Running};
use crate::act::kill::{self, Progress};
use crate::model::action::{KillPlan, Victim};
use crate::model::signal::Signal;
use crate::text::{clean, keeper, shell, units};
use crate::tui::dialog::Page;
use crate::tui::event::Killed;
use crate::tui::log;

/// Writes a kill at its present stage. `ended` rows had ended before the key was pressed, and
/// processes get `timeout` to end.
pub(super) fn write(stage: &KillStage, ended: usize, timeout: Duration, page: &mut Page<'_>) {
    let now = page.world.now;
    let theme = page.theme;
    let mut page = Lines(page, now.wall);
    match stage {
        KillStage::Planning(_) => page.0.add("Working out the plan …", theme.dim),
        KillStage::Failed(why) => page.0.add(&format!("! {}", clean(why)), theme.danger),
        KillStage::Ready(ready) => {
            page.plans(ended, &ready.plans);
            page.methods(timeout, ready);
        }
        KillStage::Signals { chosen, .. } => page.signals(*chosen),
        KillStage::Again { ready, typed } => {
            page.plans(ended, &ready.plans);
            page.again(ready, typed.text());
        }
        KillStage::Running(running) => page.running(running, now.at),
        KillStage::Done(killed) => killed.iter().for_each(|killed| page.done(killed)),
        KillStage::Stopped(stopped) => page.end(stopped.is_success(), &log::stop_lines(stopped)),
    }
}

/// The lines, and the time of day.
struct Lines<'a, 'p>(&'a mut Page<'p>, Timestamp);

impl Lines<'_, '_> {
    fn plans(&mut self, ended: usize, plans: &[KillPlan]) {
        if ended > 0 {
            let style = self.0.theme.warning;
            let rows = if ended == 1 { "row has" } else { "rows have" };
            self.0.add(&format!("! {ended} marked {rows} ended meanwhile"), style);
        }
        for plan in plans {
            if plans.len() > 1 {
                self.0.add(&clean(&plan.target.describe()), self.0.theme.heading);
            }
            self.plan(plan);
        }
    }

    fn plan(&mut self, plan: &KillPlan) {
        let theme = self.0.theme;
        for victim in &plan.victims {
            let text = format!("{}{}", kill::describe_victim(victim), whose(victim, self.1));
            self.0.add(&clean(&text), theme.accent);
            if let Some(about) = kill::about(victim) {
                self.0.hang("  ", &clean(&about), theme.dim);
            }
        }
        if let Some(obstacle) = kill::obstacle(plan) {
            self.0.hang("! ", &clean(&obstacle.sentence), theme.danger);
        }
        for warning in &plan.warnings {
            self.0.hang("! ", &clean(warning), theme.warning);
        }
    }

    fn methods(&mut self, timeout: Duration, ready: &Ready) {
        let theme = self.0.theme;
        if ready.methods.is_empty() {
            return;
        }
        self.0.gap();
        let recommends = ready
            .methods
            .iter()
            .any(|method| matches!(method, Method::Stop(stop) if stop.is_narrow()));
        for (index, method) in ready.methods.iter().enumerate() {
            let is_chosen = index == ready.chosen;
            let (sign, style) = if is_chosen { ("▸ ", theme.accent) } else { ("  ", theme.text) };
            if is_chosen {
                self.0.choose_next();
            }
            let (what, remark) = describe(method, timeout, recommends);
            self.0.hang(sign, &clean(&what), style);
            self.0.hang("    ", &clean(&remark), theme.dim);
        }
    }

    fn signals(&mut self, chosen: usize) {
        let theme = self.0.theme;
        self.0.add("The first signal:", theme.heading);
        for (index, signal) in SIGNALS.iter().enumerate() {
            let (sign, style) =
                if index == chosen { ("▸", theme.accent) } else { (" ", theme.text) };
            if index == chosen {
                self.0.choose_next();
            }
            let again = if *signal == Signal::Kill { " (asks again first)" } else { "" };
            self.0.hang(
                &format!("{sign} {:<6}", signal.name()),
                &format!("{}{again}", signal.meaning()),
                style,
            );
        }
    }

    /// The second question, and what is typed.
    fn again(&mut self, ready: &Ready, typed: &str) {
        let theme = self.0.theme;
        let Some((_, why)) = ready.confirmation() else { return };
        self.0.gap();
        self.0.add(&why, theme.danger);
        self.0.choose_next();
        self.0.add(&format!("> {}", clean(typed)), theme.accent);
    }

    fn running(&mut self, running: &Running, now: Instant) {
        let theme = self.0.theme;
        let elapsed = units::duration(now.saturating_duration_since(running.since));
        self.0.add(&format!("Running … {elapsed}"), theme.warning);
        for progress in running.news.iter().chain(&running.waits) {
            self.0.hang("  ", &clean(&sentence(progress)), theme.text);
        }
    }

    fn done(&mut self, killed: &Killed) {
        let mut lines = vec![killed.plan.target.describe()];
        lines.extend(log::kill_lines(killed));
        self.end(log::is_success(killed), &lines);
    }

    /// An outcome: whether it is what was wanted, and a line for each part.
    fn end(&mut self, ok: bool, lines: &[String]) {
        let theme = self.0.theme;
        let (sign, style) = if ok { ("✓ ", theme.fresh) } else { ("✗ ", theme.danger) };
        for (index, line) in lines.iter().enumerate() {
            let (sign, style) = if index == 0 { (sign, style) } else { ("  ", theme.text) };
            self.0.hang(sign, &clean(line), style);
        }
    }
}

/// Whose process it is, and for how long it has run: ` (alice, for 3 h)`.
fn whose(victim: &Victim, wall: Timestamp) -> String {
    let pid = victim.key.pid;
    let user = victim.holds.iter().find_map(|socket| socket.user.as_deref());
    let mut owners = victim.holds.iter().flat_map(|socket| &socket.owners);
    let started =
        owners.find(|owner| owner.process.pid == pid).and_then(|owner| owner.process.started_at);
    let age = started.and_then(|at| Duration::try_from(wall.duration_since(at)).ok());
    let age = age.map(|age| format!("for {}", units::duration(age)));
    let parts: Vec<String> = user.map(str::to_owned).into_iter().chain(age).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// A method and what it means, uncleaned.
fn describe(method: &Method, timeout: Duration, recommends: bool) -> (String, String) {
    let seconds = timeout.as_secs_f64();
    match method {
        Method::Stop(stop) => {
            let what = shell::line(&keeper::typed(&stop.argv));
            let all: usize = stop.kills.iter().map(|kill| kill.victims.len()).sum();
            let remark = if stop.is_narrow() {
                format!("stops {} for good (recommended)", stop.name)
            } else if let Some(outer) = &stop.undone_by {
                format!("stops {}, but {outer} starts it again", stop.name)
            } else if !stop.stops_also.is_empty() {
                let also = kill::some_of(&stop.stops_also);
                format!("stops {}, and with it {also}; asks again first", stop.name)
            } else if !stop.starts.is_empty() {
                let next = kill::some_of(&stop.starts);
                format!("stops {}, and systemd may then start {next}; asks again first", stop.name)
            } else if !stop.is_sure {
                format!(
                    "stops {}; the process itself may stay alive and must then be ended",
                    stop.name
                )
            } else {
                format!(
                    "stops {}, which is only {} of {all} processes",
                    stop.name,
                    stop.victims.len()
                )
            };
            (what, remark)
        }
        Method::Signal { signal, then_kill: true } => (
            format!("{signal}, then KILL after {seconds} s"),
            "for processes that are still alive; asks again first".to_owned(),
        ),
        Method::Signal { signal: Signal::Kill, .. } => {
            ("KILL at once".to_owned(), "asks again first".to_owned())
        }
        Method::Signal { signal, .. } => {
            let remark = if recommends { "; it may be started again" } else { "" };
            (
                format!("{signal}, then wait up to {seconds} s"),
                format!("{}{remark}", signal.meaning()),
            )
        }
    }
}

fn sentence(progress: &Progress) -> String {
    match progress {
        Progress::Signalled { pid, name, signal } => format!("{signal} sent to {name} {pid}"),
        Progress::Ended { pid, name, .. } => format!("{name} {pid} has ended"),
        Progress::Spared(spared) => {
            format!("{} {} is left alone: {}", spared.name, spared.pid, spared.reason)
        }
        Progress::Stopping { elapsed, timeout } => format!(
            "the command runs, {} of {} at most",
            units::duration(*elapsed),
            units::duration(*timeout)
        ),
        Progress::Waiting { alive, elapsed, timeout } => format!(
            "{} still alive, {} of {}",
            kill::some_of(alive),
            units::duration(*elapsed),
            units::duration(*timeout)
        ),
        Progress::Watching { elapsed, total } => format!(
            "watching the port, {} of {}",
            units::duration(*elapsed),
            units::duration(*total)
        ),
    }
}
