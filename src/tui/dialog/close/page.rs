//! The lines of the close dialog.

use std::collections::BTreeSet;

use super::stage::CloseStage;
use crate::act::{Confirmation, Done, Mark, close};
use crate::model::close::{ClosePlan, CloseTarget};
use crate::model::socket::Socket;
use crate::text::{clean, units};
use crate::tui::dialog::Page;

/// More connections than this are counted.
const MOST: usize = 100;

/// Writes a close at its present stage; `rows` were under the key that asked for it.
pub(super) fn write(stage: &CloseStage, rows: usize, page: &mut Page<'_>) {
    let now = page.world.now.at;
    let theme = page.theme;
    let mut page = Lines(page);
    match stage {
        CloseStage::Planning(_) => page.0.add("Working out the plan …", theme.dim),
        CloseStage::Failed(why) => page.0.add(&format!("! {}", clean(why)), theme.danger),
        CloseStage::Ready(plan) => page.plan(rows, plan),
        CloseStage::Protected { plan, wanted, typed } => {
            page.plan(rows, plan);
            page.protected(wanted, typed.text());
        }
        CloseStage::Running { since, .. } => {
            let elapsed = units::duration(now.saturating_duration_since(*since));
            page.0.add(&format!("Running … {elapsed}"), theme.warning);
        }
        CloseStage::Done(closed) => page.done(closed),
    }
}

struct Lines<'a, 'p>(&'a mut Page<'p>);

impl Lines<'_, '_> {
    fn plan(&mut self, rows: usize, plan: &ClosePlan) {
        let theme = self.0.theme;
        let ended = rows.saturating_sub(plan.targets.len() + plan.spared.len());
        if ended > 0 {
            let have = if ended == 1 { "row has" } else { "rows have" };
            self.0.add(&format!("! {ended} {have} ended meanwhile"), theme.warning);
        }
        if plan.targets.len() > 1 {
            let spared = match plan.spared.len() {
                0 => String::new(),
                spared => format!(", {spared} left alone"),
            };
            let text = format!("{} sockets to close{spared}:", plan.targets.len());
            self.0.add(&text, theme.heading);
        }
        for target in plan.targets.iter().take(MOST) {
            self.target(target);
        }
        if plan.targets.len() > MOST {
            self.0.add(&format!("and {} more", plan.targets.len() - MOST), theme.accent);
        }
        if plan.targets.is_empty() {
            self.0.add("There is nothing to close.", theme.danger);
        }
        for warning in &plan.warnings {
            self.0.hang("! ", &clean(warning), theme.warning);
        }
        if !plan.targets.is_empty() {
            self.0.gap();
            let text = "The kernel aborts each of them (SOCK_DESTROY): the process that holds it gets \
                        an error, a TCP peer gets a reset. No process is ended.";
            self.0.add(text, theme.dim);
        }
    }

    /// What is closed, and who holds it.
    fn target(&mut self, target: &CloseTarget) {
        let theme = self.0.theme;
        self.0.add(&clean(&close::describe(&target.socket)), theme.accent);
        self.0.hang("  of ", &clean(&holders(&target.socket)), theme.text);
    }

    fn protected(&mut self, wanted: &Confirmation, typed: &str) {
        let theme = self.0.theme;
        self.0.gap();
        self.0.add(&clean(&wanted.question), theme.danger);
        self.0.choose_next();
        self.0.add(&format!("> {}", clean(typed)), theme.accent);
    }

    fn done(&mut self, done: &Done<ClosePlan>) {
        let theme = self.0.theme;
        let parts = done.parts();
        for alike in parts.chunk_by(|a, b| a.mark == b.mark) {
            let (sign, style) = match alike[0].mark {
                Mark::Done => ("✓ ", theme.fresh),
                Mark::Beside => ("· ", theme.text),
                Mark::Spared => ("· ", theme.dim),
                Mark::Failed => ("✗ ", theme.danger),
            };
            for part in alike.iter().take(MOST) {
                self.0.hang(sign, &clean(&part.text), style);
            }
            if alike.len() > MOST {
                self.0.hang(sign, &format!("and {} more", alike.len() - MOST), style);
            }
        }
        if parts.iter().any(|part| part.mark == Mark::Failed) {
            self.0.add("The log (L) keeps the command line.", theme.dim);
        }
    }
}

/// `nginx 812 fd 7, nginx 813 fd 7: they share it`.
fn holders(socket: &Socket) -> String {
    if socket.owners.is_empty() {
        let kind = socket.ownership.kind.name();
        let reason = socket.ownership.reason.as_deref();
        return match reason {
            Some(reason) => format!("no process that can be named ({kind}: {reason})"),
            None => match socket.ownership.detail.as_deref() {
                Some(detail) => format!("no process ({kind}: {})", detail.replace('_', " ")),
                None => format!("no process ({kind})"),
            },
        };
    }
    let pids: BTreeSet<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
    let names: Vec<String> = socket
        .owners
        .iter()
        .map(|owner| {
            let fd = owner.fd.map_or(String::new(), |fd| format!(" fd {fd}"));
            format!("{} {}{fd}", owner.process.name, owner.process.pid)
        })
        .collect();
    let shared = if pids.len() > 1 { ": they share it, and all lose it" } else { "" };
    format!("{}{shared}", names.join(", "))
}
