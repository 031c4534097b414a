//! Many probes side by side, told in their order.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use super::super::{Failure, output};
use super::{Format, print_attempt};
use crate::model::probe::Attempt;
use crate::probe::{Probe, Progress};

/// Runs all probes side by side until they end or Ctrl-C; what ended is in the probes.
pub(super) async fn run_all(
    probes: &mut [Probe],
    format: Format,
    concurrency: usize,
) -> Result<(), Failure> {
    // What comes but once is told in the order of the targets; a series as it comes.
    let waits = format == Format::Text && probes.iter().all(Probe::is_single);
    let out = RefCell::new(output::stdout());
    let mut queue = InOrder::default();
    let each = probes.iter_mut().enumerate().map(|(place, probe)| {
        let target = probe.target().text().to_owned();
        let out = &out;
        async move {
            let told = RefCell::new(Vec::new());
            let print = |attempt: &Attempt| match waits {
                true => print_attempt(&target, attempt, format, &mut *told.borrow_mut()),
                false => print_attempt(&target, attempt, format, &mut *out.borrow_mut()),
            };
            run_one(probe, print).await?;
            Ok::<_, Failure>((place, told.into_inner()))
        }
    });
    // One that takes its time holds up no other: only their words wait.
    let mut each = stream::iter(each).buffer_unordered(concurrency);
    let running = async {
        while let Some((place, told)) = each.try_next().await? {
            queue.take(place, told, &mut *out.borrow_mut())?;
        }
        Ok(())
    };
    let ended = tokio::select! {
        ended = running => ended,
        () = interrupted() => Ok(()),
    };
    queue.tell_the_rest(&mut *out.borrow_mut())?;
    ended
}

/// Words that are told in the order of their places.
#[derive(Debug, Default)]
struct InOrder {
    next: usize,
    waiting: BTreeMap<usize, Vec<u8>>,
}

impl InOrder {
    /// Takes the words of one place, and tells what is next in order.
    fn take(&mut self, place: usize, told: Vec<u8>, out: &mut impl Write) -> Result<(), Failure> {
        self.waiting.insert(place, told);
        while let Some(told) = self.waiting.remove(&self.next) {
            out.write_all(&told)?;
            self.next += 1;
        }
        out.flush().map_err(Failure::from)
    }

    /// What still waits for one before it, which will not come any more.
    fn tell_the_rest(&mut self, out: &mut impl Write) -> Result<(), Failure> {
        for told in std::mem::take(&mut self.waiting).into_values() {
            out.write_all(&told)?;
        }
        out.flush().map_err(Failure::from)
    }
}

async fn run_one(
    probe: &mut Probe,
    print: impl Fn(&Attempt) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (events, mut progress) = mpsc::channel(64);
    let run = async {
        // Dropped when the run ends, so that the reader ends too.
        let events = events;
        probe.run(&events).await;
        Ok(())
    };
    let read = async {
        while let Some(progress) = progress.recv().await {
            if let Progress::AttemptDone { attempt, .. } = progress {
                print(&attempt)?;
            }
        }
        Ok(())
    };
    tokio::try_join!(run, read).map(drop)
}

/// Ends on Ctrl-C; never, where the system does not tell of it.
pub(super) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wait_for_those_before_them() {
        let (mut queue, mut out) = (InOrder::default(), Vec::new());
        queue.take(1, b"b".to_vec(), &mut out).unwrap();
        assert_eq!(out, b"");
        queue.take(0, b"a".to_vec(), &mut out).unwrap();
        assert_eq!(out, b"ab");
        queue.take(3, b"c".to_vec(), &mut out).unwrap();
        queue.tell_the_rest(&mut out).unwrap();
        assert_eq!(out, b"abc");
    }
}
