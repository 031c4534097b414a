//! Replies of three digits, as SMTP (RFC 5321, 4.2.1) and FTP (RFC 959, 4.2) give them.

use crate::model::dialogue::{AppProtocol, Conclusion, Greeting, Refusal};

use super::inbox::Inbox;
use super::recognise;
use super::talk::Turn;

/// The longest line that may become one of a reply; RFC 5321 permits 512 bytes.
const MOST_LINE: usize = 4096;

/// The most lines of a reply that are kept.
const MOST_LINES: usize = 500;

/// A whole reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// Three digits.
    pub code: u16,
    /// Its lines without the code.
    pub lines: Vec<String>,
}

impl Reply {
    /// Whether it grants what was asked.
    pub(super) fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it refuses what was asked, now or for good.
    pub(super) fn is_negative(&self) -> bool {
        (400..600).contains(&self.code)
    }

    /// As the server wrote it, in one line.
    pub(super) fn words(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" "))
    }

    /// Whether it is the greeting of another protocol that has such replies, too.
    pub(super) fn is_foreign(protocol: AppProtocol, inbox: &Inbox) -> bool {
        recognise::protocol(inbox.first()).is_some_and(|other| other != protocol)
    }

    /// As a greeting.
    pub(super) fn greeting(&self, protocol: AppProtocol) -> Greeting {
        let words = self.words();
        let software = recognise::software(protocol, &words);
        Greeting { protocol: Some(protocol), text: Some(words), software, capabilities: None }
    }

    /// As a no to all of the service.
    pub(super) fn refusal(&self) -> Conclusion {
        let words = self.words();
        let cause = recognise::cause(&words);
        Conclusion::Refused(Refusal { cause, code: Some(self.code.to_string()), words })
    }
}

/// What has come of a reply.
enum Read {
    /// Not all of it.
    More,
    /// All of it.
    Whole(Reply),
    /// Something else.
    NoReply,
}

/// Puts the lines of a reply together.
#[derive(Debug, Default)]
pub(super) struct Replies {
    begun: Option<Reply>,
    /// Whether one has come already.
    greeted: bool,
}

impl Replies {
    /// The next reply, or what to do in its place.
    pub(super) fn next(&mut self, inbox: &mut Inbox) -> Result<Reply, Turn> {
        match self.read(inbox) {
            Read::More => Err(Turn::More),
            Read::Whole(reply) => {
                self.greeted = true;
                Ok(reply)
            }
            Read::NoReply if self.greeted => Err(Turn::malformed("its answer has no reply code")),
            Read::NoReply => Err(Turn::Mismatch),
        }
    }

    /// Reads up to the end of the next reply.
    fn read(&mut self, inbox: &mut Inbox) -> Read {
        if self.begun.is_none() && !inbox.unread().iter().take(3).all(u8::is_ascii_digit) {
            return Read::NoReply;
        }
        while let Some(line) = inbox.line() {
            let coded = coded(&line);
            match &mut self.begun {
                None => {
                    let Some((code, more, text)) = coded else { return Read::NoReply };
                    let reply = Reply { code, lines: vec![text.to_owned()] };
                    if !more {
                        return Read::Whole(reply);
                    }
                    self.begun = Some(reply);
                }
                Some(reply) => {
                    let (last, text) = match coded {
                        Some((code, more, text)) if code == reply.code => (!more, text),
                        // FTP's lines in between need no code.
                        _ => (false, line.trim()),
                    };
                    if reply.lines.len() < MOST_LINES {
                        reply.lines.push(text.to_owned());
                    }
                    if last {
                        return self.begun.take().map_or(Read::More, Read::Whole);
                    }
                }
            }
        }
        if inbox.unread().len() > MOST_LINE { Read::NoReply } else { Read::More }
    }
}

/// `250-SIZE` as 250, more to come, `SIZE`.
fn coded(line: &str) -> Option<(u16, bool, &str)> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code = code.parse().ok().filter(|code| (100..600).contains(code))?;
    match rest.chars().next() {
        Some('-') => Some((code, true, &rest[1..])),
        Some(' ') => Some((code, false, &rest[1..])),
        None => Some((code, false, "")),
        Some(_) => None,
    }
}
