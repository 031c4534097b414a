//! The options of several sockets side by side: what is equal folds, the odd one out is marked.

use std::io::Write;

use serde::Serialize;

use crate::catalog::sockopts::{self, Compare};
use crate::cli::{Failure, output};
use crate::model::options::{OptionsReport, SocketOption};
use crate::model::socket::Socket;
use crate::text::clean;
use crate::text::options as words;

use super::show::heading;

const SCHEMA: &str = "sockpit.opts_diff/1";

/// What differs between several sockets.
#[derive(Serialize)]
struct Diff<'a> {
    /// Numbered from 0 in `differs`.
    sockets: Vec<&'a Socket>,
    /// How many options are the same on all that have them.
    equal: usize,
    differs: Vec<Different<'a>>,
}

#[derive(Serialize)]
struct Different<'a> {
    level: &'a str,
    name: &'a str,
    /// The most frequent first.
    values: Vec<Group>,
}

#[derive(Serialize)]
struct Group {
    /// As people read it.
    value: String,
    /// Which sockets have it.
    sockets: Vec<usize>,
    /// Whether fewer than half have it.
    odd: bool,
}

/// Prints the comparison.
pub(super) fn show(reports: &[&OptionsReport], as_json: bool) -> Result<(), Failure> {
    let diff = compare(reports);
    if as_json {
        return output::json(SCHEMA, &diff);
    }
    let mut out = output::stdout();
    for (index, socket) in diff.sockets.iter().enumerate() {
        writeln!(out, "#{:<3} {}", index + 1, heading(socket))?;
    }
    let told = reports.iter().filter(|report| !report.options.is_empty()).count();
    writeln!(out, "{} options are equal on all of {told} sockets", diff.equal)?;
    for different in &diff.differs {
        writeln!(out, "{}", clean(different.name))?;
        for group in &different.values {
            let mark = if group.odd { '!' } else { ' ' };
            let who: Vec<String> = group.sockets.iter().map(|at| format!("#{}", at + 1)).collect();
            writeln!(out, "  {mark} {:<24} {}", group.value, who.join(" "))?;
        }
    }
    out.flush()?;
    Ok(())
}

fn compare<'a>(reports: &[&'a OptionsReport]) -> Diff<'a> {
    let mut diff = Diff {
        sockets: reports.iter().map(|report| &report.socket).collect(),
        equal: 0,
        differs: Vec::new(),
    };
    for (level, entry) in sockopts::entries().filter(|(_, e)| e.compare != Compare::Never) {
        let of = |report: &&'a OptionsReport| {
            report.options.iter().find(|option| option.name == entry.name)
        };
        let told: Vec<Option<&SocketOption>> = reports.iter().map(of).collect();
        let mut values: Vec<Group> = Vec::new();
        for (index, option) in told.iter().enumerate() {
            let Some(option) = option else { continue };
            let value = words::value(option);
            match values.iter_mut().find(|group| group.value == value) {
                Some(group) => group.sockets.push(index),
                None => values.push(Group { value, sockets: vec![index], odd: false }),
            }
        }
        match values.len() {
            0 => {}
            1 => diff.equal += 1,
            _ => {
                let all = told.iter().flatten().count();
                values.sort_by_key(|group| std::cmp::Reverse(group.sockets.len()));
                for group in &mut values {
                    group.odd = 2 * group.sockets.len() < all;
                }
                diff.differs.push(Different { level: &level.name, name: &entry.name, values });
            }
        }
    }
    diff
}
