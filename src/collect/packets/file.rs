//! A capture file, counted on a thread of its own: a pipe may keep the reader waiting.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::counter::{Counter, Frame};
use super::snapshot::Limits;
use super::unpack::Unpacked;
use crate::model::packets::PacketCounts;
use crate::sys;
use crate::wire::capture_file::{self, CaptureReader, Record};
use crate::wire::frame::{Link, decode};

/// Why a capture file was not counted, or not to its end. To be said after the file's name and
/// a colon.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be opened.
    #[error("cannot open it: {0}")]
    Open(io::Error),
    /// It could not be read, or not to its end.
    #[error(transparent)]
    Capture(#[from] capture_file::Error),
}

impl FileError {
    /// Whether nothing of the file is usable.
    pub fn is_unusable(&self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::Capture(error) => error.is_unusable(),
        }
    }
}

/// Where a capture file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// What is piped into sockpit.
    Stdin,
    /// A file, which may be a FIFO or a device.
    Path(PathBuf),
}

impl FileSource {
    /// As written on a command line, where `-` stands for stdin.
    pub fn named(path: &Path) -> Self {
        if path == Path::new("-") { Self::Stdin } else { Self::Path(path.to_owned()) }
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        match self {
            Self::Stdin => Ok(Box::new(io::stdin())),
            Self::Path(path) => Ok(Box::new(sys::files::open_named(path)?)),
        }
    }
}

impl fmt::Display for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("stdin"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// Counts of a capture file that is being read, or has been.
#[derive(Debug)]
pub struct FileCount {
    shared: Arc<Shared>,
    source: String,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    counter: Counter,
    names: Vec<Option<Arc<str>>>,
    dropped: Option<u64>,
    end: Option<Result<(), FileError>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts are valid between any two packets: a poisoned lock loses nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileCount {
    /// Starts to count a capture file, at most `limit` packets.
    pub fn start(file: FileSource, limit: Option<u64>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let working = Arc::clone(&shared);
        let source = file.to_string();
        thread::Builder::new().name("capture file".to_owned()).spawn(move || {
            // Opening may block too: a FIFO without a writer.
            let end = file.open().map_err(FileError::Open);
            let end = end.and_then(|reader| Ok(count(reader, limit, &working)?));
            working.lock().end = Some(end);
            working.ended.notify_all();
        })?;
        Ok(Self { shared, source })
    }

    /// Waits at most `timeout` for the end. Whether it has come.
    pub fn wait(&self, timeout: Duration) -> bool {
        let state = self.shared.lock();
        let waited =
            self.shared.ended.wait_timeout_while(state, timeout, |state| state.end.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.end.is_some()
    }

    /// How reading ended; `None` while it goes on, and after this has told it once.
    pub fn take_end(&self) -> Option<Result<(), FileError>> {
        self.shared.lock().end.take()
    }

    /// The counts so far.
    pub fn snapshot(&self, limits: &Limits) -> PacketCounts {
        let mut state = self.shared.lock();
        let State { counter, names, .. } = &mut *state;
        let mut counts = counter.snapshot(names, limits, None);
        counts.source.clone_from(&self.source);
        counts.losses.kernel = state.dropped;
        // A file does not tell whose packets they are.
        counts.unattributed = None;
        counts
    }
}

/// Reads to the end. The lock is held while records at hand are counted, and never while the
/// reader may block.
fn count(
    reader: impl Read,
    limit: Option<u64>,
    shared: &Shared,
) -> Result<(), capture_file::Error> {
    let reader = Unpacked::open(reader).map_err(capture_file::Error::ReadHeader)?;
    let mut reader = CaptureReader::open(reader)?;
    loop {
        let mut state = shared.lock();
        let result = count_at_hand(&mut reader, limit, &mut state.counter);
        let known = state.names.len();
        let new = reader.interfaces().get(known..).unwrap_or_default();
        state.names.extend(new.iter().map(|interface| interface.name.clone()));
        state.dropped = reader.dropped();
        drop(state);
        if result? || !reader.fill()? {
            return Ok(());
        }
    }
}

/// `true` when `limit` packets have been counted.
#[inline]
fn count_at_hand<R: Read>(
    reader: &mut CaptureReader<R>,
    limit: Option<u64>,
    counter: &mut Counter,
) -> Result<bool, capture_file::Error> {
    let is_full = |counter: &Counter| limit.is_some_and(|limit| counter.total().packets >= limit);
    while !is_full(counter) {
        match reader.next_at_hand()? {
            Some(record) => count_record(&record, counter),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Counts one record of a capture file.
#[inline]
pub fn count_record(record: &Record<'_>, counter: &mut Counter) {
    if let Link::Unknown(link_type) = record.link {
        counter.note_unread_link(link_type);
    }
    counter.count(&Frame {
        interface: record.interface,
        length: record.length,
        cut: record.is_cut(),
        summary: decode(record.link, record.bytes),
        time_ns: record.time_ns,
        // What a file holds is counted as it stands.
        again: false,
    });
}
