//! What two looks at a socket tell together: rates, queues that stand still, drops that grow.

use jiff::{SignedDuration, Timestamp};

use crate::model::activity::{DropGrowth, Rates, Stalled};
use crate::model::socket::{Socket, State};

/// Compares a socket with the look before. `since` is when that look was: later than the
/// row's own time where nothing changed meanwhile.
pub(super) fn compare(before: &Socket, since: Timestamp, after: &mut Socket, at: Timestamp) {
    after.rates = rates(before, after, at.duration_since(since));
    after.stalled = stalled(Some(before), after, at);
    after.drop_growth = drop_growth(before, after, at);
}

/// What is known at first sight: what waits has waited at least since now.
pub(super) fn begin(socket: &mut Socket, at: Timestamp) {
    socket.stalled = stalled(None, socket, at);
}

/// Whether the socket counts what it sends and receives.
pub(super) fn is_counted(socket: &Socket) -> bool {
    counters(socket).is_some()
}

/// Payload bytes sent and received so far.
fn counters(socket: &Socket) -> Option<(u64, u64)> {
    if let Some(mptcp) = &socket.mptcp {
        return mptcp.bytes_sent.zip(mptcp.bytes_received);
    }
    let tcp = socket.tcp.as_deref().filter(|_| socket.state != State::Listen)?;
    // Linux before 4.19 counts only what was acknowledged.
    Some((tcp.bytes_sent.or(tcp.bytes_acked)?, tcp.bytes_received?))
}

fn rates(before: &Socket, after: &Socket, elapsed: SignedDuration) -> Option<Rates> {
    let ((sent, received), (sent_before, received_before)) = (counters(after)?, counters(before)?);
    let seconds = elapsed.as_secs_f64();
    // A clock that was set back measures nothing, and neither does a counter.
    let rate = |now: u64, before: u64| Some((now.checked_sub(before)? as f64 / seconds) as f32);
    if seconds <= 0.0 {
        return None;
    }
    Some(Rates {
        bytes_sent_per_s: rate(sent, sent_before)?,
        bytes_received_per_s: rate(received, received_before)?,
    })
}

fn stalled(before: Option<&Socket>, after: &Socket, at: Timestamp) -> Option<Box<Stalled>> {
    let known = before.and_then(|before| before.stalled.as_deref()).copied().unwrap_or_default();
    let since = |queued: Option<u32>, known: Option<Timestamp>, moved: bool| {
        queued.filter(|bytes| *bytes > 0).map(|_| known.filter(|_| !moved).unwrap_or(at))
    };
    let stalled = Stalled {
        recv_since: since(
            after.recv_q,
            known.recv_since,
            before.is_some_and(|before| was_read(before, after)),
        ),
        send_since: since(
            after.send_q,
            known.send_since,
            before.is_some_and(|before| was_sent(before, after)),
        ),
    };
    stalled.since().map(|_| Box::new(stalled))
}

/// Whether anyone read from the socket: what was received and waits no more has grown. Where
/// nobody counts, a shorter queue is the only sign of it.
fn was_read(before: &Socket, after: &Socket) -> bool {
    let read = |socket: &Socket| {
        let (_, received) = counters(socket)?;
        Some(received.saturating_sub(socket.recv_q?.into()))
    };
    match (read(before), read(after)) {
        (Some(before), Some(after)) => after > before,
        _ => after.recv_q < before.recv_q,
    }
}

/// Whether the peer acknowledged anything, or the queue became shorter where nobody counts.
fn was_sent(before: &Socket, after: &Socket) -> bool {
    let acked = |socket: &Socket| socket.tcp.as_deref()?.bytes_acked;
    match (acked(before), acked(after)) {
        (Some(before), Some(after)) => after > before,
        _ => after.send_q < before.send_q,
    }
}

fn drop_growth(before: &Socket, after: &Socket, at: Timestamp) -> Option<Box<DropGrowth>> {
    let known = before.drop_growth.as_deref();
    // The kernel's number has 32 bits and wraps.
    let more = match (before.drops, after.drops) {
        (Some(before), Some(after)) => after.wrapping_sub(before),
        _ => 0,
    };
    if more == 0 {
        return known.copied().map(Box::new);
    }
    let packets = known.map_or(0, |known| known.packets).saturating_add(more);
    Some(Box::new(DropGrowth { packets, last_at: at }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Endpoint, Family, Protocol};
    use crate::model::tcp::TcpInfo;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000 + ms).unwrap()
    }

    fn connection(sent: u64, acked: u64, received: u64, queues: (u32, u32)) -> Socket {
        let local = Endpoint::ip([127, 0, 0, 1], 80);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, local);
        (socket.recv_q, socket.send_q) = (Some(queues.0), Some(queues.1));
        socket.tcp = Some(Box::new(TcpInfo {
            bytes_sent: Some(sent),
            bytes_acked: Some(acked),
            bytes_received: Some(received),
            ..TcpInfo::default()
        }));
        socket
    }

    fn datagrams(recv_q: u32, drops: u32) -> Socket {
        let local = Endpoint::ip([127, 0, 0, 1], 53);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Udp, State::Unconnected, local);
        (socket.recv_q, socket.send_q, socket.drops) = (Some(recv_q), Some(0), Some(drops));
        socket
    }

    /// The looks one after the other, half a second apart.
    fn watched(looks: impl IntoIterator<Item = Socket>) -> Socket {
        let mut before: Option<Socket> = None;
        for (ms, mut socket) in (0..).step_by(500).zip(looks) {
            match &before {
                None => begin(&mut socket, at(ms)),
                Some(before) => compare(before, at(ms - 500), &mut socket, at(ms)),
            }
            before = Some(socket);
        }
        before.expect("there were looks")
    }

    fn stalled_since(looks: impl IntoIterator<Item = Socket>) -> [Option<i64>; 2] {
        let stalled = watched(looks).stalled.map(|stalled| *stalled).unwrap_or_default();
        let ms = |at: Timestamp| at.as_millisecond() - 1_000_000;
        [stalled.recv_since.map(ms), stalled.send_since.map(ms)]
    }

    #[test]
    fn a_rate_needs_two_looks_and_counters() {
        let first = connection(1_000, 1_000, 50, (0, 0));
        assert_eq!(watched([first.clone()]).rates, None);
        let rates = watched([first.clone(), connection(2_000, 1_000, 300, (0, 0))]).rates.unwrap();
        assert_eq!((rates.bytes_sent_per_s, rates.bytes_received_per_s), (2_000.0, 500.0));
        assert_eq!(watched([first.clone(), first.clone()]).rates, Some(Rates::IDLE));
        let backwards = connection(10, 10, 10, (0, 0));
        assert_eq!(watched([first, backwards]).rates, None);
        assert_eq!(watched([datagrams(0, 0), datagrams(0, 0)]).rates, None);
    }

    #[test]
    fn a_listener_counts_nothing() {
        let listener = || Socket { state: State::Listen, ..connection(0, 0, 0, (0, 0)) };
        assert_eq!(watched([listener(), listener()]).rates, None);
    }

    #[test]
    fn a_clock_set_back_measures_nothing() {
        let (before, mut after) = (connection(0, 0, 0, (0, 0)), connection(9, 9, 9, (0, 0)));
        compare(&before, at(500), &mut after, at(500));
        assert_eq!(after.rates, None);
    }

    #[test]
    fn what_nobody_reads_stands_still_although_more_arrives() {
        let look = |received, queue| connection(0, 0, received, (queue, 0));
        assert_eq!(stalled_since([look(5, 0), look(9, 0)]), [None, None]);
        assert_eq!(stalled_since([look(5, 5)]), [Some(0), None]);
        assert_eq!(stalled_since([look(0, 0), look(5, 5), look(9, 9)]), [Some(500), None]);
        // As much was read as came in: the queue is as long as before, and moves.
        assert_eq!(stalled_since([look(5, 5), look(9, 5)]), [Some(500), None]);
        assert_eq!(stalled_since([look(5, 5), look(9, 9), look(9, 0)]), [None, None]);
    }

    #[test]
    fn what_the_peer_does_not_acknowledge_stands_still() {
        let look = |acked, queue| connection(100, acked, 0, (0, queue));
        assert_eq!(stalled_since([look(10, 90), look(10, 95)]), [None, Some(0)]);
        assert_eq!(stalled_since([look(10, 90), look(20, 90)]), [None, Some(500)]);
    }

    #[test]
    fn where_nobody_counts_a_shorter_queue_has_moved() {
        assert_eq!(stalled_since([datagrams(7, 0), datagrams(9, 0)]), [Some(0), None]);
        assert_eq!(stalled_since([datagrams(7, 0), datagrams(6, 0)]), [Some(500), None]);
    }

    #[test]
    fn drops_that_grow_are_counted_from_first_sight() {
        let growth = |drops: &[u32]| {
            let looks = drops.iter().map(|drops| datagrams(0, *drops));
            watched(looks).drop_growth.map(|growth| (growth.packets, growth.last_at))
        };
        assert_eq!(growth(&[9]), None);
        assert_eq!(growth(&[9, 9]), None);
        assert_eq!(growth(&[9, 12, 13, 13]), Some((4, at(1_000))));
        assert_eq!(growth(&[u32::MAX, 1]), Some((2, at(500))));
    }
}
