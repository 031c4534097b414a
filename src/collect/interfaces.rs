//! Interface counters, which need no rights: what the Packets pane shows where nothing may be
//! captured.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Collector, Control, Feed, Round, spawn as spawn_collector};
use crate::model::health::{Health, Source};
use crate::model::interface::Interfaces;
use crate::sys::{self, netns::Namespace};

/// Starts reading the interfaces' counters every `period`.
pub fn spawn(period: Duration) -> io::Result<Feed<Interfaces>> {
    spawn_collector(InterfaceCounters, period, false)
}

/// Names of the interfaces there are, in alphabetical order; empty where the system does not
/// tell. In another network namespace, where one is given.
pub fn names(netns: Option<&Namespace>) -> Vec<String> {
    let listed = match netns {
        Some(netns) => netns.enter(sys::interfaces::list).and_then(|listed| listed),
        None => sys::interfaces::list(),
    };
    let interfaces = listed.unwrap_or_default();
    interfaces.list.into_iter().map(|interface| interface.name.into()).collect()
}

struct InterfaceCounters;

impl Collector for InterfaceCounters {
    type Value = Interfaces;

    fn name(&self) -> &'static str {
        "interfaces"
    }

    fn sample(&mut self, _: &Control) -> Round<Interfaces> {
        let started = Instant::now();
        let (value, health) = match sys::interfaces::list() {
            Ok(interfaces) => (Some(Arc::new(interfaces)), Health::ready(Source::Interfaces)),
            Err(error) => (None, Health::unavailable(Source::Interfaces, error.to_string())),
        };
        Round { value, health: vec![health], cost: Some(started.elapsed()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[tokio::test]
    async fn the_feed_lists_interfaces() {
        let mut feed = spawn(Duration::from_millis(10)).unwrap();
        while feed.latest().value.is_none() {
            assert!(feed.changed().await);
        }
        let listed = feed.latest().value.clone().unwrap();
        let named: Vec<&str> = listed.list.iter().map(|interface| &*interface.name).collect();
        assert_eq!(named, names(None));
    }
}
