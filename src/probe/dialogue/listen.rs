//! Listening: nothing is said, and whatever the peer says unasked is recognised.

use std::time::Duration;

use crate::model::dialogue::Conclusion;

use super::inbox::{FIRST, Inbox};
use super::{Dialogue, Input, Learnt, Next, Step, recognise};

/// For how long more is waited for once the first words have come.
const SETTLE: Duration = Duration::from_millis(20);

/// Listens to what the peer says first.
pub(super) struct Listen {
    patience: Duration,
    until: Duration,
    inbox: Inbox,
}

impl Listen {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, until: Duration::ZERO, inbox: Inbox::default() }
    }

    fn wait(&self) -> Step {
        Step { send: Vec::new(), learnt: Vec::new(), next: Next::Wait(self.until) }
    }

    /// The end: with words it is an answer, however it came about.
    fn end(&self, without: Conclusion) -> Step {
        let first = self.inbox.first();
        let (learnt, conclusion) = if first.is_empty() {
            (Vec::new(), without)
        } else {
            (vec![Learnt::Greeting(recognise::greeting(first))], self.concluded())
        };
        Step { send: Vec::new(), learnt, next: Next::Done { conclusion, rest: Vec::new() } }
    }

    fn concluded(&self) -> Conclusion {
        match recognise::refusal(self.inbox.first()) {
            Some(refusal) => Conclusion::Refused(refusal),
            None => Conclusion::Answered,
        }
    }
}

impl Dialogue for Listen {
    fn step(&mut self, input: Input<'_>, at: Duration) -> Step {
        let heard_bytes = self.inbox.heard();
        match input {
            Input::Opened | Input::Secured => {
                self.until = at + self.patience;
                self.wait()
            }
            Input::Received(bytes) => {
                if heard_bytes == 0 && !bytes.is_empty() {
                    self.until = at + SETTLE;
                }
                self.inbox.take(bytes);
                if self.inbox.first().len() >= FIRST {
                    return self.end(Conclusion::Answered);
                }
                self.wait()
            }
            Input::TimedOut => self.end(Conclusion::Silent { heard_bytes }),
            Input::Ended => self.end(Conclusion::Closed { reset: false, heard_bytes }),
            Input::Reset => self.end(Conclusion::Closed { reset: true, heard_bytes }),
        }
    }
}
