//! Packets into a pcapng file, in a thread of its own: whose packets they are is looked up when
//! the socket table has seen them, and a slow disk holds back no capture.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::each::{Each, Packet};
use super::flows::FlowId;
use super::live::owners;
use crate::collect::Feed;
use crate::model::flow_owner::PortSet;
use crate::model::packets::FlowKey;
use crate::model::table::SocketTable;
use crate::wire::capture_file::writer::{self, PacketBlock, Statistics};

/// Bytes of packets that travel together.
const CHUNK: usize = 256 * 1024;
/// The longest that a packet waits for others.
const PATIENCE: Duration = Duration::from_millis(250);
/// Chunks that may wait for the disk; what comes then is not written.
const WAITING: usize = 64;
/// How long whose packets they are may be waited for.
const OWNERS: Duration = Duration::from_millis(1_000);

/// What a file is written with.
#[derive(Debug)]
pub struct WriteOptions {
    /// Bytes of a packet that the capture takes.
    pub snap_length: u32,
    /// The filter's text.
    pub filter: Option<String>,
    /// The file grows no longer than this.
    pub limit: Option<u64>,
    /// Where to look whose packets they are; `None` for packets of a file.
    pub sockets: Option<Feed<SocketTable>>,
    /// Whether to wait for the disk rather than leave packets out.
    pub waits: bool,
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Packets in it.
    pub packets: u64,
    /// Its length.
    pub bytes: u64,
    /// Packets that are not in it, since the disk was too slow or writing had ended.
    pub left_out: u64,
    /// Why writing ended before the capture did.
    pub ended: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    left_out: AtomicU64,
    written: Mutex<Written>,
}

/// A file that is being written.
#[derive(Debug)]
pub struct FileWriter {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    finish: SyncSender<Chunk>,
}

/// Packets on their way to the file.
#[derive(Debug, Default)]
struct Chunk {
    packets: Vec<Meta>,
    bytes: Vec<u8>,
    /// Interfaces whose names became known.
    names: Vec<(u32, Arc<str>)>,
    /// With the last chunk: what the system dropped.
    end: Option<Option<u64>>,
}

#[derive(Clone, Copy, Debug)]
struct Meta {
    interface: u32,
    link_type: u16,
    time_ns: i64,
    length: u32,
    captured: usize,
    flow: Option<FlowKey>,
}

impl FileWriter {
    /// Begins to write, and gives what has to look at each packet.
    pub fn start(file: File, options: WriteOptions) -> io::Result<(Self, Each)> {
        let shared = Arc::new(Shared::default());
        let (send, receive) = sync_channel(WAITING);
        let waits = options.waits;
        let mut out = Out::new(file, options, Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("capture writer".to_owned())
            .spawn(move || out.run(&receive))?;
        let collecting = Collecting::new(send.clone(), Arc::clone(&shared), waits);
        Ok((Self { shared, thread, finish: send }, collecting.each()))
    }

    /// What is in the file so far.
    pub fn so_far(&self) -> Written {
        self.shared.snapshot()
    }

    /// Writes what waits, and the statistics, `dropped` among them. What looks at packets must
    /// be gone.
    pub fn finish(self, dropped: Option<u64>) -> Written {
        // A thread that has ended has said why.
        let _ = self.finish.send(Chunk { end: Some(dropped), ..Chunk::default() });
        drop(self.finish);
        let _ = self.thread.join();
        self.shared.snapshot()
    }
}

impl Shared {
    fn snapshot(&self) -> Written {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Written { left_out: self.left_out.load(Ordering::Relaxed), ..written }
    }
}

/// Gathers packets in the capture's thread.
struct Collecting {
    send: SyncSender<Chunk>,
    shared: Arc<Shared>,
    waits: bool,
    chunk: Chunk,
    begun: Option<Instant>,
    names: Vec<Option<Arc<str>>>,
}

impl Collecting {
    fn new(send: SyncSender<Chunk>, shared: Arc<Shared>, waits: bool) -> Self {
        Self { send, shared, waits, chunk: Chunk::default(), begun: None, names: Vec::new() }
    }

    fn each(mut self) -> Each {
        Box::new(move |packet| {
            self.add(packet);
            ControlFlow::Continue(())
        })
    }

    fn add(&mut self, packet: &Packet<'_>) {
        self.note_name(packet);
        self.chunk.packets.push(Meta {
            interface: packet.interface as u32,
            link_type: packet.link_type,
            time_ns: packet.time_ns.unwrap_or_default(),
            length: packet.length,
            captured: packet.bytes.len(),
            flow: packet.summary.ip().map(|ip| FlowId::of(ip).0.key()),
        });
        self.chunk.bytes.extend_from_slice(packet.bytes);
        let begun = *self.begun.get_or_insert_with(Instant::now);
        if self.chunk.bytes.len() >= CHUNK || begun.elapsed() >= PATIENCE {
            self.pass_on();
        }
    }
}

impl Collecting {
    /// An interface's name may be known only after its first packets.
    fn note_name(&mut self, packet: &Packet<'_>) {
        if packet.interface >= self.names.len() {
            self.names.resize(packet.interface + 1, None);
        }
        if self.names[packet.interface].is_none()
            && let Some(name) = packet.interface_name
        {
            self.names[packet.interface] = Some(Arc::clone(name));
            self.chunk.names.push((packet.interface as u32, Arc::clone(name)));
        }
    }

    fn pass_on(&mut self) {
        self.begun = None;
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.packets.is_empty() {
            return;
        }
        let lost = if self.waits {
            self.send.send(chunk).err().map(|error| error.0)
        } else {
            match self.send.try_send(chunk) {
                Ok(()) => None,
                Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) => Some(chunk),
            }
        };
        if let Some(mut chunk) = lost {
            self.shared.left_out.fetch_add(chunk.packets.len() as u64, Ordering::Relaxed);
            // The room is used again.
            chunk.packets.clear();
            chunk.bytes.clear();
            self.chunk = chunk;
        }
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        self.waits = true;
        self.pass_on();
    }
}

/// The file, in the writer's thread.
struct Out {
    file: File,
    options: WriteOptions,
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
    fn new(file: File, options: WriteOptions, shared: Arc<Shared>) -> Self {
        let mut buffer = Vec::new();
        let application = concat!("sockpit ", env!("CARGO_PKG_VERSION"));
        writer::section(&mut buffer, application, std::env::consts::OS);
        Self {
            file,
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

    fn run(&mut self, receive: &Receiver<Chunk>) {
        self.flush();
        while let Ok(mut chunk) = receive.recv() {
            self.names.append(&mut chunk.names);
            self.add(&chunk);
            if let Some(dropped) = chunk.end {
                self.add_statistics(dropped);
                self.flush();
                return;
            }
            self.flush();
        }
    }

    fn add(&mut self, chunk: &Chunk) {
        if self.ended {
            self.shared.left_out.fetch_add(chunk.packets.len() as u64, Ordering::Relaxed);
            return;
        }
        let comments = self.comments(chunk);
        let mut at = 0;
        for (index, meta) in chunk.packets.iter().enumerate() {
            let bytes = &chunk.bytes[at..at + meta.captured];
            at += meta.captured;
            let before = self.buffer.len();
            let interface = self.interface(meta);
            let comment = comments.as_ref().and_then(|comments| comments[index].as_deref());
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

    /// Whose each packet is; `None` where that is not asked.
    fn comments(&mut self, chunk: &Chunk) -> Option<Vec<Option<String>>> {
        let sockets = self.options.sockets.as_mut()?;
        let mut ports = PortSet::default();
        for flow in chunk.packets.iter().filter_map(|meta| meta.flow) {
            ports.insert(flow.a.port);
            ports.insert(flow.b.port);
        }
        // A table that was read after the packets came knows their sockets, if any does.
        sockets.refresh_within(OWNERS);
        let owners = owners(&mut self.options.sockets, &ports);
        let comment = |meta: &Meta| {
            let ends = owners.ends(&meta.flow?, None);
            let one = |end: &Option<Arc<crate::model::owner::Process>>| {
                end.as_ref().map(|process| format!("pid {} {}", process.pid, process.name))
            };
            match (one(&ends.a), one(&ends.b)) {
                (Some(a), Some(b)) if a != b => Some(format!("{a}, {b}")),
                (a, b) => a.or(b),
            }
        };
        Some(chunk.packets.iter().map(comment).collect())
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
