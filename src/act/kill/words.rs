//! The sentences of a plan. Names in them are uncleaned: whoever shows them cleans the line.

use crate::model::action::{About, KillTarget, Victim};
use crate::model::owner::short_id;
use crate::model::socket::{Protocol, Socket, State};
use crate::text::{address, shell};

/// A socket's own end: `0.0.0.0:8080`, or `*:8080` when it takes IPv4 and IPv6 alike.
pub fn describe_socket(socket: &Socket) -> String {
    address::local(socket).to_string()
}

/// A socket and its role: `0.0.0.0:8080 as listener`.
pub fn describe_holder(socket: &Socket) -> String {
    let role = match (socket.protocol, socket.state) {
        (_, State::Listen) => "as listener",
        (_, State::Bound) => "without listening",
        (Protocol::Udp, State::Connected) => "as connected UDP socket",
        (Protocol::Udp, _) => "as UDP socket",
        _ => return describe_socket(socket),
    };
    format!("{} {role}", describe_socket(socket))
}

/// A victim and why it is one: `python3 4242 holds 0.0.0.0:8080 as listener`.
pub fn describe_victim(victim: &Victim) -> String {
    let who = who(&victim.name, victim.key.pid);
    match (victim.child_of, victim.holds.is_empty()) {
        (Some(parent), true) => format!("{who} descends from {parent}"),
        (None, true) => format!("{who} is named by its pid"),
        _ => format!("{who} holds {}", list(victim.holds.iter().map(describe_holder))),
    }
}

/// A command line is cut after this many characters in a sentence.
const MOST_OF_COMMAND: usize = 100;

/// What tells a victim from others of its name: command line, directory, unit or container.
/// `None` where nothing of it is known.
pub fn about(victim: &Victim) -> Option<String> {
    let About { cmdline, cwd, unit, container } = &victim.about;
    let mut parts = Vec::new();
    if !cmdline.is_empty() {
        let mut line = shell::line(cmdline);
        if let Some((cut, _)) = line.char_indices().nth(MOST_OF_COMMAND) {
            line.truncate(cut);
            line.push('…');
        }
        parts.push(line);
    }
    parts.extend(cwd.as_ref().map(|cwd| format!("in {cwd}")));
    match (container, unit) {
        (Some(container), _) => {
            let name = container.name.as_deref().unwrap_or_else(|| short_id(&container.id));
            parts.push(format!("container {name}"));
        }
        (None, Some(unit)) => parts.push(unit.name.to_string()),
        (None, None) => {}
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// A process in a sentence: `python3 4242`.
pub(super) fn who(name: &str, pid: u32) -> String {
    format!("{name} {pid}")
}

/// `a`, `a and b`, `a, b and c`; more than six are counted.
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    const MOST: usize = 6;
    let mut items = said_once(items);
    if items.len() > MOST {
        let rest = items.len() - (MOST - 1);
        items.truncate(MOST - 1);
        items.push(format!("{rest} more"));
    }
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

/// What is said several times is said once, and how often.
fn said_once(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for item in items {
        match counted.iter_mut().find(|(known, _)| *known == item) {
            Some((_, count)) => *count += 1,
            None => counted.push((item, 1)),
        }
    }
    let told = |(item, count)| match count {
        1 => item,
        _ => format!("{item} ({count} of them)"),
    };
    counted.into_iter().map(told).collect()
}

/// Names in a sentence: `a`, `a and b`, `a, b and c`; more than six are counted.
pub fn some_of(names: &[String]) -> String {
    list(names.iter().cloned())
}

/// `1 process`, `2 processes`: `plural` is the whole word.
pub(super) fn counted(count: u64, one: &str, plural: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {plural}") }
}

/// What the target is called in the middle of a sentence.
pub(super) fn target_name(target: &KillTarget) -> String {
    target.describe()
}
