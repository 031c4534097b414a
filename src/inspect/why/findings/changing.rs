//! A port that is held and free in turn: mostly a server that fails and is started again.

use super::super::rounds::Changing;
use super::finding;
use crate::inspect::words::list;
use crate::inspect::{keepers, lineage};
use crate::model::owner::{Process, UnitScope};
use crate::model::why::{Remedy, WhyFinding, WhyKind};

/// More processes than this are counted.
const MOST: usize = 3;

pub(in super::super) fn drawn_from(changing: &Changing) -> WhyFinding {
    let Changing { looks, by } = changing;
    let who: Vec<String> = by.iter().map(|process| who(process)).collect();
    let mut starters: Vec<String> = by.iter().filter_map(|process| starter(process)).collect();
    starters.sort();
    starters.dedup();
    let by_whom = match some(who) {
        names if names.is_empty() => ", by whom could not be caught".to_owned(),
        names => format!(", by {names}"),
    };
    let started = match some(starters) {
        names if names.is_empty() => String::new(),
        names => format!(", started by {names}"),
    };
    let text = format!(
        "it changes while looked at: held in {} of {} looks{by_whom}{started}",
        looks.held, looks.taken
    );
    let mut remedies: Vec<Remedy> = Vec::new();
    for remedy in by.iter().filter_map(|process| journal(process)) {
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    finding(WhyKind::Changing, text, &[], remedies)
}

fn some(mut names: Vec<String>) -> String {
    if names.len() > MOST {
        let rest = names.split_off(MOST).len();
        names.push(format!("{rest} more"));
    }
    list(&names)
}

fn who(process: &Process) -> String {
    format!("{} {}", process.name, process.pid)
}

/// What starts it: its keeper, or its parent.
fn starter(process: &Process) -> Option<String> {
    if let Some(keeper) = keepers::claimed(process) {
        return Some(keeper.name);
    }
    lineage::ancestors(process).first().map(who)
}

/// Where a service says why it ends.
fn journal(process: &Process) -> Option<Remedy> {
    let unit = process.unit.as_ref().filter(|unit| unit.name.ends_with(".service"))?;
    let mut argv = vec!["journalctl".to_owned()];
    argv.extend((unit.scope == UnitScope::User).then(|| "--user".to_owned()));
    argv.extend(["-n", "50", "-u"].map(str::to_owned));
    argv.push(unit.name.to_string());
    Some(Remedy { text: "see why it ends".to_owned(), argv })
}
