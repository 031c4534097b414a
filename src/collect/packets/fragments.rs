//! Later fragments have no ports and no ICMP identifier: they are joined to their first by the packet's identification.

use std::hash::{BuildHasher, RandomState};

use crate::wire::frame::{Address, Ip, Transport};

/// Packets in fragments that are remembered at once.
const PLACES: usize = 1_024;

/// What the fragments of one packet share (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct First {
    source: Address,
    destination: Address,
    protocol: u8,
    identification: u32,
    /// What the later ones are put down to.
    transport: Transport,
}

/// The first fragments seen last: a place is taken over by the next packet that falls on it.
#[derive(Debug)]
pub(super) struct Fragments {
    /// Made with the first fragment: most captures have none.
    places: Vec<Option<First>>,
    seed: RandomState,
    /// Later fragments whose first was not seen, or not in time.
    pub(super) unjoined: u64,
}

impl Fragments {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), seed: RandomState::new(), unjoined: 0 }
    }

    /// Remembers a first fragment, and gives a later one the ports of its first.
    /// One that is not `counted` was so before, on another interface.
    pub(super) fn join(&mut self, ip: &Ip, identification: u32, counted: bool) -> Ip {
        let key = (ip.source, ip.destination, ip.protocol, identification);
        let at = self.seed.hash_one(key) as usize % PLACES;
        match ip.transport {
            Transport::LaterFragment => {
                let first = self.places.get(at).copied().flatten();
                let joined = first.filter(|first| {
                    (first.source, first.destination, first.protocol, first.identification) == key
                });
                let Some(First { transport, .. }) = joined else {
                    self.unjoined += u64::from(counted);
                    return *ip;
                };
                Ip { transport, ..*ip }
            }
            transport => {
                if let Some(transport) = of_later(transport) {
                    self.places.resize(PLACES, None);
                    let (source, destination, protocol) = (ip.source, ip.destination, ip.protocol);
                    let first = First { source, destination, protocol, identification, transport };
                    self.places[at] = Some(first);
                }
                *ip
            }
        }
    }
}

/// What later fragments have of the first one's header.
fn of_later(first: Transport) -> Option<Transport> {
    match (first, first.ports()) {
        (_, Some((source, destination))) => {
            Some(Transport::Ports { source, destination, opens: false })
        }
        (Transport::Icmp { .. }, None) => Some(first),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Transport = Transport::Ports { source: 7000, destination: 9000, opens: false };

    fn packet(transport: Transport, from: u32) -> Ip {
        let (source, destination) = (Address::V4(from), Address::V4(2));
        Ip { source, destination, protocol: 17, transport, fragment: Some(7), inner: None }
    }

    #[test]
    fn a_later_fragment_has_the_ports_of_its_first() {
        let mut fragments = Fragments::new();
        let later = packet(Transport::LaterFragment, 1);
        assert_eq!(fragments.join(&later, 7, true), later, "its first was not seen");
        assert_eq!(fragments.join(&packet(FIRST, 1), 7, true), packet(FIRST, 1));
        assert_eq!(fragments.join(&later, 7, true), packet(FIRST, 1));
        assert_eq!(fragments.unjoined, 1);
        for (stranger, identification) in [(later, 8), (packet(Transport::LaterFragment, 3), 7)] {
            assert_eq!(fragments.join(&stranger, identification, true), stranger);
        }
        assert_eq!(fragments.unjoined, 3);
    }

    #[test]
    fn memory_is_bounded() {
        let mut fragments = Fragments::new();
        for identification in 0..100_000 {
            fragments.join(&packet(FIRST, 1), identification, true);
        }
        assert_eq!(fragments.places.len(), PLACES);
    }
}
