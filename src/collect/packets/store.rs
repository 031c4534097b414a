//! The last packets, as far as they were taken: what a look at one flow is made of. They lie in a
//! ring of bytes of a fixed size; the newest take the room of the oldest.

use std::collections::VecDeque;

use super::each::Packet;
use super::flows::FlowId;
use super::ladder::FlowLadder;
use super::lines::packet_line;
use super::stream::Streams;
use crate::model::flow_look::{FlowLook, PacketLook};
use crate::model::packets::FlowKey;
use crate::wire::frame::{Link, decode};

/// Bytes of packets that are kept.
const ROOM: usize = 4 * 1024 * 1024;
/// Packets that are kept at most.
const MOST: usize = 65_536;
/// Packets of a flow that are shown field by field: the last.
const MOST_SHOWN: usize = 64;

/// The packets, and where each lies.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// Made with the first packet.
    bytes: Box<[u8]>,
    kept: VecDeque<Kept>,
    /// Where the next packet goes.
    next: usize,
    /// Number of the next packet.
    number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    at: usize,
    taken: usize,
    number: u64,
    interface: usize,
    link: Link,
    time_ns: Option<i64>,
    length: u32,
}

impl Store {
    /// Keeps a packet.
    #[inline]
    pub(super) fn keep(&mut self, packet: &Packet<'_>) {
        self.number += 1;
        let taken = packet.bytes.len();
        if self.bytes.is_empty() {
            self.bytes = vec![0; ROOM].into();
        }
        if taken > self.bytes.len() {
            return;
        }
        if self.next + taken > self.bytes.len() {
            // What lies behind is older than all that lies before.
            while self.kept.front().is_some_and(|kept| kept.at >= self.next) {
                self.kept.pop_front();
            }
            self.next = 0;
        }
        let end = self.next + taken;
        let is_in_the_way = |kept: &Kept| kept.at < end && kept.at + kept.taken.max(1) > self.next;
        while self.kept.len() == MOST || self.kept.front().is_some_and(is_in_the_way) {
            self.kept.pop_front();
        }
        self.bytes[self.next..end].copy_from_slice(packet.bytes);
        self.kept.push_back(Kept {
            at: self.next,
            taken,
            number: self.number,
            interface: packet.interface,
            link: packet.link,
            time_ns: packet.time_ns,
            length: packet.length,
        });
        self.next = end;
    }

    /// What is kept of a flow, of which `counted` packets were counted.
    pub(super) fn look(
        &self,
        key: &FlowKey,
        counted: u64,
        names: &[Option<std::sync::Arc<str>>],
    ) -> FlowLook {
        let mut ladder = FlowLadder::default();
        let mut stream = Streams::default();
        let mut of_flow: Vec<&Kept> = Vec::new();
        for kept in &self.kept {
            let packet = &self.bytes[kept.at..kept.at + kept.taken];
            let summary = decode(kept.link, packet);
            let is_of_flow = summary.ip().is_some_and(|ip| FlowId::of(ip).0.key() == *key);
            if is_of_flow {
                let packet = kept.packet(packet, &summary, names);
                ladder.note(&packet);
                stream.note(&packet);
                of_flow.push(kept);
            }
        }
        let missing = counted.saturating_sub(of_flow.len() as u64);
        let first_shown = of_flow.len().saturating_sub(MOST_SHOWN);
        let shown = |kept: &&Kept| {
            let bytes = &self.bytes[kept.at..kept.at + kept.taken];
            let summary = decode(kept.link, bytes);
            let packet = kept.packet(bytes, &summary, names);
            PacketLook { line: packet_line(&packet, kept.number, true), bytes: bytes.into() }
        };
        let packets = of_flow[first_shown..].iter().map(shown).collect();
        let (ladder, stream) = (ladder.finish(), stream.finish());
        FlowLook { key: *key, missing, ladder, stream, packets }
    }
}

impl Kept {
    fn packet<'a>(
        &self,
        bytes: &'a [u8],
        summary: &'a crate::wire::frame::Summary,
        names: &'a [Option<std::sync::Arc<str>>],
    ) -> Packet<'a> {
        Packet {
            interface: self.interface,
            interface_name: names.get(self.interface).and_then(Option::as_ref),
            link: self.link,
            link_type: self.link.link_type(),
            time_ns: self.time_ns,
            length: self.length,
            bytes,
            summary,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::model::packets::FlowEnd;

    /// A UDP datagram from one port to another, on Ethernet.
    fn datagram(from: u16, to: u16, payload: usize) -> Vec<u8> {
        let length = 28 + payload as u16;
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend([from.to_be_bytes(), to.to_be_bytes()].concat());
        bytes.extend([(length - 20).to_be_bytes(), [0, 0]].concat());
        bytes.resize(bytes.len() + payload, 7);
        bytes
    }

    fn keep(store: &mut Store, bytes: &[u8], second: i64) {
        let summary = decode(Link::Ethernet, bytes);
        store.keep(&Packet {
            interface: 0,
            interface_name: None,
            link: Link::Ethernet,
            link_type: 1,
            time_ns: Some(second * 1_000_000_000),
            length: bytes.len() as u32,
            bytes,
            summary: &summary,
        });
    }

    fn flow(from: u16, to: u16) -> FlowKey {
        let end = |last, port| FlowEnd { addr: [10, 0, 0, last].into(), port };
        FlowKey { ip_protocol: 17, a: end(1, from), b: end(2, to), ident: None }
    }

    #[test]
    fn a_look_has_the_packets_of_its_flow_alone_and_says_what_is_missing() {
        let mut store = Store::default();
        for second in 0..10 {
            keep(&mut store, &datagram(1000, 7, 10), second);
            keep(&mut store, &datagram(1001, 7, 20), second);
        }
        let look = store.look(&flow(1000, 7), 25, &[]);
        assert_eq!((look.packets.len(), look.missing), (10, 15));
        let numbers: Vec<u64> = look.packets.iter().map(|packet| packet.line.number).collect();
        assert_eq!(numbers, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
        assert_eq!(&*look.packets[0].bytes, datagram(1000, 7, 10));
        assert!(look.packets[0].line.layers.iter().any(|layer| layer.name == "udp"));
        let ladder = look.ladder.unwrap();
        assert_eq!((ladder.first.port, ladder.second.port), (1000, 7));
        assert!(store.look(&flow(1, 2), 0, &[]).ladder.is_none());
    }

    #[test]
    fn the_newest_take_the_room_of_the_oldest_and_stay_whole() {
        let mut store = Store::default();
        let sizes = [60usize, 1_400, 9_000, 0, 33_000, 65_000];
        let mut last = 0;
        for number in 0..2_000 {
            last = sizes[number % sizes.len()];
            keep(&mut store, &datagram(1000, number as u16, last), number as i64);
        }
        let bytes: usize = store.kept.iter().map(|kept| kept.taken).sum();
        assert!(bytes <= ROOM && bytes > ROOM / 2, "{bytes}");
        for kept in &store.kept {
            let number = kept.number - 1;
            let expected = datagram(1000, number as u16, sizes[number as usize % sizes.len()]);
            assert!(store.bytes[kept.at..kept.at + kept.taken] == expected[..], "{number}");
        }
        let numbers: Vec<u64> = store.kept.iter().map(|kept| kept.number).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "without a gap");
        assert_eq!(numbers.last(), Some(&2_000));
        assert_eq!(store.kept.back().unwrap().taken, 42 + last);
    }

    #[test]
    fn the_number_of_small_packets_is_bounded() {
        let mut store = Store::default();
        for _ in 0..MOST + 10 {
            keep(&mut store, &[0; 1], 0);
        }
        assert_eq!(store.kept.len(), MOST);
    }
}
