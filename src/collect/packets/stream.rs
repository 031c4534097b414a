//! The payload of one flow out of its packets: what was sent again stands there once, what came
//! early waits for what fills the gap, and what is missing is counted.

use super::each::Packet;
use super::flows::FlowId;
use crate::model::packets::FlowEnd;
use crate::model::stream::{FlowStream, StreamPiece};
use crate::wire::frame::detail;

/// Bytes that are kept of a stream: the last.
const MOST: usize = 64 * 1024;
/// Segments that wait for what fills the gap before them.
const MOST_WAITING: usize = 256;

/// A stream that is being put together.
#[derive(Debug, Default)]
pub(super) struct Streams {
    ends: Option<(FlowEnd, FlowEnd)>,
    /// Of the first end, and of the second.
    sides: [Side; 2],
    pieces: Vec<StreamPiece>,
    bytes: usize,
    left_out: u64,
}

/// What one end has sent.
#[derive(Debug, Default)]
struct Side {
    /// Number of the next byte; `None` before the first.
    next: Option<u32>,
    /// Segments behind a gap, by number.
    waiting: Vec<(u32, Vec<u8>, u32)>,
}

impl Streams {
    /// Takes a packet of the flow.
    pub(super) fn note(&mut self, packet: &Packet<'_>) {
        let Some(ip) = packet.summary.ip() else { return };
        let (id, backwards) = FlowId::of(ip);
        let key = id.key();
        let (from, to) = if backwards { (key.b, key.a) } else { (key.a, key.b) };
        let (first, _) = *self.ends.get_or_insert((from, to));
        let side = usize::from(first != from);
        let detail = detail(packet.link, packet.bytes, ip);
        match detail.segment {
            Some(segment) if segment.payload > 0 => {
                self.segment(side, segment.sequence, detail.payload, segment.payload);
            }
            None if !detail.payload.is_empty() => self.say(side, 0, detail.payload),
            _ => {}
        }
    }

    /// A TCP segment of `length` bytes, of which `payload` was captured.
    fn segment(&mut self, side: usize, sequence: u32, payload: &[u8], length: u32) {
        let next = self.sides[side].next.unwrap_or(sequence);
        let ahead = sequence.wrapping_sub(next) as i32;
        if ahead > 0 {
            self.sides[side].waiting.push((sequence, payload.to_vec(), length));
            if self.sides[side].waiting.len() > MOST_WAITING {
                self.skip_gap(side);
            }
            return;
        }
        self.take(side, sequence, payload, length, 0);
        self.take_waiting(side);
    }

    /// A segment that goes on where the side is, or overlaps what is there.
    fn take(&mut self, side: usize, sequence: u32, payload: &[u8], length: u32, missing: u64) {
        let next = self.sides[side].next.unwrap_or(sequence);
        let known = next.wrapping_sub(sequence);
        if known >= length {
            return;
        }
        self.sides[side].next = Some(sequence.wrapping_add(length));
        let new = payload.get(known as usize..).unwrap_or_default();
        let cut = u64::from(length - known) - new.len() as u64;
        self.say(side, missing, new);
        if cut > 0 {
            self.say(side, cut, &[]);
        }
    }

    /// What waited and now follows.
    fn take_waiting(&mut self, side: usize) {
        while let Some(next) = self.sides[side].next {
            let waiting = &mut self.sides[side].waiting;
            let follows =
                |(sequence, ..): &(u32, Vec<u8>, u32)| sequence.wrapping_sub(next) as i32 <= 0;
            let Some(at) = waiting.iter().position(follows) else { return };
            let (sequence, payload, length) = waiting.swap_remove(at);
            self.take(side, sequence, &payload, length, 0);
        }
    }

    /// Nothing will fill the gap any more.
    fn skip_gap(&mut self, side: usize) {
        let Some(next) = self.sides[side].next else { return };
        let waiting = &mut self.sides[side].waiting;
        let nearest = (0..waiting.len()).min_by_key(|at| waiting[*at].0.wrapping_sub(next));
        let Some(at) = nearest else { return };
        let (sequence, payload, length) = waiting.swap_remove(at);
        let missing = sequence.wrapping_sub(next);
        self.sides[side].next = Some(sequence);
        self.take(side, sequence, &payload, length, missing.into());
        self.take_waiting(side);
    }

    fn say(&mut self, side: usize, missing: u64, bytes: &[u8]) {
        let from_first = side == 0;
        match self.pieces.last_mut() {
            Some(last) if last.from_first == from_first && missing == 0 => {
                last.bytes.extend_from_slice(bytes);
            }
            _ => self.pieces.push(StreamPiece { from_first, missing, bytes: bytes.to_vec() }),
        }
        self.bytes += bytes.len();
        // Now and then, so that what is kept moves seldom.
        if self.bytes > 2 * MOST {
            self.forget();
        }
    }

    /// Lets the oldest go.
    fn forget(&mut self) {
        while self.bytes > MOST {
            let Some(oldest) = self.pieces.first_mut() else { return };
            let excess = (self.bytes - MOST).min(oldest.bytes.len());
            oldest.bytes.drain(..excess);
            oldest.missing = 0;
            self.bytes -= excess;
            self.left_out += excess as u64;
            if oldest.bytes.is_empty() {
                self.pieces.remove(0);
            }
        }
    }

    /// The stream; `None` where no packet came.
    pub(super) fn finish(mut self) -> Option<FlowStream> {
        for side in 0..self.sides.len() {
            while !self.sides[side].waiting.is_empty() {
                self.skip_gap(side);
            }
        }
        self.forget();
        let (first, second) = self.ends?;
        Some(FlowStream { first, second, left_out: self.left_out, pieces: self.pieces })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both sides said, `…` and a number for what is missing.
    fn said(streams: Streams) -> String {
        let mut streams = streams;
        let end = |port| FlowEnd { addr: [10, 0, 0, 1].into(), port };
        streams.ends = Some((end(1), end(2)));
        let stream = streams.finish().unwrap();
        let piece = |piece: &StreamPiece| {
            let missing =
                if piece.missing > 0 { format!("…{} ", piece.missing) } else { String::new() };
            let sign = if piece.from_first { '>' } else { '<' };
            format!("{missing}{sign}{}", String::from_utf8_lossy(&piece.bytes))
        };
        stream.pieces.iter().map(piece).collect::<Vec<_>>().join(" ")
    }

    fn segments(all: &[(usize, u32, &str)]) -> Streams {
        let mut streams = Streams::default();
        for (side, sequence, text) in all {
            streams.segment(*side, *sequence, text.as_bytes(), text.len() as u32);
        }
        streams
    }

    #[test]
    fn each_side_speaks_in_turn_and_what_is_sent_again_stands_once() {
        let all =
            [(0, 100, "GET "), (0, 104, "/"), (0, 100, "GET /"), (1, 7, "200"), (0, 105, "x")];
        assert_eq!(said(segments(&all)), ">GET / <200 >x");
        let wrapped = [(0, u32::MAX - 1, "abcd"), (0, 2, "ef"), (0, u32::MAX, "bcde")];
        assert_eq!(said(segments(&wrapped)), ">abcdef");
    }

    #[test]
    fn what_comes_early_waits_and_what_never_comes_is_missing() {
        let late = [(0, 0, "ab"), (0, 4, "ef"), (0, 2, "cd"), (0, 6, "gh")];
        assert_eq!(said(segments(&late)), ">abcdefgh");
        let lost = [(0, 0, "ab"), (0, 6, "gh"), (1, 0, "ok"), (0, 4, "ef")];
        assert_eq!(said(segments(&lost)), ">ab <ok …2 >efgh");
    }

    #[test]
    fn what_the_capture_cut_is_missing() {
        let mut streams = Streams::default();
        streams.segment(0, 0, b"abc", 10);
        streams.segment(0, 10, b"k", 1);
        assert_eq!(said(streams), ">abc …7 >k");
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stays() {
        let mut streams = Streams::default();
        for number in 0..10_000u32 {
            streams.segment(0, number * 100, &[b'a' + (number % 26) as u8; 100], 100);
        }
        assert!(streams.bytes <= 2 * MOST + 100);
        let end = |port| FlowEnd { addr: [10, 0, 0, 1].into(), port };
        streams.ends = Some((end(1), end(2)));
        let stream = streams.finish().unwrap();
        assert_eq!(stream.pieces.len(), 1);
        assert_eq!(stream.pieces[0].bytes.len(), MOST);
        assert_eq!(stream.left_out, 1_000_000 - MOST as u64);
        let mut early = Streams::default();
        early.segment(0, 0, b"a", 1);
        (1..2_000).for_each(|number| early.segment(0, number * 10, b"b", 1));
        assert!(early.sides[0].waiting.len() <= MOST_WAITING);
    }
}
