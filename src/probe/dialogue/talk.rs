//! What every conversation over a stream has in common: unread bytes, the deadline, the peer that
//! speaks something else, and the ways to end early. A protocol is a [`Talk`] in a [`Stream`].

use std::time::Duration;

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, Greeting};

use super::inbox::{FIRST, Inbox, MOST};
use super::{Dialogue, Input, Learnt, Next, Step, recognise};

/// For how long the rest of a wrong protocol's first words is collected.
const SETTLE: Duration = Duration::from_millis(200);

/// The most replies that are read from what came at once: more were never asked for.
const MOST_TURNS: usize = 64;

/// The most that is heard in answer to one thing that was sent, read or not.
const MOST_HEARD: u64 = 4 * MOST as u64;

/// One protocol's part of a conversation.
pub(super) trait Talk: Send {
    /// What it speaks.
    const PROTOCOL: AppProtocol;

    /// Whether its servers speak first. Then a refusal in place of the greeting is the greeting.
    const GREETS: bool = false;

    /// The way is open.
    fn opened(&mut self, now: &mut Now<'_>) -> Turn;

    /// There is something unread: as much of it as is complete is to be read.
    fn heard(&mut self, now: &mut Now<'_>) -> Turn;

    /// TLS is on.
    fn secured(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::End(Conclusion::Answered, Vec::new())
    }

    /// The greeting that waits for what the server offers besides, to be told together.
    fn kept_greeting(&mut self) -> Option<Greeting> {
        None
    }

    /// Nothing more comes, for this reason; `None` leaves the conclusion to the stream.
    fn gave_up(&mut self, _: &mut Now<'_>, _: Lull) -> Option<Conclusion> {
        None
    }
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lull {
    /// The time is up.
    TimeUp,
    /// FIN.
    Ended,
    /// RST.
    Reset,
}

/// The moment of a turn.
pub(super) struct Now<'a> {
    /// Since the way was opened.
    pub at: Duration,
    /// What came.
    pub inbox: &'a mut Inbox,
    learnt: &'a mut Vec<Learnt>,
}

impl Now<'_> {
    /// The greeting is known.
    pub(super) fn greeting(&mut self, greeting: Greeting) {
        self.learnt.push(Learnt::Greeting(greeting));
    }

    /// The answer is known.
    pub(super) fn answer(&mut self, answer: Answer) {
        self.learnt.push(Learnt::Answer(Box::new(answer)));
    }
}

/// What a protocol wants next.
pub(super) enum Turn {
    /// More bytes, under the deadline that stands.
    More,
    /// Say this, perhaps nothing, and wait so long from now.
    Say(Vec<u8>, Duration),
    /// Upgrade to TLS.
    Upgrade,
    /// Say this, and upgrade without waiting for an answer.
    SayAndUpgrade(Vec<u8>),
    /// What came is not this protocol.
    Mismatch,
    /// It is over; these are the words of leave.
    End(Conclusion, Vec<u8>),
}

impl Turn {
    /// The end without a word.
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::End(Conclusion::Malformed { what: what.into() }, Vec::new())
    }
}

/// A conversation over a stream of bytes.
pub(super) struct Stream<T> {
    talk: T,
    inbox: Inbox,
    until: Duration,
    mismatched: bool,
    greeted: bool,
}

impl<T: Talk> Stream<T> {
    pub(super) fn new(talk: T) -> Self {
        Self {
            talk,
            inbox: Inbox::default(),
            until: Duration::ZERO,
            mismatched: false,
            greeted: false,
        }
    }

    /// Takes turns until the protocol wants more bytes than there are.
    fn turns(&mut self, first: Option<Turn>, at: Duration, mut learnt: Vec<Learnt>) -> Step {
        let mut send = Vec::new();
        let mut next = first;
        for _ in 0..MOST_TURNS {
            let turn = match next.take() {
                Some(turn) => turn,
                None => {
                    let inbox = &mut self.inbox;
                    self.talk.heard(&mut Now { at, inbox, learnt: &mut learnt })
                }
            };
            match turn {
                Turn::More => return self.wait(send, learnt),
                Turn::Say(words, patience) => {
                    self.until = at + patience;
                    if !words.is_empty() {
                        self.inbox.asked();
                    }
                    send.extend(words);
                    if self.inbox.unread().is_empty() {
                        return self.wait(send, learnt);
                    }
                }
                Turn::Upgrade => return self.upgrade(send, learnt),
                Turn::SayAndUpgrade(words) => {
                    send.extend(words);
                    return self.upgrade(send, learnt);
                }
                Turn::Mismatch => {
                    self.mismatched = true;
                    self.until = at + SETTLE;
                    if self.inbox.first().len() >= FIRST {
                        return self.done(self.wrong(), send, learnt);
                    }
                    return self.wait(send, learnt);
                }
                Turn::End(conclusion, farewell) => {
                    send.extend(farewell);
                    return self.done(conclusion, send, learnt);
                }
            }
        }
        let what = "it sent many replies that nobody asked for".to_owned();
        self.done(Conclusion::Malformed { what }, send, learnt)
    }

    fn wait(&mut self, send: Vec<u8>, learnt: Vec<Learnt>) -> Step {
        self.greeted |= learnt.iter().any(|fact| matches!(fact, Learnt::Greeting(_)));
        Step { send, learnt, next: Next::Wait(self.until) }
    }

    /// What came in clear after the peer's consent is no part of what TLS protects: somebody may
    /// have put it there (CVE-2011-0411).
    fn upgrade(&mut self, send: Vec<u8>, learnt: Vec<Learnt>) -> Step {
        if self.inbox.unread().is_empty() {
            self.inbox = Inbox::default();
            self.greeted = true;
            return Step { send, learnt, next: Next::Upgrade };
        }
        let what = "it sent more before the TLS handshake that it had agreed to".to_owned();
        self.done(Conclusion::Malformed { what }, Vec::new(), learnt)
    }

    fn done(&mut self, conclusion: Conclusion, send: Vec<u8>, mut learnt: Vec<Learnt>) -> Step {
        let is_greeting = |fact: &Learnt| matches!(fact, Learnt::Greeting(_));
        let greeted = self.greeted || learnt.iter().any(is_greeting);
        if greeted {
            // What comes behind it changes nothing.
        } else if let Some(kept) = self.talk.kept_greeting() {
            learnt.push(Learnt::Greeting(kept));
        } else if let Conclusion::Refused(refusal) = &conclusion
            && T::GREETS
        {
            let (protocol, text) = (Some(T::PROTOCOL), Some(refusal.words.clone()));
            learnt.push(Learnt::Greeting(Greeting { protocol, text, ..Greeting::default() }));
        }
        Step { send, learnt, next: Next::Done { conclusion, rest: self.inbox.rest() } }
    }

    fn wrong(&self) -> Conclusion {
        let heard = recognise::heard(self.inbox.first());
        if heard.protocol == Some(T::PROTOCOL) {
            let what = format!("it does not keep to {}: {}", T::PROTOCOL.title(), heard.text);
            return Conclusion::Malformed { what };
        }
        Conclusion::WrongProtocol(heard)
    }

    fn received(&mut self, bytes: &[u8], at: Duration) -> Step {
        let fits = self.inbox.take(bytes);
        if self.mismatched {
            if self.inbox.first().len() >= FIRST {
                return self.done(self.wrong(), Vec::new(), Vec::new());
            }
            return Step { send: Vec::new(), learnt: Vec::new(), next: Next::Wait(self.until) };
        }
        let step = self.turns(None, at, Vec::new());
        let fits = fits && self.inbox.heard() <= MOST_HEARD;
        if !fits && !matches!(step.next, Next::Done { .. }) {
            let what = format!("it said more than {MOST} bytes and came to no end");
            return self.done(Conclusion::Malformed { what }, Vec::new(), step.learnt);
        }
        step
    }

    fn lull(&mut self, lull: Lull, at: Duration) -> Step {
        if self.mismatched {
            return self.done(self.wrong(), Vec::new(), Vec::new());
        }
        let mut learnt = Vec::new();
        let inbox = &mut self.inbox;
        let own = self.talk.gave_up(&mut Now { at, inbox, learnt: &mut learnt }, lull);
        let conclusion = own.unwrap_or_else(|| self.unfinished(lull));
        self.done(conclusion, Vec::new(), learnt)
    }

    /// What is to be said of words that came to no end.
    fn unfinished(&self, lull: Lull) -> Conclusion {
        let heard_bytes = self.inbox.heard();
        // What may stand before a greeting (RFC 4253, 4.2) may be another protocol altogether.
        let first = recognise::protocol(self.inbox.first());
        if lull == Lull::Ended && first.is_some_and(|protocol| protocol != T::PROTOCOL) {
            return self.wrong();
        }
        match lull {
            Lull::TimeUp => Conclusion::Silent { heard_bytes },
            Lull::Ended => Conclusion::Closed { reset: false, heard_bytes },
            Lull::Reset => Conclusion::Closed { reset: true, heard_bytes },
        }
    }
}

impl<T: Talk> Dialogue for Stream<T> {
    fn step(&mut self, input: Input<'_>, at: Duration) -> Step {
        let mut learnt = Vec::new();
        let inbox = &mut self.inbox;
        let mut now = Now { at, inbox, learnt: &mut learnt };
        match input {
            Input::Opened => {
                let turn = self.talk.opened(&mut now);
                self.turns(Some(turn), at, learnt)
            }
            Input::Secured => {
                let turn = self.talk.secured(&mut now);
                self.turns(Some(turn), at, learnt)
            }
            Input::Received(bytes) => self.received(bytes, at),
            Input::Ended => self.lull(Lull::Ended, at),
            Input::Reset => self.lull(Lull::Reset, at),
            Input::TimedOut => self.lull(Lull::TimeUp, at),
        }
    }
}
