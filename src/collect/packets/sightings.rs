//! One packet on several interfaces (a bridge and its port, a VLAN and its device) is one packet.
//!
//! Two sightings are one packet when the bytes from the IP header on are equal, but for what is
//! changed on the way (hop limit and checksums), and they are at most ten milliseconds apart.
//! An interface that sees such bytes again sees another packet: programs repeat themselves.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Packets that are remembered at once.
const PLACES: usize = 4_096;
/// Interfaces on which one packet is followed; more of them are taken for new packets.
const MOST_INTERFACES: usize = 6;
/// Two sightings that are further apart are two packets.
const WINDOW_NS: i64 = 10_000_000;
/// Bytes that are compared, from the IP header on. Lengths and identifiers stand among them.
const COMPARED: usize = 120;

/// Packets of one content.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    hash: u64,
    /// When the first was seen first.
    time_ns: i64,
    /// How many they are.
    packets: u8,
    /// How many each interface saw; an interface is its number plus one, 0 is free.
    seen: [(u8, u8); MOST_INTERFACES],
}

/// The packets seen last.
#[derive(Debug)]
pub(super) struct Sightings {
    places: Box<[Place]>,
    seed: RandomState,
}

impl Sightings {
    pub(super) fn new() -> Self {
        Self { places: vec![Place::default(); PLACES].into(), seed: RandomState::new() }
    }

    /// Whether this packet, given from its IP header on, was already seen on another interface.
    #[inline]
    pub(super) fn is_seen(&mut self, packet: &[u8], interface: u8, time_ns: i64) -> bool {
        let hash = self.hash(packet);
        self.places[hash as usize % PLACES].is_seen(hash, interface, time_ns)
    }

    fn hash(&self, packet: &[u8]) -> u64 {
        let mut bytes = [0; COMPARED];
        let length = packet.len().min(COMPARED);
        bytes[..length].copy_from_slice(&packet[..length]);
        blank_what_changes(&mut bytes);
        let mut hasher = self.seed.build_hasher();
        hasher.write(&bytes[..length]);
        hasher.finish()
    }
}

impl Place {
    fn is_seen(&mut self, hash: u64, interface: u8, time_ns: i64) -> bool {
        let is_old = time_ns.saturating_sub(self.time_ns).saturating_abs() > WINDOW_NS;
        if self.hash != hash || is_old || self.packets == u8::MAX {
            *self = Self { hash, time_ns, ..Self::default() };
        }
        let number = interface.saturating_add(1);
        let Some((known, times)) =
            self.seen.iter_mut().find(|(known, _)| *known == number || *known == 0)
        else {
            return false;
        };
        *known = number;
        *times += 1;
        let is_new = *times > self.packets;
        self.packets += u8::from(is_new);
        !is_new
    }
}

/// Clears the hop limit and the checksums of IP, TCP and UDP: routers change the one, and
/// network devices fill in the others late.
fn blank_what_changes(packet: &mut [u8; COMPARED]) {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    let (protocol, transport) = match packet[0] >> 4 {
        4 => {
            packet[8] = 0;
            packet[10..12].fill(0);
            (packet[9], usize::from(packet[0] & 0xf) * 4)
        }
        6 => {
            packet[7] = 0;
            (packet[6], 40)
        }
        _ => return,
    };
    let checksum = match protocol {
        TCP => transport + 16,
        UDP => transport + 6,
        _ => return,
    };
    packet[checksum..checksum + 2].fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(hops: u8, payload: u8) -> Vec<u8> {
        let header = [0x45, 0, 0, 29, 0, 1, 0, 0, hops, 17, 7, hops, 10, 0, 0, 1, 10, 0, 0, 2];
        [&header[..], &[0, 1, 0, 2, 0, 9, hops, 9, payload]].concat()
    }

    #[test]
    fn a_packet_on_another_interface_is_the_same_packet() {
        let mut sightings = Sightings::new();
        let mut is_seen = |hops, payload, interface, ms: i64| {
            sightings.is_seen(&packet(hops, payload), interface, ms * 1_000_000)
        };
        assert!(!is_seen(64, b'a', 0, 100));
        assert!(is_seen(63, b'a', 1, 100), "a router was passed");
        assert!(is_seen(63, b'a', 2, 105));
        assert!(!is_seen(64, b'b', 1, 105), "another payload");
        assert!(!is_seen(64, b'a', 1, 200), "later");
    }

    #[test]
    fn a_program_that_repeats_itself_sends_several_packets() {
        for order in [[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]] {
            let mut sightings = Sightings::new();
            let new = order.iter().filter(|number| !sightings.is_seen(&packet(64, 1), **number, 5));
            assert_eq!(new.count(), 2, "{order:?}");
        }
    }

    #[test]
    fn short_and_broken_packets_are_only_compared() {
        let mut sightings = Sightings::new();
        for bytes in [&[][..], &[0x4f], &[0x4f; 200], &[0x60; 41], &[0xff; 300]] {
            assert!(!sightings.is_seen(bytes, 0, 1));
            assert!(sightings.is_seen(bytes, 1, 1), "{bytes:?}");
        }
    }
}
