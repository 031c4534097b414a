//! ICMP echoes (RFC 792, 4443): over a datagram socket, for which the system keeps the books, and
//! where that is not permitted over a raw one.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::super::outfit::Outfit;
use crate::model::probe::IcmpAnswer;
use crate::sys::connecting;

/// Bytes behind the header of an echo: a token of our own.
const PAYLOAD: usize = 16;
const HEADER: usize = 8;

/// What came of an echo.
#[derive(Debug)]
pub(in crate::probe) enum Echoed {
    /// It came back.
    Reply {
        /// Bytes behind its header.
        bytes: u64,
        /// Its time to live, or hop limit, where the system tells.
        ttl: Option<u8>,
    },
    /// An ICMP error came instead.
    Rejected(IcmpAnswer, io::Error),
    /// Nothing came.
    Silence,
    /// It could not be sent.
    Unsent(io::Error),
}

/// Sends one echo and waits for its reply.
pub(in crate::probe) async fn echo(
    address: SocketAddr,
    outfit: &Outfit,
    sequence: u16,
    patience: Duration,
) -> (Echoed, Duration) {
    let started = Instant::now();
    let line = match open(address, outfit) {
        Ok(line) => line,
        Err(error) => return (Echoed::Unsent(error), started.elapsed()),
    };
    let token = token(started);
    let started = Instant::now();
    if let Err(error) = line.socket.send(&line.request(sequence, token)).await {
        let socket = SockRef::from(&line.socket);
        let told = connecting::next_icmp_error(&socket);
        let echoed =
            told.map_or(Echoed::Unsent(error), |(icmp, error)| Echoed::Rejected(icmp, error));
        return (echoed, started.elapsed());
    }
    let echoed = timeout(patience, line.reply(sequence, token)).await.unwrap_or(Echoed::Silence);
    (echoed, started.elapsed())
}

/// Sixteen bytes that no other echo has.
fn token(now: Instant) -> [u8; PAYLOAD] {
    use std::hash::{BuildHasher, RandomState};
    let state = RandomState::new();
    let halves = [state.hash_one(now), state.hash_one(std::process::id())];
    let mut token = [0; PAYLOAD];
    token[..8].copy_from_slice(&halves[0].to_be_bytes());
    token[8..].copy_from_slice(&halves[1].to_be_bytes());
    token
}

/// A socket for echoes to one peer.
struct EchoSocket {
    socket: UdpSocket,
    is_v6: bool,
    /// Whether the IP header comes with what is received.
    with_header: bool,
}

fn open(address: SocketAddr, outfit: &Outfit) -> io::Result<EchoSocket> {
    let is_v6 = address.is_ipv6();
    let protocol = if is_v6 { Protocol::ICMPV6 } else { Protocol::ICMPV4 };
    let domain = Domain::for_address(address);
    // Permitted to the groups of net.ipv4.ping_group_range, for both versions.
    let datagram = Socket::new(domain, Type::DGRAM, Some(protocol));
    let (socket, is_raw) = match datagram {
        Ok(socket) => (socket, false),
        Err(refused) => match Socket::new(domain, Type::RAW, Some(protocol)) {
            Ok(socket) => (socket, true),
            Err(_) => return Err(refused),
        },
    };
    socket.set_nonblocking(true)?;
    let _ = connecting::queue_icmp_errors(&socket, is_v6, true);
    let _ = connecting::tell_ttl(&socket, is_v6);
    outfit.dress(&socket, SocketAddr::new(address.ip(), 0))?;
    socket.connect(&SockAddr::from(address))?;
    let socket = UdpSocket::from_std(socket.into())?;
    Ok(EchoSocket { socket, is_v6, with_header: is_raw && !is_v6 })
}

impl EchoSocket {
    /// Type, code, checksum, identifier, sequence, token. The kernel fills identifier and checksum
    /// in for a datagram socket, and the checksum of ICMPv6.
    fn request(&self, sequence: u16, token: [u8; PAYLOAD]) -> Vec<u8> {
        let mut packet = vec![0; HEADER + PAYLOAD];
        packet[0] = if self.is_v6 { 128 } else { 8 };
        packet[4..6].copy_from_slice(&token[..2]);
        packet[6..8].copy_from_slice(&sequence.to_be_bytes());
        packet[HEADER..].copy_from_slice(&token);
        if !self.is_v6 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    async fn reply(&self, sequence: u16, token: [u8; PAYLOAD]) -> Echoed {
        loop {
            let socket = SockRef::from(&self.socket);
            if let Some((icmp, error)) = connecting::next_icmp_error(&socket) {
                return Echoed::Rejected(icmp, error);
            }
            let mut buffer = [MaybeUninit::uninit(); 2048];
            let received = self
                .socket
                .async_io(tokio::io::Interest::READABLE | tokio::io::Interest::ERROR, || {
                    connecting::receive_with_ttl(&SockRef::from(&self.socket), &mut buffer)
                })
                .await;
            match received {
                Ok((bytes, ttl)) => {
                    if let Some(count) = self.is_ours(&bytes, sequence, token) {
                        return Echoed::Reply { bytes: count, ttl };
                    }
                }
                Err(error) => {
                    let told = connecting::next_icmp_error(&SockRef::from(&self.socket));
                    return told.map_or(Echoed::Unsent(error), |(icmp, error)| {
                        Echoed::Rejected(icmp, error)
                    });
                }
            }
        }
    }

    /// How many bytes stand behind the header, where this is the reply to our echo.
    fn is_ours(&self, bytes: &[u8], sequence: u16, token: [u8; PAYLOAD]) -> Option<u64> {
        let begin = match (self.with_header, bytes.first()) {
            (true, Some(first)) => usize::from(first & 0x0f) * 4,
            (true, None) => return None,
            (false, _) => 0,
        };
        let packet = bytes.get(begin..)?;
        let reply = if self.is_v6 { 129 } else { 0 };
        let fits = packet.first() == Some(&reply)
            && packet.get(6..8) == Some(&sequence.to_be_bytes()[..])
            && packet.get(HEADER..) == Some(&token[..]);
        fits.then(|| (packet.len() - HEADER) as u64)
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        // RFC 1071, 3: 0001 f203 f4f5 f6f7 sum to ddf2.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[0xff]), !0xff00);
    }
}
