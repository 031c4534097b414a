//! Packets into a pcapng file, in a thread of its own: whose packets they are is looked up when
//! the socket table has seen them, and a slow disk holds back no capture.

mod comments;
mod out;

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::each::{Each, Packet};
use super::flows::FlowId;
use super::sockets::Sockets;
use crate::model::packets::FlowKey;
use out::Out;

/// Bytes of packets that travel together.
const CHUNK: usize = 256 * 1024;
/// The longest that a packet waits for others.
const PATIENCE: Duration = Duration::from_millis(250);
/// Chunks that may wait for the disk; what comes then is not written.
const WAITING: usize = 64;

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
    pub sockets: Option<Sockets>,
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

/// How far a file is, also when it is closed.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Shared>);

impl Progress {
    pub(super) fn so_far(&self) -> Written {
        self.0.snapshot()
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct FileWriter {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    finish: SyncSender<Chunk>,
    /// The packets that wait for others.
    collecting: Arc<Mutex<Collecting>>,
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

impl Chunk {
    /// From its first packet to its last.
    fn span(&self) -> Duration {
        let ends = self.packets.first().zip(self.packets.last());
        let ns = ends.map_or(0, |(first, last)| last.time_ns.saturating_sub(first.time_ns));
        Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
    }
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
        let collecting = Arc::new(Mutex::new(collecting));
        let each = Collecting::each(Arc::clone(&collecting));
        Ok((Self { shared, thread, finish: send, collecting }, each))
    }

    /// Has the packets written that wait for others to come. To be called now and then: who
    /// looks at packets is not told when none come.
    pub fn flush(&self) {
        lock(&self.collecting).pass_on();
    }

    /// To be asked what is in the file so far.
    pub(super) fn progress(&self) -> Progress {
        Progress(Arc::clone(&self.shared))
    }

    /// Writes what waits, and the statistics, `dropped` among them. What looks at packets writes
    /// no more.
    pub fn finish(self, dropped: Option<u64>) -> Written {
        {
            let mut collecting = lock(&self.collecting);
            collecting.waits = true;
            collecting.pass_on();
        }
        // A thread that has ended has said why.
        let _ = self.finish.send(Chunk { end: Some(dropped), ..Chunk::default() });
        drop(self.finish);
        if self.thread.join().is_err() {
            let mut written = self.shared.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.ended.get_or_insert("writing stopped at a fault of sockpit".to_owned());
        }
        self.shared.snapshot()
    }
}

impl Shared {
    fn snapshot(&self) -> Written {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Written { left_out: self.left_out.load(Ordering::Relaxed), ..written }
    }
}

fn lock(collecting: &Mutex<Collecting>) -> MutexGuard<'_, Collecting> {
    // Between two packets a chunk is whole.
    collecting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gathers packets in the capture's thread.
#[derive(Debug)]
struct Collecting {
    send: SyncSender<Chunk>,
    shared: Arc<Shared>,
    waits: bool,
    chunk: Chunk,
    names: Vec<Option<Arc<str>>>,
}

impl Collecting {
    fn new(send: SyncSender<Chunk>, shared: Arc<Shared>, waits: bool) -> Self {
        Self { send, shared, waits, chunk: Chunk::default(), names: Vec::new() }
    }

    fn each(collecting: Arc<Mutex<Self>>) -> Each {
        Box::new(move |packet| {
            // Nobody else asks for it but once in a while.
            lock(&collecting).add(packet);
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
        if self.chunk.bytes.len() >= CHUNK || (!self.waits && self.chunk.span() >= PATIENCE) {
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
        if self.chunk.packets.is_empty() {
            return;
        }
        // As much room as this one needed, at once.
        let room = Chunk {
            packets: Vec::with_capacity(self.chunk.packets.len()),
            bytes: Vec::with_capacity(self.chunk.bytes.len()),
            ..Chunk::default()
        };
        let chunk = std::mem::replace(&mut self.chunk, room);
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
