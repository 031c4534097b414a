//! Counts by port: a cell for each of the 65,536, so nothing is hashed and nothing is lost.

use crate::model::packets::Count;

const PORTS: usize = 1 << 16;

/// The ports of one packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PortPair {
    pub(super) source: u16,
    pub(super) destination: u16,
    pub(super) bytes: u32,
}

/// Counts by port of one protocol; takes memory from the first packet on.
#[derive(Debug, Default)]
pub(super) struct PortTable {
    /// Packets and bytes of each port side by side. Plain numbers, because a vector of zeros is
    /// memory that the system gives only when it is touched.
    cells: Vec<u64>,
}

impl PortTable {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Counts packets, each for both its ports, once when they are the same.
    #[inline]
    pub(super) fn count(&mut self, packets: &[PortPair]) {
        if packets.is_empty() {
            return;
        }
        if self.cells.is_empty() {
            self.cells = vec![0; 2 * PORTS];
        }
        for packet in packets {
            self.add(packet.source, packet.bytes);
            if packet.source != packet.destination {
                self.add(packet.destination, packet.bytes);
            }
        }
    }

    #[inline]
    fn add(&mut self, port: u16, bytes: u32) {
        let at = 2 * usize::from(port);
        self.cells[at] += 1;
        self.cells[at + 1] += u64::from(bytes);
    }

    /// Ports with packets, in ascending order.
    pub(super) fn seen(&self) -> impl Iterator<Item = (u16, Count)> {
        self.cells.chunks_exact(2).zip(0..=u16::MAX).filter_map(|(cell, port)| {
            (cell[0] > 0).then_some((port, Count { packets: cell[0], bytes: cell[1] }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ports_count_and_equal_ones_once() {
        let mut table = PortTable::new();
        assert_eq!(table.seen().count(), 0);
        table.count(&[
            PortPair { source: 5353, destination: 5353, bytes: 100 },
            PortPair { source: 65535, destination: 0, bytes: 60 },
        ]);
        let one = Count { packets: 1, bytes: 60 };
        let same = Count { packets: 1, bytes: 100 };
        assert!(table.seen().eq([(0, one), (5353, same), (65535, one)]));
    }
}
