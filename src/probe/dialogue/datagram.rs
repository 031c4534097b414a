//! What conversations in datagrams have in common: one question, sent again when it stays
//! unanswered, and answers that may be somebody else's.

use std::time::Duration;

use crate::model::dialogue::Conclusion;

use super::{Dialogue, Input, Learnt, Next, Step};

/// How long each sending of the question is given.
const PATIENCE: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(3), Duration::from_secs(5)];

/// A question in one datagram.
pub(super) trait Question: Send {
    /// The datagram.
    fn bytes(&self) -> Vec<u8>;

    /// Reads a datagram that came when the question had been sent so often, the last time at
    /// `sent_at`; `None` where it is no answer to it.
    fn answered(&mut self, datagram: &[u8], sent: Sent, at: Duration) -> Option<Answered>;
}

/// How often the question was sent, and when last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub times: u32,
    pub at: Duration,
}

/// An answer, and what it comes to.
pub(super) struct Answered {
    pub learnt: Vec<Learnt>,
    pub conclusion: Conclusion,
}

/// A conversation in datagrams.
pub(super) struct Datagrams<Q> {
    question: Q,
    sent: Sent,
    until: Duration,
    /// What came and was no answer.
    heard_bytes: u64,
}

impl<Q: Question> Datagrams<Q> {
    pub(super) fn new(question: Q) -> Self {
        let sent = Sent::default();
        Self { question, sent, until: Duration::ZERO, heard_bytes: 0 }
    }

    fn ask(&mut self, at: Duration) -> Step {
        let turn = usize::try_from(self.sent.times).unwrap_or(usize::MAX);
        let Some(patience) = PATIENCE.get(turn) else {
            return done(Vec::new(), Conclusion::Silent { heard_bytes: self.heard_bytes });
        };
        self.sent = Sent { times: self.sent.times + 1, at };
        self.until = at + *patience;
        Step { send: self.question.bytes(), learnt: Vec::new(), next: Next::Wait(self.until) }
    }
}

impl<Q: Question> Dialogue for Datagrams<Q> {
    fn step(&mut self, input: Input<'_>, at: Duration) -> Step {
        let heard_bytes = self.heard_bytes;
        match input {
            Input::Opened | Input::Secured => self.ask(at),
            // Whoever runs it may wait for less; only a deadline of our own is a reason to ask
            // again.
            Input::TimedOut if at >= self.until => self.ask(at),
            Input::TimedOut => done(Vec::new(), Conclusion::Silent { heard_bytes }),
            Input::Received(datagram) => {
                if let Some(answered) = self.question.answered(datagram, self.sent, at) {
                    return done(answered.learnt, answered.conclusion);
                }
                self.heard_bytes += datagram.len() as u64;
                Step { send: Vec::new(), learnt: Vec::new(), next: Next::Wait(self.until) }
            }
            Input::Ended => done(Vec::new(), Conclusion::Closed { reset: false, heard_bytes }),
            Input::Reset => done(Vec::new(), Conclusion::Closed { reset: true, heard_bytes }),
        }
    }
}

fn done(learnt: Vec<Learnt>, conclusion: Conclusion) -> Step {
    Step { send: Vec::new(), learnt, next: Next::Done { conclusion, rest: Vec::new() } }
}
