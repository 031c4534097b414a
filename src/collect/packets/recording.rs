//! A file that a running feed writes its packets to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::each::Each;
use super::live::CaptureOptions;
use super::sockets::Sockets;
use super::steering::Steering;
use super::writer::{FileWriter, Progress, WriteOptions};
use crate::model::packets::Writing;
use crate::sys::host;

/// The file, from its beginning on. It stays to be asked about when it is closed.
#[derive(Debug)]
pub(super) struct Recording {
    path: PathBuf,
    began: Instant,
    lasted: Option<Duration>,
    /// While packets go into it.
    writer: Option<FileWriter>,
    /// `None` where it could not be made.
    progress: Option<Progress>,
    /// Why it ended before that was asked for.
    why: Option<String>,
    is_closed: Arc<AtomicBool>,
}

impl Recording {
    /// Makes the file, and gives what has to look at each packet.
    pub(super) fn begin(
        path: &Path,
        filter: Option<&str>,
        sockets: Option<Sockets>,
        steering: &Steering,
    ) -> (Self, Option<Each>) {
        let options = WriteOptions {
            snap_length: CaptureOptions::WHOLE,
            filter: filter.map(str::to_owned),
            limit: None,
            sockets,
            waits: false,
        };
        let started = host::create_private(path).and_then(|file| FileWriter::start(file, options));
        let mut recording = Self {
            path: path.to_owned(),
            began: Instant::now(),
            lasted: None,
            writer: None,
            progress: None,
            why: None,
            is_closed: Arc::default(),
        };
        match started {
            Ok((writer, each)) => {
                steering.set_writing(true);
                recording.progress = Some(writer.progress());
                recording.writer = Some(writer);
                (recording, Some(each))
            }
            Err(error) => {
                recording.lasted = Some(Duration::ZERO);
                recording.why = Some(error.to_string());
                recording.is_closed.store(true, Ordering::Relaxed);
                (recording, None)
            }
        }
    }

    /// Whether packets go into it.
    pub(super) fn is_open(&self) -> bool {
        self.writer.is_some()
    }

    /// Has the packets written that wait for others to come.
    pub(super) fn flush(&self) {
        if let Some(writer) = &self.writer {
            writer.flush();
        }
    }

    /// Whether the file takes no more, whatever is handed over.
    pub(super) fn has_failed(&self) -> bool {
        let progress = self.progress.as_ref().filter(|_| self.is_open());
        progress.is_some_and(|progress| progress.so_far().ended.is_some())
    }

    /// Ends it, in a thread of its own: the last packets may wait for a look at the sockets.
    /// `dropped` is what the kernel dropped.
    pub(super) fn end(&mut self, dropped: Option<u64>, why: Option<&str>, steering: &Steering) {
        let Some(writer) = self.writer.take() else { return };
        self.lasted = Some(self.began.elapsed());
        self.why = why.map(str::to_owned);
        let (is_closed, told) = (Arc::clone(&self.is_closed), steering.clone());
        let finish = move || {
            writer.finish(dropped);
            is_closed.store(true, Ordering::Relaxed);
            told.set_writing(false);
        };
        if thread::Builder::new().name("capture file".to_owned()).spawn(finish).is_err() {
            self.why = Some("its last packets could not be written".to_owned());
            self.is_closed.store(true, Ordering::Relaxed);
            steering.set_writing(false);
        }
    }

    /// How far it is.
    pub(super) fn status(&self) -> Writing {
        let so_far = self.progress.as_ref().map(Progress::so_far).unwrap_or_default();
        let lasted = self.lasted.unwrap_or_else(|| self.began.elapsed());
        Writing {
            path: self.path.display().to_string(),
            packets: so_far.packets,
            bytes: so_far.bytes,
            left_out: so_far.left_out,
            duration_ms: u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
            is_closed: self.is_closed.load(Ordering::Relaxed),
            trouble: so_far.ended.or_else(|| self.why.clone()),
        }
    }
}
