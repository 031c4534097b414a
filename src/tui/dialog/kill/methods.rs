//! The methods to go about a kill, to choose from.

use crate::act::kill::some_of;
use crate::act::unit;
use crate::model::action::{KillPlan, StopPlan, Victim};
use crate::model::signal::Signal;
use crate::text::clean;

/// The signals to choose from: the usual ones first, the one that nothing survives last.
pub(super) const SIGNALS: [Signal; 10] = [
    Signal::Term,
    Signal::Hup,
    Signal::Int,
    Signal::Quit,
    Signal::Usr1,
    Signal::Usr2,
    Signal::Abrt,
    Signal::Pipe,
    Signal::Alrm,
    Signal::Kill,
];

/// One method.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Method {
    /// Stop the unit or container that would start the victims again.
    Stop(Box<StopPlan>),
    /// Send a signal.
    Signal {
        /// Which.
        signal: Signal,
        /// Whether KILL follows for those who live on.
        then_kill: bool,
    },
}

/// The methods for these plans, the best first. Only what costs nothing but the victims comes before
/// the signals.
pub(super) fn of(plans: &[KillPlan], signal: Signal) -> Vec<Method> {
    if plans.iter().all(|plan| plan.victims.is_empty()) {
        return Vec::new();
    }
    let stops = unit::plans(plans);
    let (whole, parts): (Vec<StopPlan>, Vec<StopPlan>) =
        stops.into_iter().partition(StopPlan::is_narrow);
    let stop = |plan| Method::Stop(Box::new(plan));
    let mut methods: Vec<Method> = whole.into_iter().map(stop).collect();
    methods.push(Method::Signal { signal, then_kill: false });
    if signal != Signal::Kill {
        methods.push(Method::Signal { signal, then_kill: true });
    }
    methods.extend(parts.into_iter().map(stop));
    methods
}

impl Method {
    /// What has to be typed before it is run, and why, cleaned; `None` when it is run at once.
    pub(super) fn confirmation(&self, plans: &[KillPlan]) -> Option<(String, String)> {
        let (signal, then_kill) = match self {
            Self::Signal { signal, then_kill } => (signal, then_kill),
            Self::Stop(stop) if stop.stops_also.is_empty() && stop.starts.is_empty() => {
                return None;
            }
            Self::Stop(stop) => {
                let what = match stop.stops_also.is_empty() {
                    true => format!("After this systemd may start {}", some_of(&stop.starts)),
                    false => format!("This stops {} as well", some_of(&stop.stops_also)),
                };
                let why = format!("{}. Type stop to run it:", clean(&what));
                return Some(("stop".to_owned(), why));
            }
        };
        if let Some(victim) = first_protected(plans) {
            let (name, pid) = (clean(&victim.name), victim.key.pid);
            let why = format!("{name} {pid} is protected. Type its PID to end it anyway:");
            return Some((pid.to_string(), why));
        }
        (*then_kill || *signal == Signal::Kill).then(|| {
            let why = "KILL leaves a process no chance to tidy up. Type kill to allow it:";
            ("kill".to_owned(), why.to_owned())
        })
    }
}

/// The first victim that needs a confirmation of its own.
pub(super) fn first_protected(plans: &[KillPlan]) -> Option<&Victim> {
    plans.iter().flat_map(|plan| &plan.victims).find(|victim| victim.protected.is_some())
}
