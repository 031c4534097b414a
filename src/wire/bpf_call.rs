//! The records of `assets/bpf/trace.bpf.c`.

use std::net::{Ipv4Addr, Ipv6Addr};

use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::model::socket::Endpoint;

/// A record as it lies in the ring: `struct record` there, in the byte order of this machine.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Raw {
    at_ns: u64,
    duration_ns: u64,
    result: i64,
    arguments: [u64; 6],
    number: u32,
    thread: u32,
    address: [u8; 112],
    value: [u8; 16],
}

/// A call that has returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// CLOCK_BOOTTIME when it began.
    pub at_ns: u64,
    /// How long it took.
    pub duration_ns: u64,
    /// What it returned: a negative error number where it failed.
    pub result: i64,
    /// Its arguments.
    pub arguments: [u64; 6],
    /// The number of the call on this architecture.
    pub number: u32,
    /// The thread.
    pub thread: u32,
    /// The address that one of the arguments points to.
    pub address: Option<Endpoint>,
    /// The first four bytes of the value that one points to.
    pub value: i32,
}

/// Reads a record; `None` for what is none.
pub fn parse(bytes: &[u8]) -> Option<Returned> {
    let (raw, _) = Raw::read_from_prefix(bytes).ok()?;
    let [a, b, c, d, ..] = raw.value;
    Some(Returned {
        at_ns: raw.at_ns,
        duration_ns: raw.duration_ns,
        result: raw.result,
        arguments: raw.arguments,
        number: raw.number,
        thread: raw.thread,
        address: address(&raw.address),
        value: i32::from_ne_bytes([a, b, c, d]),
    })
}

/// `struct sockaddr` of IPv4, IPv6 and UNIX sockets (ip(7), ipv6(7), unix(7)).
fn address(bytes: &[u8; 112]) -> Option<Endpoint> {
    const AF_UNIX: u16 = 1;
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    match u16::from_ne_bytes([bytes[0], bytes[1]]) {
        AF_INET => {
            let [a, b, c, d] = [bytes[4], bytes[5], bytes[6], bytes[7]];
            Some(Endpoint::ip(Ipv4Addr::new(a, b, c, d), port))
        }
        AF_INET6 => {
            let addr: [u8; 16] = bytes[8..24].try_into().ok()?;
            Some(Endpoint::ip(Ipv6Addr::from(addr), port))
        }
        AF_UNIX => {
            let path = &bytes[2..110];
            // A name of the abstract namespace begins with a zero.
            let (mark, name) = path.strip_prefix(&[0]).map_or(("", path), |name| ("@", name));
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            let name = String::from_utf8_lossy(&name[..end]);
            (!name.is_empty()).then(|| Endpoint::unix(format!("{mark}{name}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(address: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [7i64, 2_000, -111, 3, 4, 16, 0, 0, 0] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes.extend(42u32.to_ne_bytes());
        bytes.extend(4242u32.to_ne_bytes());
        let mut room = [0; 112];
        room[..address.len()].copy_from_slice(address);
        bytes.extend(room);
        bytes.extend(1i32.to_ne_bytes());
        bytes.extend([0; 12]);
        bytes
    }

    #[test]
    fn a_record_is_read_field_by_field() {
        let address = [&2u16.to_ne_bytes()[..], &80u16.to_be_bytes(), &[127, 0, 0, 1]].concat();
        let read = parse(&record(&address)).unwrap();
        assert_eq!(read.address, Some(Endpoint::ip(Ipv4Addr::LOCALHOST, 80)));
        assert_eq!((read.result, read.number, read.thread, read.value), (-111, 42, 4242, 1));
        assert_eq!((read.at_ns, read.duration_ns, read.arguments[2]), (7, 2_000, 16));
    }

    #[test]
    fn paths_and_other_families_are_told_apart() {
        let unix = |name: &[u8]| [&1u16.to_ne_bytes()[..], name].concat();
        let read = |address: &[u8]| parse(&record(address)).unwrap().address;
        assert_eq!(read(&unix(b"/run/x")), Some(Endpoint::unix("/run/x")));
        assert_eq!(read(&unix(b"\0x")), Some(Endpoint::unix("@x")));
        assert_eq!(read(&unix(&[b'x'; 110])).unwrap(), Endpoint::unix("x".repeat(108)));
        let v6 =
            [&10u16.to_ne_bytes()[..], &443u16.to_be_bytes(), &[0; 4], &[0; 15], &[1]].concat();
        assert_eq!(read(&v6), Some(Endpoint::ip(Ipv6Addr::LOCALHOST, 443)));
        assert_eq!(read(&[16, 0]), None);
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let whole = record(&[]);
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None, "{length}");
        }
    }
}
