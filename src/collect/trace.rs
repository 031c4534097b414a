//! The socket calls of one process, for as long as somebody looks.

use std::time::Duration;

use crate::model::owner::ProcessKey;
use crate::model::trace::Traced;
use crate::sys;

pub use crate::sys::trace::Trace;

/// At most so many calls are kept for one document.
pub const MOST_KEPT: usize = 1_000_000;

/// How often it is told what is new.
const ROUND: Duration = Duration::from_millis(200);

/// Follows the calls of a process until nobody wants them or it ends, and returns all that is known
/// then. `tell` is given what is known whenever that has grown; `false` says that it found no room,
/// and it is told again.
pub fn follow(
    process: ProcessKey,
    is_wanted: impl Fn() -> bool,
    mut tell: impl FnMut(&Traced) -> bool,
) -> Result<Traced, sys::Error> {
    let mut trace = Trace::open(process.pid)?;
    if !trace.is_of(process) {
        return Err(sys::Error::Gone { what: format!("process {}", process.pid) });
    }
    let mut traced = Traced::default();
    let mut is_told = tell(&traced);
    while is_wanted() && trace.is_alive() {
        is_told &= !take(&mut trace, &mut traced, ROUND)?;
        if !is_told {
            is_told = tell(&traced);
        }
    }
    // What has returned up to now is told.
    take(&mut trace, &mut traced, Duration::ZERO)?;
    Ok(traced)
}

/// Takes what has returned within `patience`; whether there was anything.
fn take(trace: &mut Trace, traced: &mut Traced, patience: Duration) -> Result<bool, sys::Error> {
    let mut is_new = false;
    trace.poll(patience, |call| {
        traced.add(call);
        is_new = true;
    })?;
    let lost = trace.lost()?;
    is_new |= lost != traced.lost;
    traced.lost = lost;
    Ok(is_new)
}
