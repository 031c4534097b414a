//! A capture file, counted on threads of its own: a pipe may keep the reader waiting.

mod fault;
mod workers;

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::counter::{Counter, Frame};
use super::each::Each;
use super::snapshot::Limits;
use super::wanted::Listing;
use crate::model::packets::PacketCounts;
use crate::sys;
use crate::wire::capture_file::{self, Record};
use crate::wire::filter::{Filter, FilterError};
use crate::wire::frame::{Link, decode, detail};

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
    /// Its frames are not of a kind that the filter speaks of.
    #[error("the filter does not fit it: {0}")]
    Filter(#[from] FilterError),
    /// Sockpit itself failed at it.
    #[error("counting stopped at a fault of sockpit, please report it with the file: {0}")]
    Fault(String),
}

impl FileError {
    /// Whether nothing of the file is usable.
    pub fn is_unusable(&self) -> bool {
        match self {
            Self::Open(_) | Self::Filter(_) => true,
            Self::Capture(error) => error.is_unusable(),
            Self::Fault(_) => false,
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

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
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
    filter: Option<Arc<str>>,
}

/// What to do with the packets of a capture file.
#[derive(Default)]
pub struct FileJob {
    /// Ends the counting after so many packets.
    pub limit: Option<u64>,
    /// Only packets that it lets through count.
    pub filter: Option<Filter>,
    /// Looks at each packet that counts.
    pub each: Option<Each>,
}

impl fmt::Debug for FileJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileJob").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// What a filter did not let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// All of it.
    pub packets: u64,
    /// Ethernet frames with a VLAN tag.
    pub tagged: u64,
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
    passed_over: PassedOver,
    end: Option<Result<(), FileError>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts are valid between any two packets: a poisoned lock loses nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileCount {
    /// Starts to count a capture file.
    pub fn start(file: FileSource, job: FileJob) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let working = Arc::clone(&shared);
        let source = file.to_string();
        let filter = job.filter.as_ref().map(|filter| Arc::from(filter.text()));
        thread::Builder::new().name("capture file".to_owned()).spawn(move || {
            // Opening may block too: a FIFO without a writer.
            let end = fault::caught(|| {
                let reader = file.open().map_err(FileError::Open)?;
                workers::count(reader, job, &working)
            });
            let end = end.and_then(|end| end);
            working.lock().end = Some(end);
            working.ended.notify_all();
        })?;
        Ok(Self { shared, source, filter })
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

    /// What the filter did not let through so far.
    pub fn passed_over(&self) -> PassedOver {
        self.shared.lock().passed_over
    }

    /// The counts so far.
    pub fn snapshot(&self, limits: &Limits) -> PacketCounts {
        let mut state = self.shared.lock();
        let State { counter, names, .. } = &mut *state;
        let mut counts = counter.snapshot(names, limits, Listing::default());
        counts.source.clone_from(&self.source);
        counts.filter.clone_from(&self.filter);
        counts.losses.kernel = state.dropped;
        // A file does not tell whose packets they are.
        counts.unattributed = None;
        counts
    }
}

/// Counts one record of a capture file.
#[inline]
pub fn count_record(record: &Record<'_>, counter: &mut Counter) {
    count_frame(record, &frame_of(record), counter);
}

#[inline]
fn count_frame(record: &Record<'_>, frame: &Frame<'_>, counter: &mut Counter) {
    if let Link::Unknown(link_type) = record.link {
        counter.note_unread_link(link_type);
    }
    counter.count(frame);
}

/// What a record is.
#[inline]
fn frame_of<'a>(record: &Record<'a>) -> Frame<'a> {
    let summary = decode(record.link, record.bytes);
    let detail = summary.ip().map(|ip| detail(record.link, record.bytes, ip)).unwrap_or_default();
    Frame {
        interface: record.interface,
        length: record.length,
        cut: record.is_cut(),
        summary,
        detail,
        time_ns: record.time_ns,
        // What a file holds is counted as it stands.
        again: false,
    }
}
