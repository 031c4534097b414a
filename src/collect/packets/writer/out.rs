//! The file, in the writer's thread.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::comments::{Comments, Owners};
use super::{Chunk, Meta, Shared, WriteOptions};
use crate::wire::capture_file::writer::{self, PacketBlock, Statistics};

/// Bytes that wait at most until it is known whose they are.
const MOST_PENDING: usize = 8 * 1024 * 1024;

/// The file.
pub(super) struct Out {
    file: File,
    options: WriteOptions,
    comments: Comments,
    shared: Arc<Shared>,
    /// Number in the file by interface and link type.
    interfaces: Vec<(u32, u16)>,
    names: Vec<(u32, Arc<str>)>,
    span_ns: Vec<(i64, i64, u64)>,
    bytes: u64,
    packets: u64,
    /// Packets that the file has for certain.
    flushed: u64,
    buffer: Vec<u8>,
    ended: bool,
}

impl Out {
    pub(super) fn new(file: File, options: WriteOptions, shared: Arc<Shared>) -> Self {
        let mut buffer = Vec::new();
        let application = concat!("sockpit ", env!("CARGO_PKG_VERSION"));
        writer::section(&mut buffer, application, std::env::consts::OS);
        Self {
            file,
            comments: Comments::new(options.sockets.clone()),
            options,
            shared,
            interfaces: Vec::new(),
            names: Vec::new(),
            span_ns: Vec::new(),
            bytes: 0,
            packets: 0,
            flushed: 0,
            buffer,
            ended: false,
        }
    }

    /// Writes what comes, each chunk when a look at the sockets is newer than its packets.
    pub(super) fn run(&mut self, receive: &Receiver<Chunk>) {
        self.flush();
        let mut pending: Vec<Chunk> = Vec::new();
        loop {
            match self.next(receive, pending.is_empty()) {
                Ok(chunk) => pending.push(chunk),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let end = pending.last().and_then(|chunk| chunk.end);
            let bytes: usize = pending.iter().map(|chunk| chunk.bytes.len()).sum();
            if end.is_none() && bytes < MOST_PENDING && self.comments.due() > Instant::now() {
                continue;
            }
            let mut owners = self.comments.look(&pending, end.is_some());
            for mut chunk in pending.drain(..) {
                self.names.append(&mut chunk.names);
                self.add(&chunk, owners.as_mut());
                self.flush();
            }
            if let Some(dropped) = end {
                self.add_statistics(dropped);
                self.flush();
                return;
            }
        }
    }

    /// The next chunk; where others wait, not longer than they may.
    fn next(&self, receive: &Receiver<Chunk>, is_alone: bool) -> Result<Chunk, RecvTimeoutError> {
        if is_alone {
            return receive.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        receive.recv_timeout(self.comments.due().saturating_duration_since(Instant::now()))
    }

    fn add(&mut self, chunk: &Chunk, mut owners: Option<&mut Owners>) {
        if self.ended {
            self.shared.left_out.fetch_add(chunk.packets.len() as u64, Ordering::Relaxed);
            return;
        }
        let mut at = 0;
        for (index, meta) in chunk.packets.iter().enumerate() {
            let bytes = &chunk.bytes[at..at + meta.captured];
            at += meta.captured;
            let before = self.buffer.len();
            let interface = self.interface(meta);
            let owners = owners.as_deref_mut();
            let comment = owners.zip(meta.flow).and_then(|(owners, flow)| owners.comment(flow));
            writer::packet(
                &mut self.buffer,
                &PacketBlock {
                    interface: interface as u32,
                    time_ns: meta.time_ns,
                    length: meta.length,
                    bytes,
                    comment,
                },
            );
            let length = self.bytes + self.buffer.len() as u64;
            if self.options.limit.is_some_and(|limit| length > limit) {
                self.buffer.truncate(before);
                self.end("the file has its greatest size".to_owned());
                let rest = chunk.packets.len() - index;
                self.shared.left_out.fetch_add(rest as u64, Ordering::Relaxed);
                return;
            }
            self.packets += 1;
            let (first, last, count) = &mut self.span_ns[interface];
            *first = (*first).min(meta.time_ns);
            *last = (*last).max(meta.time_ns);
            *count += 1;
        }
    }

    fn interface(&mut self, meta: &Meta) -> usize {
        let key = (meta.interface, meta.link_type);
        if let Some(known) = self.interfaces.iter().position(|known| *known == key) {
            return known;
        }
        let name = self.names.iter().find(|(number, _)| *number == meta.interface);
        writer::interface(
            &mut self.buffer,
            name.map(|(_, name)| name.as_ref()),
            meta.link_type,
            self.options.snap_length,
            self.options.filter.as_deref(),
        );
        self.interfaces.push(key);
        self.span_ns.push((i64::MAX, i64::MIN, 0));
        self.interfaces.len() - 1
    }

    fn add_statistics(&mut self, dropped: Option<u64>) {
        if self.ended {
            return;
        }
        for (number, (first, last, received)) in self.span_ns.iter().enumerate() {
            let known = Statistics {
                span_ns: (*first, *last),
                received: *received,
                // What the system dropped is known of all interfaces together.
                dropped: if number == 0 { dropped } else { dropped.map(|_| 0) },
            };
            writer::statistics(&mut self.buffer, number as u32, &known);
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.file.write_all(&self.buffer) {
            // A block that is there in part would spoil the file for its readers.
            let _ = self.file.set_len(self.bytes);
            let lost = self.packets - self.flushed;
            self.shared.left_out.fetch_add(lost, Ordering::Relaxed);
            self.packets = self.flushed;
            self.end(format!("the file cannot be written on: {error}"));
        } else {
            self.bytes += self.buffer.len() as u64;
        }
        self.buffer.clear();
        self.flushed = self.packets;
        let mut written = self.shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.packets = self.packets;
        written.bytes = self.bytes;
    }

    fn end(&mut self, why: String) {
        self.ended = true;
        let mut written = self.shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.ended.get_or_insert(why);
    }
}
