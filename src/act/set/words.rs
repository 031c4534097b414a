//! Setting options in words, and whether it is a yes or a no. Names in sentences are uncleaned:
//! whoever shows them cleans the line.

use crate::act::close::describe;
use crate::act::{Completion, Consent, Mark, Obstacle, Part};
use crate::catalog::sockopts;
use crate::model::options::OptionValue;
use crate::model::set::{SetEffect, SetOutcome, SetPlan, SetResult};
use crate::model::socket::Socket;
use crate::sys;

/// `SO_RCVBUF=65536`, as it is written on the command line.
fn assignment(name: &str, value: &OptionValue) -> String {
    let written = sockopts::find(name).map(|(_, entry)| entry.write_value(value));
    format!("{name}={}", written.unwrap_or_default())
}

/// What would be done, a sentence a step.
pub(super) fn steps(plan: &SetPlan) -> Vec<String> {
    let what = describe(&plan.socket);
    let mut steps: Vec<String> = Vec::new();
    for change in &plan.changes {
        let now = match &change.before {
            Some(before) => format!(" (now {})", value(&change.name, before)),
            None => String::new(),
        };
        let wish = assignment(&change.name, &change.asked);
        steps.push(format!(
            "Set {wish}{now} on {what}, by descriptor {} of process {}.",
            plan.fd, plan.pid
        ));
    }
    steps.extend(
        plan.refused
            .iter()
            .map(|refused| format!("Leave {} as it is: {}.", refused.name, refused.why)),
    );
    if !plan.changes.is_empty() {
        steps.push("Read each back.".to_owned());
    }
    steps
}

/// Who else has the socket, and so its options.
pub(super) fn sharing(plan: &SetPlan) -> Option<String> {
    let Some(first) = plan.shared_with.first() else {
        let why = match plan.socket.owners_complete {
            Some(true) => return None,
            Some(false) if sys::machine::initial_pid_namespace() == Some(false) => {
                "processes outside of sockpit's PID namespace cannot be seen"
            }
            Some(false) => "not every process could be read",
            None => "nobody looked who else holds it",
        };
        return Some(format!("{why}: others may share the socket and its options"));
    };
    let more = match plan.shared_with.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{} {}{more} has the same socket: the options change for all that share it",
        first.name, first.pid
    ))
}

/// Why nothing would be set.
pub(super) fn obstacle(plan: &SetPlan, consent: Consent) -> Option<Obstacle> {
    if let (true, Some(first)) = (plan.changes.is_empty(), plan.refused.first()) {
        let sentence = format!("{} is not set: {}", first.name, first.why);
        return Some(Obstacle { sentence, not_permitted: false });
    }
    let why = plan.protected.as_deref().filter(|_| !consent.protected)?;
    let sentence = format!("process {} is protected ({why}): --protected would allow it", plan.pid);
    Some(Obstacle { sentence, not_permitted: false })
}

/// Whether all was set.
pub(super) fn completion(outcome: &SetOutcome) -> Completion {
    let failed = outcome.set.iter().filter(|result| !result.effect.is_success());
    let mut failed = failed.peekable();
    let Some(_) = failed.peek() else { return Completion::Done };
    let is_permission =
        |result: &SetResult| matches!(result.errno.as_deref(), Some("EPERM" | "EACCES"));
    match failed.all(is_permission) {
        true => Completion::NotPermitted,
        false => Completion::Incomplete,
    }
}

/// What came of it, an option a part.
pub(super) fn parts(outcome: &SetOutcome) -> Vec<Part> {
    let mut parts: Vec<Part> = outcome.set.iter().map(part).collect();
    parts.sort_by_key(|part| part.mark != Mark::Done);
    parts
}

fn part(result: &SetResult) -> Part {
    let SetResult { name, asked, after, effect, why, .. } = result;
    let is = after.as_ref().map_or_else(|| "unknown".to_owned(), |after| value(name, after));
    let why = why.as_deref().unwrap_or_default();
    let text = match effect {
        SetEffect::AsAsked => format!("{name} is {is}"),
        SetEffect::Doubled => format!("{name} is {is}, doubled: {why}"),
        SetEffect::Rounded => format!("{name} is {is}, rounded: {why}"),
        SetEffect::Clamped => {
            format!("{name} is {is} and not {}: {why}", value(name, asked))
        }
        SetEffect::Ignored => format!("{name} is still {is}: {why}"),
        SetEffect::Refused => format!("{name} is not set: {why}"),
    };
    Part::new(if effect.is_success() { Mark::Done } else { Mark::Failed }, text)
}

/// A value as the command line writes it.
fn value(name: &str, value: &OptionValue) -> String {
    let written = sockopts::find(name).map(|(_, entry)| entry.write_value(value));
    written.unwrap_or_default()
}

/// `sockpit opts set PID/FD`.
pub(super) fn command(pid: u32, fd: i32) -> Vec<String> {
    vec!["sockpit".into(), "opts".into(), "set".into(), format!("{pid}/{fd}")]
}

/// What undoes one option. A buffer reads back doubled, and setting it by hand ends its tuning,
/// which SO_BUF_LOCK brings back.
pub(super) fn undo(plan: &SetPlan, name: &str, before: &OptionValue) -> Vec<String> {
    let mut argv = command(plan.pid, plan.fd);
    match (name, before) {
        _ if has_no_way_back(name, &plan.socket) => return Vec::new(),
        ("SO_RCVBUF" | "SO_SNDBUF", OptionValue::Number(doubled)) => {
            argv.push(assignment(name, &OptionValue::Number(doubled / 2)));
            argv.extend(plan.buffer_lock.as_ref().map(|lock| assignment("SO_BUF_LOCK", lock)));
        }
        _ => argv.push(assignment(name, before)),
    }
    argv
}

/// Whether what reads back of an option that nobody has set cannot be set again: 536 stands for no
/// TCP_MAXSEG before a connection, and the kernel takes no TCP_WINDOW_CLAMP of 0 but on a closed
/// socket (tcp(7)).
pub(super) fn has_no_way_back(name: &str, socket: &Socket) -> bool {
    matches!(name, "TCP_MAXSEG" | "TCP_WINDOW_CLAMP") && socket.remote.is_none()
}

/// What undoes all of it, the last first.
pub(super) fn inverse(plan: &SetPlan, outcome: &SetOutcome) -> Option<Vec<String>> {
    let changed = outcome.set.iter().rev().filter(|result| !result.undo.is_empty());
    let mut argv = command(plan.pid, plan.fd);
    let bare = argv.len();
    for result in changed {
        argv.extend(result.undo.iter().skip(bare).cloned());
    }
    (argv.len() > bare).then_some(argv)
}
