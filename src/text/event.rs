//! An event of a socket as one line.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::{clean, units};
use crate::catalog::reasons;
use crate::model::event::{EventCount, SocketEvent};
use crate::model::socket::{Endpoint, Protocol};

/// The headings over [`line()`].
pub const HEADING: &str =
    "TIME             EVENT           PROTO  PID      NAME             LOCAL -> REMOTE";

/// `14:02:01.123456  closed  4242  curl  10.0.0.5:43210 -> 10.0.0.7:443  12 ms, sent 80 B, …`
pub fn line(event: &SocketEvent, zone: &TimeZone) -> String {
    let at = event.at.to_zoned(zone.clone()).strftime("%H:%M:%S.%6f").to_string();
    let pid = event.pid.map_or_else(|| units::UNKNOWN.to_owned(), |pid| pid.to_string());
    let name = event.name.as_deref().unwrap_or(units::UNKNOWN);
    let mut line = format!(
        "{at}  {:<14}  {:<5}  {pid:<7}  {:<15}  {} -> {}",
        event.event.name(),
        event.protocol.map_or(units::UNKNOWN, Protocol::name),
        clean(name),
        end(&event.local),
        end(&event.remote),
    );
    let mut separator = "  ";
    let mut add = |what: String| {
        // Writing to a String cannot fail.
        let _ = write!(line, "{separator}{what}");
        separator = ", ";
    };
    if let Some(us) = event.duration_us {
        add(units::duration(Duration::from_micros(us)));
    }
    if let (Some(sent), Some(received)) = (event.bytes_sent, event.bytes_received) {
        add(format!("sent {}, received {}", units::bytes(sent), units::bytes(received)));
    }
    if let Some(errno) = &event.errno {
        add(clean(errno).into_owned());
    }
    if let Some(name) = &event.reason {
        add(reason(name));
    }
    line
}

/// The headings over [`count()`].
pub const COUNTS: &str = "COUNT     A SECOND   EVENT           REASON";

/// `12        0.4        dropped         NETFILTER_DROP: a rule of the firewall …`
pub fn count(count: &EventCount) -> String {
    let why = count.reason.as_deref().map(reason).unwrap_or_default();
    let rate = format!("{:.1}", count.per_second);
    let line = format!("{:<8}  {rate:<9}  {:<14}  {why}", count.count, count.event.name());
    line.trim_end().to_owned()
}

/// `NETFILTER_DROP: a rule of the firewall …`
pub fn reason(name: &str) -> String {
    match reasons::about(name) {
        Some(about) => format!("{name}: {about}"),
        None => clean(name).into_owned(),
    }
}

fn end(end: &Endpoint) -> String {
    match (end.addr, end.port) {
        (Some(IpAddr::V4(addr)), None) => format!("{addr}:?"),
        (Some(IpAddr::V6(addr)), None) => format!("[{addr}]:?"),
        _ => end.socket_addr().map_or_else(|| units::UNKNOWN.to_owned(), |addr| addr.to_string()),
    }
}
