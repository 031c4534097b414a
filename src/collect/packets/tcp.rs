//! What became of a TCP connection, from the segments that were seen: docs/packets.md has each
//! definition.

use crate::model::packets::{FlowTcp, Handshake, ResetPhase, TcpCounts, TcpEnd};
use crate::wire::frame::{Segment, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN};

/// What fills a gap this soon was only late.
const LATE_NS: i64 = 3_000_000;

/// One sender of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Sender {
    /// The number behind the last byte that it sent, where anything is known.
    next: Option<u32>,
    /// Bytes before `next` that were not seen, from and to, and since when.
    gap: Option<(u32, u32, i64)>,
    acknowledgment: Option<u32>,
    window: u16,
    finished: bool,
    sent_data: bool,
    retransmissions: u32,
    out_of_order: u32,
    keep_alives: u32,
    duplicate_acks: u32,
    zero_windows: u32,
    resets: u32,
}

/// A connection, or several one after the other between the same ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Connection {
    senders: [Sender; 2],
    attempts: u32,
    completed: u32,
    refused: u32,
    /// When the last SYN came, who sent it, its answer's time.
    syn_ns: Option<i64>,
    syn_by: u8,
    syn_ack_ns: Option<i64>,
    is_open: bool,
    /// Round trips of the handshake in nanoseconds: to the server, and to the client.
    to_server_ns: Option<i64>,
    to_client_ns: Option<i64>,
    reset_phase: Option<ResetPhase>,
}

/// Whether `a` comes before `b` on the circle of sequence numbers.
fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// From one time to another; `None` where one of them is not known, which 0 stands for.
fn between(from_ns: i64, to_ns: i64) -> Option<i64> {
    (from_ns != 0 && to_ns != 0).then(|| to_ns.saturating_sub(from_ns))
}

impl Connection {
    /// Reads a little of each part, so that all of it is on its way from memory.
    #[inline]
    pub(super) fn touch(&self) -> u32 {
        let senders =
            self.senders.iter().fold(0, |sum, one| sum ^ one.resets ^ u32::from(one.window));
        senders ^ self.attempts ^ u32::from(self.syn_by)
    }

    /// Takes note of a segment from sender 0 or 1.
    #[inline]
    pub(super) fn note(&mut self, from: usize, flags: u8, segment: &Segment, time_ns: i64) {
        let is = |bit| flags & bit != 0;
        if is(TCP_SYN) {
            self.note_syn(from, is(TCP_ACK), segment, time_ns);
        } else if is(TCP_ACK) && !is(TCP_RST) {
            self.note_answer(from, time_ns);
        }
        if is(TCP_RST) {
            return self.note_reset(from);
        }
        let length = segment.payload + u32::from(is(TCP_SYN)) + u32::from(is(TCP_FIN));
        if length > 0 {
            self.note_data(from, flags, segment, length, time_ns);
        } else {
            self.note_pure(from, segment);
        }
        let sender = &mut self.senders[from];
        if segment.window == 0 && !is(TCP_SYN) && !is(TCP_FIN) {
            sender.zero_windows += 1;
        }
        sender.window = segment.window;
        if is(TCP_ACK) {
            sender.acknowledgment = Some(segment.acknowledgment);
        }
        sender.finished |= is(TCP_FIN);
        sender.sent_data |= segment.payload > 0;
    }

    fn note_syn(&mut self, from: usize, is_answer: bool, segment: &Segment, time_ns: i64) {
        if is_answer {
            if self.syn_ack_ns.is_none() {
                self.syn_ack_ns = Some(time_ns);
                let asked = self.syn_ns.filter(|_| usize::from(self.syn_by) != from);
                let took = asked.and_then(|asked| between(asked, time_ns));
                self.to_server_ns = took.or(self.to_server_ns);
            }
            return;
        }
        let is_again = self.senders[from].next == Some(segment.sequence.wrapping_add(1));
        if is_again && self.syn_ns.is_some() {
            return;
        }
        // Another connection between the same ends: nothing of the last one holds.
        for sender in &mut self.senders {
            sender.next = None;
            sender.gap = None;
            sender.acknowledgment = None;
            sender.finished = false;
            sender.sent_data = false;
        }
        self.attempts += 1;
        self.syn_ns = Some(time_ns);
        self.syn_by = from as u8;
        self.syn_ack_ns = None;
        self.is_open = false;
    }

    /// The first acknowledgment of who asked completes the handshake.
    fn note_answer(&mut self, from: usize, time_ns: i64) {
        let Some(answered) = self.syn_ack_ns else { return };
        if self.is_open || self.syn_ns.is_some_and(|_| usize::from(self.syn_by) != from) {
            return;
        }
        self.is_open = true;
        self.completed += 1;
        self.to_client_ns = between(answered, time_ns);
    }

    fn note_reset(&mut self, from: usize) {
        self.senders[from].resets += 1;
        let is_handshake = self.syn_ns.is_some() && !self.is_open;
        if is_handshake && self.syn_ack_ns.is_none() && usize::from(self.syn_by) != from {
            self.refused += 1;
            self.syn_ns = None;
        }
        let phase = if is_handshake {
            ResetPhase::Handshake
        } else if self.senders.iter().any(|sender| sender.finished) {
            ResetPhase::Closing
        } else {
            ResetPhase::Established
        };
        self.reset_phase.get_or_insert(phase);
    }

    fn note_data(&mut self, from: usize, flags: u8, segment: &Segment, length: u32, time_ns: i64) {
        let late = self.to_server_ns.filter(|rtt| *rtt > 0).unwrap_or(LATE_NS);
        let sender = &mut self.senders[from];
        let end = segment.sequence.wrapping_add(length);
        let Some(next) = sender.next else {
            sender.next = Some(end);
            return;
        };
        if !before(segment.sequence, next) {
            if segment.sequence != next {
                sender.gap = Some((next, segment.sequence, time_ns));
            }
            sender.next = Some(end);
            return;
        }
        let is_probe = segment.payload <= 1
            && flags & (TCP_SYN | TCP_FIN) == 0
            && segment.sequence == next.wrapping_sub(1);
        if is_probe {
            sender.keep_alives += 1;
            return;
        }
        match sender.gap {
            Some((from, to, since))
                if !before(segment.sequence, from) && before(segment.sequence, to) =>
            {
                if time_ns.saturating_sub(since) <= late {
                    sender.out_of_order += 1;
                } else {
                    sender.retransmissions += 1;
                }
                sender.gap = before(end, to).then_some((end, to, since));
            }
            _ => sender.retransmissions += 1,
        }
        if before(next, end) {
            sender.next = Some(end);
        }
    }

    /// A segment without data: an acknowledgment, or a probe for a connection that is idle.
    fn note_pure(&mut self, from: usize, segment: &Segment) {
        let other = self.senders[1 - from];
        let sender = &mut self.senders[from];
        if sender.next.is_some_and(|next| segment.sequence == next.wrapping_sub(1))
            && sender.acknowledgment == Some(segment.acknowledgment)
        {
            sender.keep_alives += 1;
            return;
        }
        let is_owed = other.next.is_some_and(|next| before(segment.acknowledgment, next));
        if is_owed
            && sender.acknowledgment == Some(segment.acknowledgment)
            && sender.window == segment.window
            && sender.next.is_none_or(|next| next == segment.sequence)
        {
            sender.duplicate_acks += 1;
        }
    }

    /// SYNs that were neither answered nor refused.
    fn unanswered(&self) -> u32 {
        u32::from(self.syn_ns.is_some() && self.syn_ack_ns.is_none())
    }

    pub(super) fn add_to(&self, counts: &mut TcpCounts) {
        counts.handshakes_completed += u64::from(self.completed);
        counts.handshakes_refused += u64::from(self.refused);
        counts.handshakes_unanswered += u64::from(self.unanswered());
        for sender in &self.senders {
            counts.retransmissions += u64::from(sender.retransmissions);
            counts.out_of_order += u64::from(sender.out_of_order);
            counts.keep_alives += u64::from(sender.keep_alives);
            counts.duplicate_acks += u64::from(sender.duplicate_acks);
            counts.zero_windows += u64::from(sender.zero_windows);
        }
    }

    /// In the model's form; `None` where no segment was seen.
    pub(super) fn of_flow(&self) -> FlowTcp {
        let end = |sender: &Sender| TcpEnd {
            retransmissions: sender.retransmissions.into(),
            out_of_order: sender.out_of_order.into(),
            keep_alives: sender.keep_alives.into(),
            duplicate_acks: sender.duplicate_acks.into(),
            zero_windows: sender.zero_windows.into(),
            resets: sender.resets.into(),
        };
        let handshake = if self.completed > 0 {
            Some(Handshake::Completed)
        } else if self.refused > 0 {
            Some(Handshake::Refused)
        } else {
            (self.unanswered() > 0).then_some(Handshake::Unanswered)
        };
        let micros = |ns: Option<i64>| u64::try_from(ns? / 1_000).ok();
        FlowTcp {
            handshake,
            opened_by_a: (self.attempts > 0).then_some(self.syn_by == 0),
            attempts: self.attempts.into(),
            to_server_us: micros(self.to_server_ns),
            to_client_us: micros(self.to_client_ns),
            a: end(&self.senders[0]),
            b: end(&self.senders[1]),
            reset_phase: self.reset_phase,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const CLIENT: usize = 0;
    const SERVER: usize = 1;
    const SYN_ACK: u8 = TCP_SYN | TCP_ACK;

    struct Talk(Connection, i64);

    impl Talk {
        fn open() -> Self {
            let mut talk = Self(Connection::default(), 0);
            talk.says(CLIENT, TCP_SYN, 100, 0, 0);
            talk.says(SERVER, SYN_ACK, 500, 101, 0);
            talk.says(CLIENT, TCP_ACK, 101, 501, 0);
            talk
        }

        /// A millisecond later.
        fn says(
            &mut self,
            from: usize,
            flags: u8,
            sequence: u32,
            acknowledgment: u32,
            payload: u32,
        ) {
            self.1 += MS;
            let segment = Segment { sequence, acknowledgment, window: 1000, payload };
            self.0.note(from, flags, &segment, self.1);
        }

        fn counts(&self) -> TcpCounts {
            let mut counts = TcpCounts::default();
            self.0.add_to(&mut counts);
            counts
        }
    }

    #[test]
    fn a_handshake_completes_and_its_round_trips_are_known() {
        let talk = Talk::open();
        assert_eq!(talk.counts(), TcpCounts { handshakes_completed: 1, ..TcpCounts::default() });
        let flow = talk.0.of_flow();
        assert_eq!(flow.handshake, Some(Handshake::Completed));
        assert_eq!((flow.to_server_us, flow.to_client_us), (Some(1_000), Some(1_000)));
        assert_eq!(flow.opened_by_a, Some(true));
    }

    #[test]
    fn without_times_a_handshake_completes_and_its_round_trips_are_unknown() {
        let mut connection = Connection::default();
        let segment = Segment { sequence: 1, acknowledgment: 1, window: 1000, payload: 0 };
        for (from, flags) in [(CLIENT, TCP_SYN), (SERVER, SYN_ACK), (CLIENT, TCP_ACK)] {
            connection.note(from, flags, &segment, 0);
        }
        let flow = connection.of_flow();
        assert_eq!(flow.handshake, Some(Handshake::Completed));
        assert_eq!((flow.to_server_us, flow.to_client_us), (None, None));
    }

    #[test]
    fn a_reset_refuses_and_silence_is_unanswered() {
        let mut talk = Talk(Connection::default(), 0);
        talk.says(CLIENT, TCP_SYN, 100, 0, 0);
        talk.says(CLIENT, TCP_SYN, 100, 0, 0);
        let counts = talk.counts();
        assert_eq!((counts.handshakes_unanswered, counts.retransmissions), (1, 1));
        talk.says(SERVER, TCP_RST | TCP_ACK, 0, 101, 0);
        let counts = talk.counts();
        assert_eq!((counts.handshakes_refused, counts.handshakes_unanswered), (1, 0));
        let flow = talk.0.of_flow();
        assert_eq!(flow.reset_phase, Some(ResetPhase::Handshake));
        assert_eq!((flow.a.resets, flow.b.resets), (0, 1));
    }

    #[test]
    fn what_was_sent_before_is_a_retransmission() {
        let mut talk = Talk::open();
        talk.says(CLIENT, TCP_ACK, 101, 501, 10);
        talk.says(CLIENT, TCP_ACK, 111, 501, 10);
        talk.says(CLIENT, TCP_ACK, 101, 501, 10);
        assert_eq!(talk.counts().retransmissions, 1);
    }

    #[test]
    fn what_fills_a_gap_was_late_or_is_sent_again() {
        let mut talk = Talk::open();
        talk.says(CLIENT, TCP_ACK, 111, 501, 10);
        talk.says(CLIENT, TCP_ACK, 101, 501, 10);
        let counts = talk.counts();
        assert_eq!((counts.out_of_order, counts.retransmissions), (1, 0));
        talk.says(CLIENT, TCP_ACK, 131, 501, 10);
        talk.1 += 200 * MS;
        talk.says(CLIENT, TCP_ACK, 121, 501, 10);
        let counts = talk.counts();
        assert_eq!((counts.out_of_order, counts.retransmissions), (1, 1));
    }

    #[test]
    fn probes_of_an_idle_connection_are_keep_alives() {
        let mut talk = Talk::open();
        talk.says(CLIENT, TCP_ACK, 101, 501, 10);
        talk.says(SERVER, TCP_ACK, 501, 111, 0);
        talk.says(CLIENT, TCP_ACK, 110, 501, 0);
        talk.says(CLIENT, TCP_ACK, 110, 501, 1);
        let counts = talk.counts();
        assert_eq!((counts.keep_alives, counts.retransmissions), (2, 0));
    }

    #[test]
    fn an_acknowledgment_that_says_nothing_new_is_a_duplicate_while_data_is_owed() {
        let mut talk = Talk::open();
        talk.says(SERVER, TCP_ACK, 501, 101, 0);
        talk.says(SERVER, TCP_ACK, 501, 101, 0);
        assert_eq!(talk.counts().duplicate_acks, 0, "nothing is owed");
        talk.says(CLIENT, TCP_ACK, 111, 501, 10);
        talk.says(SERVER, TCP_ACK, 501, 101, 0);
        talk.says(SERVER, TCP_ACK, 501, 101, 0);
        assert_eq!(talk.counts().duplicate_acks, 2);
    }

    #[test]
    fn a_closed_window_and_a_reset_in_the_end_are_told() {
        let mut talk = Talk::open();
        let full = Segment { sequence: 501, acknowledgment: 101, window: 0, payload: 0 };
        talk.0.note(SERVER, TCP_ACK, &full, 9 * MS);
        talk.says(CLIENT, TCP_ACK | TCP_FIN, 101, 501, 0);
        talk.says(SERVER, TCP_RST, 501, 0, 0);
        let flow = talk.0.of_flow();
        assert_eq!((flow.b.zero_windows, flow.reset_phase), (1, Some(ResetPhase::Closing)));
    }

    #[test]
    fn a_new_connection_between_the_same_ends_begins_anew() {
        let mut talk = Talk::open();
        talk.says(CLIENT, TCP_ACK, 101, 501, 10);
        talk.says(CLIENT, TCP_SYN, 5, 0, 0);
        talk.says(SERVER, SYN_ACK, 9, 6, 0);
        talk.says(CLIENT, TCP_ACK, 6, 10, 0);
        let counts = talk.counts();
        assert_eq!((counts.handshakes_completed, counts.retransmissions), (2, 0));
    }
}
