//! Telnet (RFC 854): the server's options are all declined, as a client without any may, and what
//! it then shows is its greeting. Nothing is typed.

pub(super) mod options;

use std::time::Duration;

use crate::model::dialogue::{AppProtocol, Conclusion, Greeting};

use super::recognise;
use super::talk::{Lull, Now, Talk, Turn};
use options::{DO, DONT, Piece, WILL, WONT};

/// How long a server may take before it shows a prompt: it may look up the client's name first.
pub(super) const PROMPT: Duration = Duration::from_secs(10);

/// For how long more text is waited for once some has come.
const SETTLE: Duration = Duration::from_millis(300);

/// How much of the text is kept.
const MOST_TEXT: usize = 1024;

/// The conversation.
#[derive(Default)]
pub(super) struct Telnet {
    /// What was negotiated, each once and in order.
    negotiated: Vec<(u8, u8)>,
    text: Vec<u8>,
}

impl Telnet {
    /// The answer to a demand, once for each: a server that asks on and on gets no more.
    fn declined(&mut self, verb: u8, option: u8) -> Option<[u8; 3]> {
        if self.negotiated.contains(&(verb, option)) {
            return None;
        }
        self.negotiated.push((verb, option));
        match verb {
            WILL => Some([options::IAC, DONT, option]),
            DO => Some([options::IAC, WONT, option]),
            // An option that is off needs no answer (RFC 854, rule of "no loops").
            _ => None,
        }
    }

    fn greet(&self, now: &mut Now<'_>) {
        let first = recognise::greeting(now.inbox.first());
        let text = String::from_utf8_lossy(&self.text).trim().to_owned();
        let names =
            self.negotiated.iter().map(|(verb, option)| options::negotiation(*verb, *option));
        let negotiates = !self.negotiated.is_empty();
        now.greeting(Greeting {
            protocol: if negotiates { Some(AppProtocol::Telnet) } else { first.protocol },
            text: (!text.is_empty()).then_some(text),
            software: None,
            capabilities: negotiates.then(|| names.collect()),
        });
    }
}

impl Talk for Telnet {
    const PROTOCOL: AppProtocol = AppProtocol::Telnet;
    const GREETS: bool = true;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(Vec::new(), PROMPT)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        let foreign = recognise::protocol(now.inbox.first());
        if self.negotiated.is_empty() && foreign.is_some_and(|other| other != AppProtocol::Telnet) {
            return Turn::Mismatch;
        }
        let before = self.text.len();
        let mut answers = Vec::new();
        while let Some((piece, length)) = options::next(now.inbox.unread()) {
            match piece {
                Piece::Negotiation(verb, option) => {
                    answers.extend(self.declined(verb, option).into_iter().flatten());
                }
                Piece::Data(data) => {
                    let room = MOST_TEXT - self.text.len();
                    self.text.extend(data.iter().take(room));
                }
                Piece::Command(_) => {}
            }
            now.inbox.read(length);
        }
        if before == 0 && self.text.iter().any(|byte| !byte.is_ascii_whitespace()) {
            return Turn::Say(answers, SETTLE);
        }
        match answers.is_empty() {
            true => Turn::More,
            false => Turn::Say(answers, if before == 0 { PROMPT } else { SETTLE }),
        }
    }

    fn gave_up(&mut self, now: &mut Now<'_>, _: Lull) -> Option<Conclusion> {
        if self.negotiated.is_empty() && self.text.is_empty() {
            return None;
        }
        self.greet(now);
        Some(Conclusion::Answered)
    }
}

#[cfg(test)]
mod tests;
