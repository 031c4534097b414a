//! What addresses are called: asked for one by one while names are shown, and only for those
//! on screen.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::inspect::names::{NameAnswer, askable};
use crate::model::socket::{Endpoint, HostName};
use crate::text::clean;

/// Look-ups that are under way at the same time. Each holds a thread until the system's
/// resolver gives up.
const PARALLEL: usize = 8;

/// Addresses that are remembered.
const MOST: usize = 4096;

/// Names rarely move.
const NAME_HOLDS: Duration = Duration::from_secs(600);
/// One may be given to a machine that had none.
const NO_NAME_HOLDS: Duration = Duration::from_secs(300);
/// A name server may be back soon.
const NO_ANSWER_HOLDS: Duration = Duration::from_secs(60);

/// Names by address, with answers to come.
#[derive(Debug, Default)]
pub struct Hosts {
    known: HashMap<IpAddr, Known>,
    open: HashSet<IpAddr>,
}

#[derive(Debug)]
struct Known {
    name: Option<HostName>,
    until: Instant,
}

impl Hosts {
    /// Which of these addresses to ask for now: not those whose answer still holds or is
    /// awaited, and no more than may be under way. They count as asked for from now on.
    pub fn ask(&mut self, wanted: impl Iterator<Item = IpAddr>, now: Instant) -> Vec<IpAddr> {
        let mut asked = Vec::new();
        for addr in wanted {
            if self.open.len() >= PARALLEL {
                break;
            }
            let holds = self.known.get(&addr).is_some_and(|known| known.until > now);
            if !holds && self.open.insert(addr) {
                asked.push(addr);
            }
        }
        asked
    }

    /// Takes an answer.
    pub fn take(&mut self, addr: IpAddr, answer: NameAnswer, now: Instant) {
        self.open.remove(&addr);
        let (name, holds) = match answer {
            NameAnswer::Name(name) => (Some(name), NAME_HOLDS),
            NameAnswer::NoName => (None, NO_NAME_HOLDS),
            NameAnswer::NoAnswer => (None, NO_ANSWER_HOLDS),
        };
        self.known.insert(addr, Known { name, until: now + holds });
        if self.known.len() > MOST {
            self.forget();
        }
    }

    /// Drops the half that would be asked for again first.
    fn forget(&mut self) {
        let mut ends: Vec<Instant> = self.known.values().map(|known| known.until).collect();
        let middle = ends.len() / 2;
        let (_, limit, _) = ends.select_nth_unstable(middle);
        let limit = *limit;
        self.known.retain(|_, known| known.until > limit);
    }

    /// The name of an end's address, if one is known.
    pub fn name(&self, end: &Endpoint) -> Option<&str> {
        let known = self.known.get(&askable(end)?)?;
        known.name.as_ref().map(|name| &*name.0)
    }

    /// The text of an end with its name, where one is known, in place of the address.
    pub fn put_name(&self, text: String, end: &Endpoint) -> String {
        match (self.name(end), text.rsplit_once(':')) {
            (Some(name), Some((_, port))) => format!("{}:{port}", clean(name)),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn named(name: &str) -> NameAnswer {
        NameAnswer::Name(HostName(name.into()))
    }

    fn ask(hosts: &mut Hosts, addrs: &[u8], now: Instant) -> Vec<IpAddr> {
        hosts.ask(addrs.iter().map(|last| addr(*last)), now)
    }

    #[test]
    fn each_address_is_asked_for_once_while_its_answer_holds() {
        let (mut hosts, start) = (Hosts::default(), Instant::now());
        assert_eq!(ask(&mut hosts, &[1, 2, 1], start), [addr(1), addr(2)]);
        assert!(ask(&mut hosts, &[1, 2], start).is_empty(), "under way");
        hosts.take(addr(1), named("one"), start);
        hosts.take(addr(2), NameAnswer::NoName, start);
        hosts.take(addr(3), NameAnswer::NoAnswer, start);
        assert!(ask(&mut hosts, &[1, 2, 3], start).is_empty());
        let later = |after: Duration| start + after + Duration::from_secs(1);
        assert_eq!(ask(&mut hosts, &[1, 2, 3], later(NO_ANSWER_HOLDS)), [addr(3)]);
        assert_eq!(ask(&mut hosts, &[1, 2, 3], later(NO_NAME_HOLDS)), [addr(2)]);
        assert_eq!(ask(&mut hosts, &[1, 2, 3], later(NAME_HOLDS)), [addr(1)]);
        assert_eq!(hosts.name(&Endpoint::ip([10, 0, 0, 1], 80)), Some("one"), "until it is new");
    }

    #[test]
    fn only_few_are_under_way_at_a_time() {
        let (mut hosts, now) = (Hosts::default(), Instant::now());
        let all: Vec<u8> = (1..=100).collect();
        assert_eq!(ask(&mut hosts, &all, now).len(), PARALLEL);
        hosts.take(addr(1), NameAnswer::NoAnswer, now);
        assert_eq!(ask(&mut hosts, &all, now), [addr(9)]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut hosts, start) = (Hosts::default(), Instant::now());
        for number in 0..3 * MOST as u32 {
            let now = start + Duration::from_millis(number.into());
            hosts.take(IpAddr::from(number.to_be_bytes()), NameAnswer::NoName, now);
            assert!(hosts.known.len() <= MOST);
        }
        assert!(hosts.known.len() >= MOST / 2);
    }

    #[test]
    fn a_name_takes_the_place_of_its_address_and_is_cleaned() {
        let mut hosts = Hosts::default();
        hosts.take(addr(1), named("we\x1b[2Jb"), Instant::now());
        let put = |text: &str, end: &Endpoint| hosts.put_name(text.to_owned(), end);
        let end = Endpoint::ip([10, 0, 0, 1], 443);
        assert_eq!(put("10.0.0.1:https", &end), "we\u{FFFD}[2Jb:https");
        let mapped = Endpoint::ip("::ffff:10.0.0.1".parse::<IpAddr>().unwrap(), 443);
        assert_eq!(put("[::ffff:10.0.0.1]:443", &mapped), "we\u{FFFD}[2Jb:443");
        assert_eq!(put("10.0.0.2:443", &Endpoint::ip([10, 0, 0, 2], 443)), "10.0.0.2:443");
        assert_eq!(put("/run/a:b", &Endpoint::unix("/run/a:b")), "/run/a:b");
    }
}
