//! Runs effects. What may block goes to threads for blocking work; what comes of it goes
//! back over one bounded channel, with the id of its request.

use std::io::Write;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::effect::Effect;
use super::event::{Answer, RequestId};
use super::export::Export;
use super::feeds::Feeds;
use crate::sys::host;

/// Answers that may wait for the loop. Whoever has one more waits until there is room.
pub(super) const ANSWERS: usize = 64;

/// The executor.
#[derive(Debug)]
pub(super) struct Executor {
    feeds: Feeds,
    answers: mpsc::Sender<(RequestId, Answer)>,
}

impl Executor {
    pub(super) fn new(feeds: Feeds, answers: mpsc::Sender<(RequestId, Answer)>) -> Self {
        Self { feeds, answers }
    }

    /// Starts an effect. Those that need the terminal belong to the loop and do nothing here.
    pub(super) fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Arrange(id, work) => self.block(id, || Answer::Arranged(work.run())),
            Effect::Export(id, export) => self.block(id, move || Answer::Exported(write(&export))),
            Effect::Refresh => self.feeds.refresh(),
            Effect::Quit | Effect::Suspend | Effect::Copy(_) => {}
            _ => {}
        }
    }

    /// Runs `work` on a thread for blocking work. Should it panic, the panic hook ends the
    /// dashboard.
    fn block(&self, id: RequestId, work: impl FnOnce() -> Answer + Send + 'static) {
        let answers = self.answers.clone();
        tokio::task::spawn_blocking(move || {
            // Fails only when the loop has ended and nobody wants the answer any more.
            let _ = answers.blocking_send((id, work()));
        });
    }
}

/// Writes an export into the working directory, under a name that was free.
fn write(export: &Export) -> Result<PathBuf, String> {
    let path = Path::new(".").join(export.file_name());
    let fail = |error: &dyn std::fmt::Display| format!("Cannot write {}: {error}", path.display());
    let text = export.render().map_err(|error| fail(&error))?;
    let mut file = host::create_private(&path).map_err(|error| fail(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| fail(&error))?;
    Ok(path)
}
