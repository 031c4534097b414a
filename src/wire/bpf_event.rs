//! The records of `assets/bpf/events.bpf.c`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::model::event::EventKind;
use crate::model::socket::{Endpoint, Protocol};

/// A record as it lies in the ring: `struct record` there, in the byte order of this machine.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Raw {
    at_ns: u64,
    cookie: u64,
    bytes_sent: u64,
    bytes_received: u64,
    duration_ns: u64,
    netns: u32,
    pid: u32,
    error: i32,
    reason: u32,
    local: [u8; 16],
    remote: [u8; 16],
    local_port: u16,
    remote_port: u16,
    kind: u8,
    family: u8,
    passive: u8,
    protocol: u8,
    comm: [u8; 16],
}

/// What a record says, before clocks and error numbers are put into words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What happened.
    pub kind: EventKind,
    /// CLOCK_BOOTTIME.
    pub at_ns: u64,
    /// The kernel's socket cookie.
    pub cookie: Option<u64>,
    /// Inode of the network namespace.
    pub netns: u32,
    /// Who has opened or accepted the connection.
    pub pid: Option<u32>,
    /// What its thread calls itself.
    pub comm: Option<String>,
    /// This side.
    pub local: Endpoint,
    /// The other side.
    pub remote: Endpoint,
    /// See [`SocketEvent`](crate::model::event::SocketEvent).
    pub duration_ns: Option<u64>,
    /// Payload sent and received, at the end.
    pub bytes: Option<(u64, u64)>,
    /// The error that the socket was left with, positive.
    pub error: Option<i32>,
    /// The number that this kernel has for why a reset was sent or a packet dropped.
    pub reason: u32,
    /// The protocol above IP; `None` for one that sockpit has no name for.
    pub protocol: Option<Protocol>,
}

/// Reads a record; `None` for what is none.
pub fn parse(bytes: &[u8]) -> Option<Record> {
    let (raw, _) = Raw::read_from_prefix(bytes).ok()?;
    let kind = match raw.kind {
        1 => EventKind::Connect,
        2 => EventKind::Established,
        3 => EventKind::Accept,
        4 => EventKind::Failed,
        5 => EventKind::Closed,
        6 => EventKind::ResetSent,
        7 => EventKind::ResetReceived,
        8 => EventKind::Retransmit,
        9 => EventKind::Dropped,
        10 => EventKind::FirstSend,
        11 => EventKind::FirstReceive,
        _ => return None,
    };
    let is_end = matches!(kind, EventKind::Failed | EventKind::Closed);
    let tells_time = is_end || matches!(kind, EventKind::Established | EventKind::Accept);
    Some(Record {
        kind,
        at_ns: raw.at_ns,
        cookie: (raw.cookie != 0).then_some(raw.cookie),
        netns: raw.netns,
        pid: (raw.pid != 0).then_some(raw.pid),
        comm: comm(&raw.comm),
        local: end(raw.family, &raw.local, raw.local_port)?,
        remote: end(raw.family, &raw.remote, raw.remote_port)?,
        // Zero stands for a connection that was there before anyone looked.
        duration_ns: (tells_time && raw.duration_ns != 0).then_some(raw.duration_ns),
        bytes: is_end.then_some((raw.bytes_sent, raw.bytes_received)),
        error: (raw.error != 0).then(|| raw.error.saturating_abs()),
        reason: raw.reason,
        protocol: protocol(raw.protocol),
    })
}

fn protocol(number: u8) -> Option<Protocol> {
    Some(match number {
        1 | 58 => Protocol::Icmp,
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        136 => Protocol::Udplite,
        _ => return None,
    })
}

fn end(family: u8, addr: &[u8; 16], port: u16) -> Option<Endpoint> {
    let [a, b, c, d, ..] = *addr;
    let addr: IpAddr = match family {
        4 => Ipv4Addr::new(a, b, c, d).into(),
        6 => IpAddr::V6(Ipv6Addr::from(*addr)).to_canonical(),
        _ => return None,
    };
    Some(Endpoint { addr: Some(addr), port: (port != 0).then_some(port), ..Endpoint::default() })
}

fn comm(bytes: &[u8; 16]) -> Option<String> {
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (length > 0).then(|| String::from_utf8_lossy(&bytes[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, family: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [7u64, 42, 100, 200, 3_000] {
            bytes.extend(number.to_ne_bytes());
        }
        for number in [4_026_531_840u32, 4242, 111, 1] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes.extend([127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 7]);
        bytes.extend(4000u16.to_ne_bytes());
        bytes.extend(443u16.to_ne_bytes());
        bytes.extend([kind, family, 0, 6]);
        bytes.extend(*b"curl\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes
    }

    #[test]
    fn a_record_is_read_field_by_field() {
        let read = parse(&record(4, 4)).unwrap();
        assert_eq!(read.kind, EventKind::Failed);
        assert_eq!((read.cookie, read.pid), (Some(42), Some(4242)));
        assert_eq!(read.comm.as_deref(), Some("curl"));
        assert_eq!(read.local, Endpoint::ip(Ipv4Addr::LOCALHOST, 4000));
        assert_eq!(read.bytes, Some((100, 200)));
        assert_eq!((read.error, read.reason), (Some(111), 1));
        assert_eq!(read.protocol, Some(Protocol::Tcp));
        assert_eq!(read.duration_ns, Some(3_000));
    }

    #[test]
    fn a_mapped_address_is_shown_as_what_it_is() {
        let read = parse(&record(1, 6)).unwrap();
        assert_eq!(read.remote, Endpoint::ip(Ipv4Addr::new(10, 0, 0, 7), 443));
        assert_eq!((read.bytes, read.duration_ns), (None, None));
    }

    #[test]
    fn what_is_no_record_is_none() {
        assert_eq!(parse(&record(0, 4)), None);
        assert_eq!(parse(&record(12, 4)), None);
        assert_eq!(parse(&record(1, 5)), None);
        let whole = record(1, 4);
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None, "{length}");
        }
    }
}
