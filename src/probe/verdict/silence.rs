//! Nothing came back.

use std::io;

use super::super::evidence::drops::Drop;
use super::super::evidence::listener::Listening;
use super::super::fault::Scene;
use super::rule_words;
use crate::inspect::nat::Leg;
use crate::inspect::nat::firewall::Fate;
use crate::model::probe::{ListenerDetail, OutcomeKind, Side, Verdict};
use crate::model::socket::Backlog;
use crate::sys::errno;
use crate::text::{clean, event, units};

/// Nothing came back, in our time or in the system's.
pub(super) fn silence(scene: &Scene, error: Option<&io::Error>) -> Verdict {
    let own_rule = scene.evidence.rules.certain(Fate::Dropped).is_some();
    let own_drop = scene.evidence.dropped.is_some();
    let side = if scene.to_self || own_rule || own_drop { Side::Local } else { Side::Path };
    let waited = units::duration(scene.timeout);
    let text = format!("no answer from {} within {waited}: {}", scene.address, deafness(scene));
    let errno = error.and_then(errno::name).map(str::to_owned);
    Verdict { outcome: OutcomeKind::Timeout, side: Some(side), text, errno }
}

/// What the kernel itself says of the packet that found no answer.
fn drop_words(drop: &Drop) -> String {
    let reason = event::reason(&drop.reason);
    if drop.outgoing {
        format!("the SYN never left this host, the kernel dropped it ({reason})")
    } else {
        format!("the SYN arrived at this host and the kernel dropped it ({reason})")
    }
}

/// Why nobody answers.
fn deafness(scene: &Scene) -> String {
    let dropped = scene.evidence.dropped.as_ref();
    if let Some((leg, block)) = scene.evidence.rules.certain(Fate::Dropped) {
        let what = match leg {
            Leg::Out => "drops what goes there",
            Leg::In => "drops what comes in there",
            Leg::Back => "drops its answer",
        };
        let word = dropped.map(|drop| format!(": {}", clean(&drop.reason))).unwrap_or_default();
        return format!("a rule of this host's own firewall {what} ({}){word}", rule_words(block));
    }
    let rule = match scene.evidence.rules.possible(Fate::Dropped) {
        Some((_, block)) => format!(
            ", or a rule of this host's own firewall drops it ({}; {})",
            rule_words(block),
            clean(&block.conditions.join("; "))
        ),
        None => String::new(),
    };
    match dropped {
        Some(drop) => format!("{}{rule}", drop_words(drop)),
        None => format!("{}{rule}", cause(scene)),
    }
}

fn cause(scene: &Scene) -> String {
    match &scene.evidence.listening {
        Listening::Here(ListenerDetail { owner, backlog: Some(backlog), stopped, .. })
            if backlog.is_full() =>
        {
            let Backlog { queued, limit } = backlog;
            let why = match stopped {
                Some(true) => format!("{owner} is stopped (SIGSTOP): let it go on with SIGCONT"),
                _ => format!("{owner} does not accept: find what blocks it, or raise its backlog"),
            };
            format!(
                "the listener's accept queue is full ({queued} waiting, its limit is {limit}). {why}"
            )
        }
        Listening::Here(ListenerDetail { at, owner, .. }) => format!(
            "{owner} listens on {at}, and its accept queue has room by now: a firewall of this \
             host drops what goes there, or the queue was full"
        ),
        Listening::Elsewhere(_) => {
            "nothing listens there, and a firewall of this host drops what goes there".to_owned()
        }
        Listening::Unasked if scene.to_self => {
            "a firewall of this host drops it, or its listener's accept queue is full".to_owned()
        }
        Listening::Unasked => elsewhere(scene),
    }
}

fn elsewhere(scene: &Scene) -> String {
    if scene.evidence.silent_neighbour == Some(true) {
        let way = scene.way.as_ref();
        let on = way.and_then(|way| way.interface.as_deref()).unwrap_or("its link");
        let hop = way.and_then(|way| way.gateway);
        return match hop {
            Some(gateway) => format!("its gateway {gateway} does not answer on {}", clean(on)),
            None => format!("nobody on {} answers for that address", clean(on)),
        };
    }
    "the host is down, a firewall drops what goes there, its accept queue is full, or the answer \
     finds no way back"
        .to_owned()
}
