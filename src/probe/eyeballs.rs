//! Which of a name's addresses a client would use that tries them by turns of the two IP versions,
//! one a quarter of a second after the other (RFC 8305, "happy eyeballs").

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::probe::{Attempt, HappyEyeballs, StageName};

/// From the start of one connect to that of the next, unless it fails earlier (RFC 8305, 5).
const DELAY: Duration = Duration::from_millis(250);

/// A connect to an address: whether it came about, and how long that took.
#[derive(Clone, Copy, Debug)]
struct Tried {
    address: SocketAddr,
    ok: bool,
    took: Duration,
}

/// What such a client would do, by one attempt at each address, in the system's order.
pub(super) fn of(attempts: &[Attempt]) -> HappyEyeballs {
    let tried: Vec<Tried> = attempts.iter().filter_map(connect).collect();
    let picked = pick(&tried);
    HappyEyeballs {
        picked: picked.map(|(address, _)| address),
        after_us: picked.map(|(_, after)| u64::try_from(after.as_micros()).unwrap_or(u64::MAX)),
    }
}

/// One that was never sent failed at once.
fn connect(attempt: &Attempt) -> Option<Tried> {
    let address = attempt.address?;
    let stage = attempt.stages.iter().find(|stage| stage.name() == StageName::Connect);
    let took = stage.map_or(Duration::ZERO, |stage| Duration::from_micros(stage.duration_us));
    Some(Tried { address, ok: stage.is_some_and(|stage| stage.ok), took })
}

/// The address whose connect is done first, and when that is.
fn pick(tried: &[Tried]) -> Option<(SocketAddr, Duration)> {
    let mut best: Option<(SocketAddr, Duration)> = None;
    let mut start = Duration::ZERO;
    for Tried { address, ok, took } in by_turns(tried) {
        if best.is_some_and(|(_, done)| done <= start) {
            break;
        }
        let done = start + took;
        if ok && best.is_none_or(|(_, before)| done < before) {
            best = Some((address, done));
        }
        start += if ok { DELAY } else { took.min(DELAY) };
    }
    best
}

/// The two versions by turns, that of the first address first.
fn by_turns(tried: &[Tried]) -> Vec<Tried> {
    let Some(first) = tried.first() else { return Vec::new() };
    let is_first = |tried: &&Tried| tried.address.is_ipv4() == first.address.is_ipv4();
    let mut first: Vec<Tried> = tried.iter().filter(is_first).copied().collect();
    let mut second: Vec<Tried> = tried.iter().filter(|it| !is_first(it)).copied().collect();
    (first, second) = (first.drain(..).rev().collect(), second.drain(..).rev().collect());
    let mut turns = Vec::with_capacity(tried.len());
    while turns.len() < tried.len() {
        turns.extend(first.pop());
        turns.extend(second.pop());
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(address: &str, ok: bool, ms: u64) -> Tried {
        let address = address.parse().unwrap();
        Tried { address, ok, took: Duration::from_millis(ms) }
    }

    fn picked(tried: &[Tried]) -> Option<(String, u128)> {
        pick(tried).map(|(address, after)| (address.to_string(), after.as_millis()))
    }

    #[test]
    fn the_first_that_is_done_within_its_turn_is_used() {
        let all = [tried("[2001:db8::1]:1", true, 200), tried("192.0.2.1:1", true, 1)];
        assert_eq!(picked(&all), Some(("[2001:db8::1]:1".into(), 200)));
    }

    #[test]
    fn a_slow_one_is_overtaken_by_the_other_version() {
        let all = [
            tried("[2001:db8::1]:1", true, 400),
            tried("[2001:db8::2]:1", true, 1),
            tried("192.0.2.1:1", true, 20),
        ];
        // The second IPv6 address would begin after the IPv4 one is done.
        assert_eq!(picked(&all), Some(("192.0.2.1:1".into(), 270)));
    }

    #[test]
    fn one_that_fails_makes_room_at_once() {
        let all = [tried("[2001:db8::1]:1", false, 3), tried("192.0.2.1:1", true, 20)];
        assert_eq!(picked(&all), Some(("192.0.2.1:1".into(), 23)));
        let silent = [tried("[2001:db8::1]:1", false, 5_000), tried("192.0.2.1:1", true, 20)];
        assert_eq!(picked(&silent), Some(("192.0.2.1:1".into(), 270)));
        assert_eq!(picked(&[tried("192.0.2.1:1", false, 1)]), None);
        assert_eq!(picked(&[]), None);
    }
}
