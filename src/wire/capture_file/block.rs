//! The records that were read at once, with their bytes: what can be handed to another thread while
//! the reader reads on.

use std::io::Read;

use super::error::Error;
use super::reader::CaptureReader;
use super::record::{Packet, Record};

/// Records, and the bytes that they lie in. Made once and filled again and again.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Box<[u8]>,
    records: Vec<(Packet, Place)>,
}

/// Where the captured bytes of a record lie in its block.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: usize,
    length: usize,
}

impl Block {
    /// Its records, in the order of the file.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.records.iter().map(|found| self.with_bytes(found))
    }

    /// One of them, counted from 0.
    #[inline]
    pub fn record(&self, number: usize) -> Option<Record<'_>> {
        self.records.get(number).map(|found| self.with_bytes(found))
    }

    #[inline]
    fn with_bytes(&self, (packet, place): &(Packet, Place)) -> Record<'_> {
        packet.with_bytes(&self.bytes[place.at..place.at + place.length])
    }
}

impl<R: Read> CaptureReader<R> {
    /// Fills `block` with the records at hand, reading on, which may block, where there are none.
    /// `false` at the end of the file. An error comes after the records before it.
    pub fn next_block(&mut self, block: &mut Block) -> Result<bool, Error> {
        block.records.clear();
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            match self.next_packet() {
                Ok(Some((packet, at, length))) => {
                    block.records.push((packet, Place { at, length }));
                }
                Ok(None) if block.records.is_empty() => {
                    if !self.fill()? {
                        return Ok(false);
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        self.buffer.take_bytes(&mut block.bytes);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io;

    use super::*;

    /// Hands out so many bytes at a time, as a pipe may.
    struct Drips<'a>(&'a [u8], usize);

    impl Read for Drips<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let few = room.len().min(self.1);
            self.0.read(&mut room[..few])
        }
    }

    /// Ends of its records' bytes, and how reading ended.
    type Seen = (Vec<[u8; 2]>, Option<String>);

    fn one_by_one(file: &[u8]) -> Seen {
        let mut reader = CaptureReader::open(file).unwrap();
        let mut seen = Vec::new();
        let mut read = || -> Result<(), Error> {
            loop {
                while let Some(record) = reader.next_at_hand()? {
                    seen.push([record.bytes[0], record.bytes[record.bytes.len() - 1]]);
                }
                if !reader.fill()? {
                    return Ok(());
                }
            }
        };
        let error = read().err().map(|error| error.to_string());
        (seen, error)
    }

    fn by_blocks(file: &[u8], at_once: usize) -> Seen {
        let mut reader = CaptureReader::open(Drips(file, at_once)).unwrap();
        let mut block = Block::default();
        let mut seen = Vec::new();
        loop {
            match reader.next_block(&mut block) {
                Ok(true) => {}
                Ok(false) => return (seen, None),
                Err(error) => return (seen, Some(error.to_string())),
            }
            let ends = |record: Record<'_>| [record.bytes[0], record.bytes[record.bytes.len() - 1]];
            seen.extend(block.records().map(ends));
            let last = block.records().len().checked_sub(1);
            assert_eq!(last.and_then(|last| block.record(last)), block.records().last());
        }
    }

    #[test]
    fn blocks_hold_what_is_read_record_by_record_and_an_error_comes_behind() {
        for (length, count) in [(60, 3_000), (1_500, 200), (262_144, 5), (1, 3)] {
            let mut file = [0xa1b2_c3d4u32.to_le_bytes(), [2, 0, 4, 0], [0; 4], [0; 4]].concat();
            file.extend([262_144u32.to_le_bytes(), 1u32.to_le_bytes()].concat());
            for number in 0..count {
                let lengths = [(length as u32).to_le_bytes(); 2].concat();
                file.extend([&[0; 8][..], &lengths].concat());
                file.extend(std::iter::repeat_n(number as u8, length));
            }
            let cut = file[..file.len() - 1].to_vec();
            let damaged = [&file[..], &[0xff; 20]].concat();
            for file in [&file, &cut, &damaged] {
                let expected = one_by_one(file);
                for at_once in [usize::MAX, 65_536, 997] {
                    let blocks = by_blocks(file, at_once);
                    assert!(blocks == expected, "{length} {count} {at_once}: {:?}", blocks.1);
                }
            }
            assert_eq!(one_by_one(&file).1, None);
            assert!(one_by_one(&cut).1.unwrap().contains("in the middle of record"));
            assert!(one_by_one(&damaged).1.unwrap().contains("is damaged"));
        }
    }
}
