//! A call of a program as one line, and what of them failed.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::{clean, units};
use crate::catalog::{reference, sockopts};
use crate::model::socket::Endpoint;
use crate::model::trace::{Call, Summary, Tally};

/// `14:02:01.123456  4242  connect(3, 127.0.0.1:80) = ECONNREFUSED (nothing listens …)  35 µs`
pub fn line(call: &Call, zone: &TimeZone) -> String {
    format!("{}  {:<7} {}", at(call, zone), call.thread, what(call))
}

/// When it began: `14:02:01.123456`.
pub fn at(call: &Call, zone: &TimeZone) -> String {
    call.at.to_zoned(zone.clone()).strftime("%H:%M:%S.%6f").to_string()
}

/// `connect(3, 127.0.0.1:80) = ECONNREFUSED (nothing listens …)  35 µs`
pub fn what(call: &Call) -> String {
    let result = match (&call.errno, call.result) {
        (Some(errno), _) => error(errno),
        (None, Some(result)) => result.to_string(),
        (None, None) => units::UNKNOWN.to_owned(),
    };
    let took = units::duration(Duration::from_nanos(call.duration_ns));
    format!("{}({}) = {result}  {took}", call.call, arguments(call))
}

/// `ECONNREFUSED (nothing listens …)`
fn error(name: &str) -> String {
    match reference::error(name) {
        Some(known) => format!("{name} ({})", known.about),
        None => clean(name).into_owned(),
    }
}

/// The arguments that tell something; pointers do not.
fn arguments(call: &Call) -> String {
    let [a, b, c, d, ..] = call.args;
    let fd = a as i32;
    let address = || {
        let given = call.address.as_ref().map(end);
        given.unwrap_or_else(|| units::UNKNOWN.to_owned())
    };
    match call.call.as_str() {
        "socket" | "socketpair" => format!("{}, {}, {c}", domain(a), kind(b)),
        "bind" | "connect" | "accept" | "accept4" | "getsockname" | "getpeername" => {
            format!("{fd}, {}", address())
        }
        "listen" => format!("{fd}, backlog {}", b as i32),
        "shutdown" => {
            format!("{fd}, {}", ["SHUT_RD", "SHUT_WR", "SHUT_RDWR"].get(b as usize).unwrap_or(&"?"))
        }
        "sendto" | "recvfrom" => {
            let mut words = format!("{fd}, {c} bytes{}", flags(d));
            if call.address.is_some() {
                let _ = write!(words, ", {}", address());
            }
            words
        }
        "sendmsg" | "recvmsg" => format!("{fd}{}", flags(c)),
        "sendmmsg" | "recvmmsg" => format!("{fd}, {c} messages{}", flags(d)),
        "setsockopt" | "getsockopt" => {
            let value = call.value.map(|value| format!(", {value}")).unwrap_or_default();
            format!("{fd}, {}{value}", option(b as i32, c as i32))
        }
        "read" | "write" => format!("{fd}, {c} bytes"),
        "readv" | "writev" => format!("{fd}, {c} buffers"),
        "sendfile" => format!("{fd}, from {}, {d} bytes", b as i32),
        _ => fd.to_string(),
    }
}

fn end(end: &Endpoint) -> String {
    match (&end.path, end.socket_addr()) {
        (Some(path), _) => clean(path).into_owned(),
        (None, Some(addr)) => addr.to_string(),
        (None, None) => units::UNKNOWN.to_owned(),
    }
}

fn flags(flags: u64) -> String {
    if flags == 0 { String::new() } else { format!(", flags {flags:#x}") }
}

/// Names of linux/socket.h, which every architecture shares.
fn domain(number: u64) -> String {
    let name = match number {
        1 => "AF_UNIX",
        2 => "AF_INET",
        10 => "AF_INET6",
        16 => "AF_NETLINK",
        17 => "AF_PACKET",
        40 => "AF_VSOCK",
        _ => return format!("family {number}"),
    };
    name.to_owned()
}

fn kind(number: u64) -> String {
    let name = match number & 0xF {
        1 => "SOCK_STREAM",
        2 => "SOCK_DGRAM",
        3 => "SOCK_RAW",
        5 => "SOCK_SEQPACKET",
        other => return format!("type {other}"),
    };
    let mut words = name.to_owned();
    for (bit, flag) in [(0o4000, "SOCK_NONBLOCK"), (0o2_000_000, "SOCK_CLOEXEC")] {
        if number & bit != 0 {
            let _ = write!(words, "|{flag}");
        }
    }
    words
}

fn option(level: i32, number: i32) -> String {
    let known =
        sockopts::entries().find(|(at, entry)| at.number == level && entry.number == number);
    match known {
        Some((_, entry)) => entry.name.clone(),
        None => format!("level {level}, option {number}"),
    }
}

/// The headings over [`tally()`].
pub const SUMMARY: &str = "CALLS   FAILED  TOTAL      LONGEST    CALL";

/// A line of the summary: `12      3       4.1 ms     2.0 ms     connect  3 x ECONNREFUSED (…)`
pub fn tally(name: &str, tally: &Tally) -> String {
    let time = |ns| units::duration(Duration::from_nanos(ns));
    let mut line = format!(
        "{:<7} {:<7} {:<10} {:<10} {}",
        tally.calls,
        tally.failed,
        time(tally.total_ns),
        time(tally.longest_ns),
        clean(name),
    );
    for (errno, count) in &tally.errors {
        let _ = write!(line, "  {count} x {}", error(errno));
    }
    line
}

/// Every line of the summary, those that failed first.
pub fn summary(summary: &Summary) -> Vec<String> {
    summary.in_order().into_iter().map(|(name, of)| tally(name, of)).collect()
}
