//! The bytes of a frame to the few facts that are counted: a small [`Summary`] that is copied
//! around, made without allocating.
//!
//! Addresses and ports are those of the outermost IP header: the ends of a tunnel, where there
//! is one. What the tunnel carries is seen again, with its own, on the tunnel's interface.

mod bytes;
mod decode;
mod detail;
mod extensions;
mod ip;
mod link;
mod older;
mod payload;
mod summary;
#[cfg(test)]
mod tests;
mod tunnel;
mod wireless;
mod wrapped;

pub use detail::{Application, Detail, Segment};
pub use link::Link;
pub use summary::{
    Address, Inner, Ip, Layers, Network, Summary, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Transport,
};

/// The bytes from the IP header on, where only Ethernet and its tags stand before it.
#[inline]
pub fn ip_packet(link: Link, frame: &[u8]) -> Option<&[u8]> {
    decode::ip_packet(link, frame)
}

/// What a frame has behind the IP header that [`decode()`] found in it.
#[inline]
pub fn detail<'a>(link: Link, frame: &'a [u8], ip: &Ip) -> Detail<'a> {
    detail::detail(link, frame, ip)
}

/// The packet that an ICMP error speaks of, from the payload that [`detail()`] found.
pub fn spoken_of(ip: &Ip, payload: &[u8]) -> Option<Ip> {
    detail::spoken_of(ip, payload)
}

/// Where the IP header of a frame begins, for any kind of link.
pub fn ip_at(link: Link, frame: &[u8]) -> Option<usize> {
    decode::place_of(decode(link, frame).ip()?, frame)
}

/// Reads a frame that begins with a `link` header.
#[inline]
pub fn decode(link: Link, frame: &[u8]) -> Summary {
    decode::decode(link, frame)
}
