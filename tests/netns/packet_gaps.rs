//! What a capture that goes on in the background takes, and what it therefore misses.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use sockpit::collect::Feed;
use sockpit::collect::packets::{self, CaptureOptions};
use sockpit::model::packets::PacketCounts;

use crate::support::{in_namespace, wait_for};

fn gap(feed: &mut Feed<PacketCounts>) -> Option<u64> {
    feed.latest().value.as_ref()?.losses.gap_ms
}

fn udp(feed: &mut Feed<PacketCounts>) -> u64 {
    let sample = feed.latest();
    let counts = sample.value.as_ref();
    let line = counts.and_then(|counts| counts.protocols.iter().find(|line| line.name == "udp"));
    line.map_or(0, |line| line.count.packets)
}

#[test]
fn a_pause_between_two_times_of_counting_is_a_gap() {
    in_namespace(|| {
        let period = Duration::from_millis(20);
        let (mut feed, steering) = packets::spawn(CaptureOptions::default(), period, None).unwrap();
        let other = feed.clone();
        other.control().resume();
        wait_for("counts", || (gap(&mut feed)? == 0).then_some(()));
        other.control().pause();
        wait_for("the pause", || feed.latest().paused.then_some(()));
        other.control().resume();
        let first = wait_for("a gap", || gap(&mut feed).filter(|gap| *gap > 0));
        let seq = feed.latest().seq;
        wait_for("more rounds", || (feed.latest().seq > seq + 3).then_some(()));
        assert_eq!(gap(&mut feed), Some(first), "it captures without a gap again");
        steering.restart();
        wait_for("a new beginning", || (gap(&mut feed)? == 0).then_some(()));
    });
}

/// Datagrams without end, until it is dropped.
struct Flood<'a>(&'a AtomicBool);

impl Drop for Flood<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn in_the_background_a_tenth_of_a_core_is_the_most_and_the_rest_a_gap() {
    in_namespace(|| {
        let period = Duration::from_millis(100);
        let (mut feed, steering) = packets::spawn(CaptureOptions::default(), period, None).unwrap();
        let other = feed.clone();
        steering.attend(false);
        other.control().resume();
        wait_for("counts", || gap(&mut feed));
        let (is_over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = receiver.local_addr().unwrap();
        thread::scope(|scope| {
            let _flood = Flood(&is_over);
            scope.spawn(|| {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                while !is_over.load(Ordering::Relaxed) {
                    socket.send_to(&[0; 10], target).unwrap();
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
            wait_for("a gap", || gap(&mut feed).filter(|gap| *gap > 200));
            steering.attend(true);
            wait_for("counting on", || {
                let before = (gap(&mut feed)?, feed.latest().seq);
                wait_for("a round", || (feed.latest().seq > before.1 + 2).then_some(()));
                (gap(&mut feed)? == before.0).then_some(())
            });
        });
        let (counted, sent) = (udp(&mut feed), sent.load(Ordering::Relaxed));
        assert!(counted > 0 && counted < sent, "{counted} of {sent}");
        let last = gap(&mut feed).unwrap();
        wait_for("rounds that are not dear", || (gap(&mut feed)? == last).then_some(()));
    });
}
