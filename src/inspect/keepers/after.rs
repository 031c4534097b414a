//! What a keeper is about to do once its process has ended.

use std::path::Path;
use std::time::Duration;

use crate::model::keeper::{Keeper, KeeperKind};
use crate::sys::command::{Limits, Program};
use crate::sys::processes;
use crate::wire::keepers::{self as said, State};

/// It is asked again and again: one that takes longer says nothing.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(5), output_bytes: 4 << 20 };

/// What a keeper does about a process that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// It is starting it again, or will; in its own words.
    Starting(String),
    /// It has started this process in place of it.
    Started(u32),
    /// It is done: nothing runs, nor will.
    Settled,
    /// It cannot be asked, or does not say.
    Unknown,
}

/// Asks a keeper what it is about to do about what it keeps. What was started before the moment
/// `since`, a process's start time, is not new. Blocks, for five seconds at most.
pub fn after(keeper: &Keeper, since: u64) -> After {
    let Some([program, arguments @ ..]) = keeper.asks.as_deref() else { return After::Unknown };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let asked = Program::at(Path::new(program))
        .and_then(|program| program.run(&arguments, LIMITS, &mut |_| {}));
    match asked {
        Ok(ran) if !ran.timed_out => judge(keeper, &ran.stdout, &|pid| {
            processes::start_time(pid).is_ok_and(|started| started > since)
        }),
        _ => After::Unknown,
    }
}

/// What the units do that systemd starts once this keeper's own has ended (`OnSuccess=`), with the
/// name of the first that does something. Blocks, for five seconds at most for each.
pub fn next(keeper: &Keeper, since: u64) -> Option<(&str, After)> {
    keeper.starts.iter().find_map(|unit| {
        let mut asks = keeper.asks.clone()?;
        // The unit is the last word of the question.
        unit.clone_into(asks.last_mut()?);
        match after(&Keeper { asks: Some(asks), ..keeper.clone() }, since) {
            done @ (After::Starting(_) | After::Started(_)) => Some((&**unit, done)),
            After::Settled | After::Unknown => None,
        }
    })
}

fn judge(keeper: &Keeper, text: &str, is_new: &dyn Fn(u32) -> bool) -> After {
    let instance = keeper.instance.as_deref().unwrap_or_default();
    let state = match keeper.kind {
        KeeperKind::Systemd => said::unit_state(text),
        KeeperKind::Runit | KeeperKind::S6 | KeeperKind::Daemontools => said::service_state(text),
        KeeperKind::Supervisord => said::supervisord_state(text),
        KeeperKind::Pm2 => said::pm2_state(text, instance),
        KeeperKind::Container => said::container_state(text),
        _ => None,
    };
    match state {
        Some(State::Starting(words)) => After::Starting(words),
        Some(State::Runs(Some(pid))) if is_new(pid) => After::Started(pid),
        Some(State::Runs(_) | State::Down) => After::Settled,
        None => After::Unknown,
    }
}
