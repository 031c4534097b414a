//! A capture file on all processors: each worker in turn reads a block and finds the records in it,
//! decodes them while others read on, and counts them when the blocks before are counted.

use std::io::Read;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::fault::caught;
use super::{FileError, FileJob, PassedOver, Shared, State, count_frame, frame_of};
use crate::collect::packets::counter::Frame;
use crate::collect::packets::each::{Each, Packet};
use crate::collect::packets::unpack::Unpacked;
use crate::wire::capture_file::{self, Block, CaptureReader, Record};
use crate::wire::filter::{Filter, FilterError, Program};
use crate::wire::frame::{Link, Summary};

/// Reading and counting go block by block: more workers would wait.
const MOST_WORKERS: usize = 4;

/// Finds what the filter lets through.
type Decode = for<'a> fn(&'a Block, Option<&mut Programs>) -> Decoded<'a>;

/// What the workers share.
struct Work<'a, R> {
    reading: Mutex<Reading<R>>,
    counting: Mutex<Counting>,
    /// Tells that a block is counted.
    counted: Condvar,
    shared: &'a Shared,
    decode: Decode,
    filter: Option<Filter>,
    limit: Option<u64>,
}

struct Reading<R> {
    reader: CaptureReader<R>,
    /// Number of the next block.
    next: u64,
    /// Interfaces of which the counts know.
    told: usize,
    is_over: bool,
}

struct Counting {
    /// The block whose turn it is.
    turn: u64,
    each: Option<Each>,
    /// How it ended, as soon as it did.
    end: Option<Result<(), FileError>>,
}

/// What was read at once.
#[derive(Default)]
struct Read1 {
    block: Block,
    number: u64,
    new_names: Vec<Option<Arc<str>>>,
    dropped: Option<u64>,
    /// How reading ended, where this is the last.
    end: Option<Result<(), FileError>>,
}

/// Counts to the end.
pub(super) fn count(
    reader: impl Read + Send,
    job: FileJob,
    shared: &Shared,
) -> Result<(), FileError> {
    count_with(reader, job, shared, decode)
}

fn count_with(
    reader: impl Read + Send,
    job: FileJob,
    shared: &Shared,
    decode: Decode,
) -> Result<(), FileError> {
    let reader = Unpacked::open(reader).map_err(capture_file::Error::ReadHeader)?;
    let reader = CaptureReader::open(reader)?;
    let FileJob { limit, filter, each } = job;
    let work = Work {
        reading: Mutex::new(Reading { reader, next: 0, told: 0, is_over: false }),
        counting: Mutex::new(Counting { turn: 0, each, end: None }),
        counted: Condvar::new(),
        shared,
        decode,
        filter,
        limit,
    };
    let others = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_WORKERS) - 1;
    thread::scope(|scope| {
        for _ in 0..others {
            let helper = thread::Builder::new().name("capture file".to_owned());
            // Without it the rest take longer.
            let _ = helper.spawn_scoped(scope, || work.run());
        }
        work.run();
    });
    let counting = work.counting.into_inner().unwrap_or_else(PoisonError::into_inner);
    counting.end.unwrap_or(Ok(()))
}

impl<R: Read> Work<'_, R> {
    fn run(&self) {
        let mut programs = self.filter.clone().map(Programs::new);
        let mut part = Read1::default();
        while self.read(&mut part) {
            let decoded = caught(|| (self.decode)(&part.block, programs.as_mut()))
                .unwrap_or_else(|fault| Decoded::failed(&part.block, fault));
            self.count(&part.new_names, part.dropped, part.number, decoded, part.end.take());
        }
    }

    /// Reads the next block; `false` when there is none.
    fn read(&self, part: &mut Read1) -> bool {
        let mut reading = lock(&self.reading);
        if reading.is_over {
            return false;
        }
        part.end = match caught(|| reading.reader.next_block(&mut part.block)) {
            Ok(Ok(true)) => None,
            Ok(Ok(false)) => Some(Ok(())),
            Ok(Err(error)) => Some(Err(error.into())),
            Err(fault) => Some(Err(fault)),
        };
        reading.is_over = part.end.is_some();
        part.number = reading.next;
        reading.next += 1;
        let new = reading.reader.interfaces().get(reading.told..).unwrap_or_default();
        part.new_names.clear();
        part.new_names.extend(new.iter().map(|interface| interface.name.clone()));
        reading.told += part.new_names.len();
        part.dropped = reading.reader.dropped();
        true
    }

    /// Counts a block when its turn has come.
    fn count(
        &self,
        new_names: &[Option<Arc<str>>],
        dropped: Option<u64>,
        number: u64,
        decoded: Decoded<'_>,
        end: Option<Result<(), FileError>>,
    ) {
        let waited = self.counted.wait_while(lock(&self.counting), |now| now.turn != number);
        let mut counting = waited.unwrap_or_else(PoisonError::into_inner);
        if counting.end.is_none() {
            let mut state = self.shared.lock();
            state.names.extend_from_slice(new_names);
            state.dropped = dropped;
            let each = counting.each.as_mut();
            let counted = caught(|| decoded.count_into(&mut state, each, self.limit));
            drop(state);
            counting.end = match counted {
                Ok(true) => decoded.failed.map(Err).or(end),
                Ok(false) => Some(Ok(())),
                Err(fault) => Some(Err(fault)),
            };
        }
        counting.turn += 1;
        let is_over = counting.end.is_some();
        drop(counting);
        self.counted.notify_all();
        if is_over {
            lock(&self.reading).is_over = true;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a worker that failed left is still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the records of a block are that the filter lets through.
struct Decoded<'a> {
    block: &'a Block,
    /// With the record's number in the block.
    frames: Vec<(u32, Frame<'a>)>,
    passed_over: PassedOver,
    /// Why the filter does not fit what comes behind them.
    failed: Option<FileError>,
}

/// What the filter lets through of a block.
fn decode<'a>(block: &'a Block, mut programs: Option<&mut Programs>) -> Decoded<'a> {
    let frames = Vec::with_capacity(block.records().len());
    let passed_over = PassedOver::default();
    let mut decoded = Decoded { block, frames, passed_over, failed: None };
    for (number, record) in (0..).zip(block.records()) {
        match programs.as_mut().map_or(Ok(true), |programs| programs.lets_through(&record)) {
            Ok(true) => decoded.frames.push((number, frame_of(&record))),
            Ok(false) => decoded.passed_over.note(&record),
            Err(error) => {
                decoded.failed = Some(error.into());
                break;
            }
        }
    }
    decoded
}

impl<'a> Decoded<'a> {
    /// Of a block that could not be decoded.
    fn failed(block: &'a Block, why: FileError) -> Self {
        Self { block, frames: Vec::new(), passed_over: PassedOver::default(), failed: Some(why) }
    }

    /// Whether more packets are wanted.
    fn count_into(
        &self,
        state: &mut State,
        mut each: Option<&mut Each>,
        limit: Option<u64>,
    ) -> bool {
        let State { counter, names, passed_over, .. } = state;
        passed_over.packets += self.passed_over.packets;
        passed_over.tagged += self.passed_over.tagged;
        let is_full = |total: u64| limit.is_some_and(|limit| total >= limit);
        for (number, frame) in &self.frames {
            if is_full(counter.total().packets) {
                return false;
            }
            let Some(record) = self.block.record(*number as usize) else { continue };
            count_frame(&record, frame, counter);
            if let Some(each) = &mut each {
                let name = names.get(record.interface).and_then(Option::as_ref);
                if each(&packet_of(&record, name, &frame.summary)).is_break() {
                    return false;
                }
            }
        }
        !is_full(counter.total().packets)
    }
}

fn packet_of<'a>(
    record: &Record<'a>,
    interface_name: Option<&'a Arc<str>>,
    summary: &'a Summary,
) -> Packet<'a> {
    Packet {
        interface: record.interface,
        interface_name,
        link: record.link,
        link_type: record.link_type,
        time_ns: record.time_ns,
        length: record.length,
        bytes: record.bytes,
        summary,
    }
}

impl PassedOver {
    fn note(&mut self, record: &Record<'_>) {
        self.packets += 1;
        let is_tagged = matches!(record.bytes.get(12..14), Some([0x81, 0] | [0x88, 0xa8]));
        self.tagged += u64::from(is_tagged && record.link == Link::Ethernet);
    }
}

/// A filter compiled for each link type that the file has: mostly one.
struct Programs {
    filter: Filter,
    compiled: Vec<(u16, Program)>,
}

impl Programs {
    fn new(filter: Filter) -> Self {
        Self { filter, compiled: Vec::new() }
    }

    #[inline]
    fn lets_through(&mut self, record: &Record<'_>) -> Result<bool, FilterError> {
        let known = self.compiled.iter().position(|(link_type, _)| *link_type == record.link_type);
        let at = match known {
            Some(at) => at,
            None => {
                let program = self.filter.for_file(record.link_type)?;
                self.compiled.push((record.link_type, program));
                self.compiled.len() - 1
            }
        };
        Ok(self.compiled[at].1.matches(record.bytes, record.length))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::wire::capture_file::writer;

    /// More blocks than there are workers, so that some wait for the turn of others.
    const PACKETS: u64 = 40_000;

    fn capture() -> Vec<u8> {
        let mut file = Vec::new();
        writer::section(&mut file, "test", "test");
        writer::interface(&mut file, Some("eth0"), 1, 65_535, None);
        for number in 0..PACKETS {
            let packet = writer::PacketBlock {
                interface: 0,
                time_ns: number as i64,
                length: 60,
                bytes: &[0; 60],
                comment: None,
            };
            writer::packet(&mut file, &packet);
        }
        file
    }

    /// How counting ends, and what was counted before; it must not take for ever.
    fn ends(
        reader: impl Read + Send + 'static,
        job: FileJob,
        step: Decode,
    ) -> (Result<(), FileError>, u64) {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let shared = Shared::default();
            let end = count_with(reader, job, &shared, step);
            let packets = shared.lock().counter.total().packets;
            tell.send((end, packets)).unwrap();
        });
        told.recv_timeout(Duration::from_secs(60)).expect("counting came to no end")
    }

    fn fault(end: Result<(), FileError>) -> String {
        let error = end.unwrap_err();
        assert!(!error.is_unusable(), "what was counted before is shown");
        error.to_string()
    }

    #[test]
    fn a_panic_while_a_block_is_decoded_ends_the_reading() {
        fn failing<'a>(block: &'a Block, programs: Option<&mut Programs>) -> Decoded<'a> {
            let first = block.record(0).and_then(|record| record.time_ns).unwrap_or_default();
            assert!(first < PACKETS as i64 / 2, "made to fail");
            decode(block, programs)
        }
        let (end, packets) = ends(io::Cursor::new(capture()), FileJob::default(), failing);
        let text = fault(end);
        assert!(text.contains("a fault of sockpit") && text.ends_with(": made to fail"), "{text}");
        assert!(packets >= PACKETS / 2, "blocks before it are counted, in order: {packets}");
        assert!(packets < PACKETS);
    }

    #[test]
    fn a_panic_of_what_looks_at_packets_ends_the_reading() {
        let mut left = 30;
        let each: Each = Box::new(move |_| {
            left -= 1;
            assert!(left > 0, "made to fail");
            std::ops::ControlFlow::Continue(())
        });
        let job = FileJob { each: Some(each), ..FileJob::default() };
        let (end, packets) = ends(io::Cursor::new(capture()), job, decode);
        assert!(fault(end).ends_with(": made to fail"));
        assert_eq!(packets, 30);
    }

    #[test]
    fn a_panic_of_the_reader_ends_the_reading() {
        struct Failing(io::Cursor<Vec<u8>>);
        impl Read for Failing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(self.0.position() < 1_000_000, "made to fail");
                self.0.read(buffer)
            }
        }
        let reader = Failing(io::Cursor::new(capture()));
        let (end, packets) = ends(reader, FileJob::default(), decode);
        assert!(fault(end).ends_with(": made to fail"));
        assert!(packets < PACKETS);
    }
}
