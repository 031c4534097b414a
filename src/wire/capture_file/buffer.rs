//! A window onto a stream that may be a file, a pipe or a FIFO.

use std::io::{self, ErrorKind, Read};

use super::record::MAX_HEAD;

/// Room for the largest head with its headers.
const CAPACITY: usize = 2 * MAX_HEAD + READ;
/// Read at most this at once, so that the bytes are still in the processor's cache when their
/// headers are looked at.
const READ: usize = 1024 * 1024;

pub(super) struct Buffer<R> {
    reader: R,
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    /// Bytes that lie ahead in the stream and are not wanted.
    pass_over: u64,
}

impl<R: Read> Buffer<R> {
    pub(super) fn new(reader: R) -> Self {
        let bytes = vec![0; CAPACITY].into_boxed_slice();
        Self { reader, bytes, start: 0, end: 0, pass_over: 0 }
    }

    /// What has been read and not consumed.
    #[inline]
    pub(super) fn at_hand(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether no byte of a record is left.
    pub(super) fn is_between_records(&self) -> bool {
        self.start == self.end && self.pass_over == 0
    }

    /// Whether the rest of the last record is still to come.
    pub(super) fn is_passing_over(&self) -> bool {
        self.pass_over > 0
    }

    /// Reads until `needed` bytes are at hand, not more often than that takes. `false` at the end.
    pub(super) fn ensure(&mut self, needed: usize) -> io::Result<bool> {
        if self.at_hand().len() >= needed { Ok(true) } else { self.fill_to(needed) }
    }

    /// Reads until `needed` bytes are at hand, and at least something. `false` at the end.
    pub(super) fn fill_to(&mut self, needed: usize) -> io::Result<bool> {
        self.make_room();
        let needed = needed.clamp(self.end + 1, self.bytes.len().max(self.end + 1));
        while self.end < needed {
            if self.read()? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Reads once, and drops what is to be passed over.
    fn read(&mut self) -> io::Result<usize> {
        let room = self.bytes.len().min(self.end + READ);
        let read = loop {
            match self.reader.read(&mut self.bytes[self.end..room]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.end += read;
        let dropped = self.pass_over.min(read as u64);
        if dropped > 0 {
            // Nothing is at hand while bytes are passed over, so they are the first.
            self.pass_over -= dropped;
            self.bytes.copy_within(dropped as usize..self.end, 0);
            self.end -= dropped as usize;
        }
        Ok(read)
    }

    /// Passes `count` bytes, at hand or yet to come.
    pub(super) fn consume(&mut self, count: u64) {
        let here = count.min((self.end - self.start) as u64);
        self.start += here as usize;
        self.pass_over = count - here;
    }

    /// Passes `consume` bytes and says where those from `at` on lie among all.
    #[inline]
    pub(super) fn take(&mut self, at: usize, length: usize, consume: u64) -> (usize, usize) {
        let from = self.start + at;
        let to = (from + length).min(self.end);
        self.consume(consume);
        (from.min(to), to - from.min(to))
    }

    /// The bytes at a place that [`Buffer::take`] told, for as long as nothing is read.
    #[inline]
    pub(super) fn taken(&self, (at, length): (usize, usize)) -> &[u8] {
        &self.bytes[at..at + length]
    }

    /// Gives all bytes away, for room that was given away before. What is at hand stays.
    pub(super) fn take_bytes(&mut self, other: &mut Box<[u8]>) {
        if other.len() != self.bytes.len() {
            *other = vec![0; self.bytes.len()].into();
        }
        let kept = self.start..self.end;
        other[..kept.len()].copy_from_slice(&self.bytes[kept.clone()]);
        (self.start, self.end) = (0, kept.len());
        std::mem::swap(&mut self.bytes, other);
    }
}
