//! What an untouched socket would tell, and whether a difference means that somebody set it.

use std::collections::HashMap;
use std::rc::Rc;

use crate::catalog::sockopts::{Compare, Entry};
use crate::model::options::{ChangedBy, OptionValue, SocketOption};
use crate::sys::options::{Answers, Fresh as Made, Reading, SocketKind, fresh_options};

use super::cause::{self, Cause};
use super::situation::Situation;
use super::{WANTED, decode};

/// The options of untouched sockets, made once for each kind and network namespace.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    here: HashMap<SocketKind, Option<Rc<Made>>>,
    there: HashMap<(SocketKind, u64), Option<Rc<Made>>>,
}

/// The options of an untouched socket of the same kind.
pub(super) struct Defaults {
    made: Option<Rc<Made>>,
    /// Whether it was made in the network namespace of the socket that is looked at, so that
    /// what sysctls give counts too.
    same_netns: bool,
    /// Whether that is sockpit's own namespace, whose sysctls can be read.
    is_own: bool,
}

impl Fresh {
    /// What an untouched socket of the kind answers here; `None` where none can be made.
    pub(super) fn here(&mut self, kind: SocketKind) -> Option<Rc<Made>> {
        let make = || fresh_options(kind, None, &WANTED).ok().map(Rc::new);
        self.here.entry(kind).or_insert_with(make).clone()
    }

    /// In the namespace of `pid`, which has this cookie or inode.
    fn there(&mut self, kind: SocketKind, pid: u32, netns: u64) -> Option<Rc<Made>> {
        let make = || fresh_options(kind, Some(pid), &WANTED).ok().map(Rc::new);
        self.there.entry((kind, netns)).or_insert_with(make).clone()
    }
}

impl Defaults {
    /// By a fresh socket in sockpit's own network namespace, or else in that of `pid`.
    pub(super) fn of(fresh: &mut Fresh, reading: &Reading, pid: u32, netns: Option<u64>) -> Self {
        let here = fresh.here(reading.kind);
        let same = |made: &Made| match (made.netns_cookie, reading.netns_cookie) {
            (Some(made), Some(cookie)) => made == cookie,
            _ => netns.is_some() && made.netns == netns,
        };
        if here.as_deref().is_some_and(same) {
            return Self { made: here, same_netns: true, is_own: true };
        }
        let place = reading.netns_cookie.or(netns);
        let there = place.and_then(|place| fresh.there(reading.kind, pid, place));
        match there.filter(|made| same(made)) {
            there @ Some(_) => Self { made: there, same_netns: true, is_own: false },
            None => Self { made: here, same_netns: false, is_own: false },
        }
    }

    /// For a socket of which only the kind and the namespace are known.
    pub(super) fn of_kind(fresh: &mut Fresh, kind: Option<SocketKind>, netns: Option<u64>) -> Self {
        let made = kind.and_then(|kind| fresh.here(kind));
        let same = made.as_ref().is_some_and(|made| netns.is_some() && made.netns == netns);
        Self { made, same_netns: same, is_own: same }
    }

    /// Fills in default, changed, by whom, why and source of the option at `index` of those that
    /// are read.
    pub(super) fn judge(
        &self,
        index: usize,
        entry: &'static Entry,
        situation: &Situation<'_>,
        option: &mut SocketOption,
    ) {
        let sysctl = entry.default_source(situation.tcp);
        match entry.compare {
            Compare::Never => return,
            Compare::Unconnected if situation.connected => {
                option.source = Some("the connection decides".into());
                return;
            }
            Compare::Autotuned if is_autotuned(entry, situation) => {
                option.source = Some(match sysctl {
                    Some(sysctl) => format!("autotuned within {sysctl}").into(),
                    None => "autotuned".into(),
                });
                return;
            }
            _ => {}
        }
        if sysctl.is_some() && !self.same_netns {
            option.source =
                sysctl.map(|sysctl| format!("{sysctl} of its network namespace").into());
            return;
        }
        let answers: Option<&Answers> = self.made.as_deref().map(|made| &made.answers);
        let raw = answers.and_then(|answers| answers.get(index)?.as_deref());
        option.default = raw.and_then(|raw| decode::value(entry, raw));
        option.source = Some(sysctl.unwrap_or("kernel constant").into());
        let Some(default) = &option.default else { return };
        if is_same(default, &option.value) {
            option.changed = Some(false);
            return;
        }
        let (changed, by, why) = match cause::of(entry, option, situation, self.is_own) {
            Cause::Program => (Some(true), Some(ChangedBy::Program), None),
            Cause::Kernel(why) => (Some(false), Some(ChangedBy::Kernel), Some(why)),
            Cause::Unknown(why) => (None, None, Some(why)),
        };
        (option.changed, option.changed_by, option.why) = (changed, by, why);
    }
}

/// The time of a linger that is off means nothing.
fn is_same(default: &OptionValue, value: &OptionValue) -> bool {
    let is_off = |value: &OptionValue| matches!(value, OptionValue::Linger { on: false, .. });
    default == value || is_off(default) && is_off(value)
}

/// Only TCP tunes its buffers, only with a peer, and not what was set by hand.
fn is_autotuned(entry: &Entry, situation: &Situation<'_>) -> bool {
    situation.tcp && situation.connected && situation.is_locked(&entry.name) != Some(true)
}
