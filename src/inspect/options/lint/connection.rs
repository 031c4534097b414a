//! Connections: buffers, keep-alive, and what TCP_INFO says of the path.

use crate::model::options::OptionFinding;
use crate::model::socket::{Socket, State, Unread};
use crate::sys::options::sysctl;

use super::{Look, finding};

const HOUR_MS: i64 = 3_600_000;
/// Connections without data for so long are worth a word.
const IDLE_MS: i64 = 600_000;
/// Many load balancers and address translators forget a connection after so long without a
/// packet, although RFC 5382 asks for 2 h 4 min.
const NAT_SECONDS: i64 = 350;
/// Fewer segments do not make a habit.
const CHATTY_SEGMENTS: i64 = 20;

/// A time that began so many milliseconds ago, in the largest unit that is worth it.
fn lasting(ms: i64) -> String {
    match ms / 1000 {
        0 => format!("{ms} ms"),
        seconds @ 1..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

fn is_established(look: &Look<'_>) -> bool {
    look.socket.state == State::Established
}

fn is_local(look: &Look<'_>) -> bool {
    let remote = look.socket.remote.as_ref().and_then(|remote| remote.addr);
    remote.is_some_and(|addr| addr.to_canonical().is_loopback())
}

pub(super) fn peer_window_zero(look: &Look<'_>) -> Option<OptionFinding> {
    look.is_window_shut().then(|| {
        let waiting = look.socket.send_q.unwrap_or(0);
        let mut evidence = format!("snd_wnd 0; {waiting} bytes wait to be sent");
        if let Some(ms) = look.tcp("last_data_sent") {
            evidence += &format!("; data last left {} ago", lasting(ms));
        }
        if let Some(Unread::Stream { bytes, .. }) = look.peer.and_then(Socket::unread) {
            evidence += &format!("; the peer is on this host and has {bytes} bytes unread");
        }
        finding(
            "peer_window_zero",
            "the peer's window is shut: nothing can be sent until its program reads".to_owned(),
            evidence,
            "look at the peer: it holds data that its program has not read",
        )
    })
}

pub(super) fn keepalive_unanswered(look: &Look<'_>) -> Option<OptionFinding> {
    let probes = look.tcp("probes").filter(|probes| *probes > 0)?;
    let keeps_alive = look.is_on("SO_KEEPALIVE") == Some(true) && look.tcp("unacked") == Some(0);
    (keeps_alive && look.tcp("snd_wnd") != Some(0)).then(|| {
        let most = look.number("TCP_KEEPCNT").unwrap_or(0);
        finding(
            "keepalive_unanswered",
            format!("{probes} keep-alive probes have gone unanswered: the peer is likely gone"),
            format!("probes {probes} of {most}"),
            "wait until the kernel gives it up, or close the connection",
        )
    })
}

pub(super) fn retransmitting(look: &Look<'_>) -> Option<OptionFinding> {
    let times = look.tcp("retransmits").filter(|times| *times > 0)?;
    Some(finding(
        "retransmitting",
        format!("the oldest segment was sent again {times} times and is not acknowledged"),
        format!(
            "retransmits {times}; unacked {}; rto {} ms",
            look.tcp("unacked").unwrap_or(0),
            look.tcp("rto").unwrap_or(0) / 1000
        ),
        "test the path to the peer: sockpit probe; TCP_USER_TIMEOUT would give up earlier",
    ))
}

/// A buffer that was fixed by hand and is smaller than what the congestion control would have in
/// flight.
pub(super) fn buffer_below_window(look: &Look<'_>) -> Option<OptionFinding> {
    let size = look.number("SO_SNDBUF").filter(|_| look.is_fixed("SOCK_SNDBUF_LOCK"))?;
    let window = look.tcp("snd_cwnd")?.checked_mul(look.tcp("snd_mss")?)?;
    (is_established(look) && size / 2 < window).then(|| {
        finding(
            "buffer_below_window",
            format!(
                "SO_SNDBUF was fixed at {size} bytes, half of it for data; the path would take \
                 {window} bytes in flight"
            ),
            format!("SO_SNDBUF {size}; cwnd x mss {window}; SO_BUF_LOCK has the send buffer"),
            "do not set SO_SNDBUF, so that the kernel tunes it, or set it larger",
        )
    })
}

pub(super) fn buffer_fixed(look: &Look<'_>) -> Option<OptionFinding> {
    if !is_established(look) || buffer_below_window(look).is_some() {
        return None;
    }
    let fixed = [("SO_SNDBUF", "SOCK_SNDBUF_LOCK"), ("SO_RCVBUF", "SOCK_RCVBUF_LOCK")];
    let (name, _) = fixed.into_iter().find(|(_, lock)| look.is_fixed(lock))?;
    let size = look.number(name)?;
    Some(finding(
        "buffer_fixed",
        format!("{name} was set by hand, so that the kernel no longer tunes it to the path"),
        format!("{name} {size}; SO_BUF_LOCK"),
        "leave the size to the kernel, unless it was measured",
    ))
}

pub(super) fn buffer_capped(look: &Look<'_>) -> Option<OptionFinding> {
    let capped = look.options.iter().find(|option| {
        matches!(&*option.name, "SO_RCVBUF" | "SO_SNDBUF") && option.note.is_some()
    })?;
    let most = if capped.name == "SO_RCVBUF" { "net.core.rmem_max" } else { "net.core.wmem_max" };
    let limit = sysctl(most)?;
    Some(finding(
        "buffer_capped",
        format!(
            "{} is exactly 2 x {most}: a larger value was asked for, and was cut to it",
            capped.name
        ),
        format!("{} {}; {most} {limit}", capped.name, look.number(&capped.name)?),
        "raise the sysctl and let the program set it again",
    ))
}

pub(super) fn nagle_delayed_ack(look: &Look<'_>) -> Option<OptionFinding> {
    let (out, back) = (look.tcp("data_segs_out")?, look.tcp("data_segs_in")?);
    let (sent, mss) = (look.tcp("bytes_sent")?, look.tcp("snd_mss")?);
    let chatty = out >= CHATTY_SEGMENTS && back * 2 >= out && sent / out.max(1) < mss / 4;
    (is_established(look) && chatty && look.is_on("TCP_NODELAY") == Some(false)).then(|| {
        finding(
            "nagle_delayed_ack",
            "small messages go back and forth with Nagle's algorithm on: one that is written in \
             two parts waits for an acknowledgement that the peer may delay by 40 ms or more"
                .into(),
            format!("{out} segments of {} bytes on average; mss {mss}", sent / out.max(1)),
            "set TCP_NODELAY, or write each message in one piece",
        )
    })
}

pub(super) fn keepalive_off(look: &Look<'_>) -> Option<OptionFinding> {
    let idle = look.tcp("last_data_recv")?.min(look.tcp("last_data_sent")?);
    let off =
        look.is_on("SO_KEEPALIVE") == Some(false) && look.number("TCP_USER_TIMEOUT") == Some(0);
    (is_established(look) && off && idle >= HOUR_MS).then(|| {
        finding(
            "keepalive_off",
            format!(
                "nothing was sent or received for {} h and keep-alive is off: if the peer is gone, \
                 nobody will notice",
                idle / HOUR_MS
            ),
            format!("idle {} s; SO_KEEPALIVE off", idle / 1000),
            "set SO_KEEPALIVE with a TCP_KEEPIDLE below the limit of what is on the path",
        )
    })
}

pub(super) fn keepalive_late(look: &Look<'_>) -> Option<OptionFinding> {
    let idle = look.number("TCP_KEEPIDLE").filter(|idle| *idle > NAT_SECONDS)?;
    let on = look.is_on("SO_KEEPALIVE") == Some(true);
    (is_established(look) && on && !is_local(look)).then(|| {
        finding(
            "keepalive_late",
            format!(
                "the first keep-alive probe comes after {idle} s without data; many load balancers \
                 and address translators forget a connection after {NAT_SECONDS} s"
            ),
            format!("SO_KEEPALIVE on; TCP_KEEPIDLE {idle} s"),
            "set TCP_KEEPIDLE to 300 s or less where something on the path keeps state",
        )
    })
}

pub(super) fn user_timeout(look: &Look<'_>) -> Option<OptionFinding> {
    let limit = look.number("TCP_USER_TIMEOUT").filter(|ms| *ms > 0)?;
    let idle = look.number("TCP_KEEPIDLE")?;
    let (every, count) = (look.number("TCP_KEEPINTVL")?, look.number("TCP_KEEPCNT")?);
    let gives_up = idle.checked_add(every.checked_mul(count)?)?.checked_mul(1000)?;
    (look.is_on("SO_KEEPALIVE") == Some(true) && limit < gives_up).then(|| {
        finding(
            "user_timeout",
            format!(
                "TCP_USER_TIMEOUT ends a connection whose keep-alive probes go unanswered after \
                 {limit} ms, whatever TCP_KEEPCNT says"
            ),
            format!("TCP_USER_TIMEOUT {limit} ms; keep-alive alone {gives_up} ms"),
            "make the two agree: TCP_USER_TIMEOUT = TCP_KEEPIDLE + TCP_KEEPINTVL x TCP_KEEPCNT",
        )
    })
}

pub(super) fn idle(look: &Look<'_>) -> Option<OptionFinding> {
    let since = look.tcp("last_data_recv")?;
    (is_established(look) && since >= IDLE_MS && keepalive_off(look).is_none()).then(|| {
        finding(
            "idle",
            format!("nothing has been received for {} min", since / 60_000),
            format!("last_data_recv {since} ms"),
            "nothing, if the protocol is quiet; else look at the peer",
        )
    })
}
