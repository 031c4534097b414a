//! SMTP and submission (RFC 5321, 6409): greeting, EHLO, STARTTLS (RFC 3207), QUIT. The client
//! never speaks before the greeting: servers take that for a spammer's habit.

use crate::model::dialogue::{Answer, AppProtocol, Capabilities, Conclusion, Greeting};

use super::reply::{Replies, Reply};
use super::talk::{Now, Talk, Turn};
use super::{ANSWER, GREETING};

const QUIT: &[u8] = b"QUIT\r\n";

/// Where the conversation is: what is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    EhloOverTls,
}

/// The conversation.
pub(super) struct Smtp {
    client: String,
    starttls: bool,
    at: At,
    replies: Replies,
    greeting: Option<Greeting>,
}

impl Smtp {
    /// `client` is how it names itself: a host name, or an address in brackets.
    pub(super) fn new(client: &str, starttls: bool) -> Self {
        let client = client.chars().filter(char::is_ascii_graphic).collect();
        let replies = Replies::default();
        Self { client, starttls, at: At::Greeting, replies, greeting: None }
    }

    fn say(&mut self, at: At, words: &str) -> Turn {
        self.at = at;
        let words = match at {
            At::Ehlo | At::Helo | At::EhloOverTls => format!("{words} {}\r\n", self.client),
            At::Greeting | At::StartTls => format!("{words}\r\n"),
        };
        Turn::Say(words.into_bytes(), ANSWER)
    }

    fn replied(&mut self, reply: &Reply, now: &mut Now<'_>) -> Turn {
        // "Service not available, closing" can be the answer to anything.
        if reply.code == 421 {
            if self.at != At::Greeting {
                self.greet(None, now);
            }
            return Turn::End(reply.refusal(), Vec::new());
        }
        match self.at {
            At::Greeting => self.greeted(reply, now),
            At::Ehlo if reply.is_negative() => self.say(At::Helo, "HELO"),
            At::Ehlo | At::Helo => self.listed(reply, now),
            At::StartTls if reply.code == 220 => Turn::Upgrade,
            At::StartTls => no_upgrade(Some(reply.words())),
            At::EhloOverTls => {
                let capabilities = capabilities(reply);
                now.answer(Answer::Smtp(Capabilities { capabilities }));
                Turn::End(Conclusion::Answered, QUIT.to_vec())
            }
        }
    }

    fn greeted(&mut self, reply: &Reply, now: &mut Now<'_>) -> Turn {
        if Reply::is_foreign(AppProtocol::Smtp, now.inbox) {
            return Turn::Mismatch;
        }
        if !reply.is_positive() {
            // QUIT is expected after a 554, too (RFC 5321, 3.1).
            return Turn::End(reply.refusal(), QUIT.to_vec());
        }
        self.greeting = Some(reply.greeting(AppProtocol::Smtp));
        self.say(At::Ehlo, "EHLO")
    }

    fn greet(&mut self, capabilities: Option<Vec<String>>, now: &mut Now<'_>) {
        let greeting = self.greeting.take().unwrap_or_default();
        now.greeting(Greeting { capabilities, ..greeting });
    }

    fn listed(&mut self, reply: &Reply, now: &mut Now<'_>) -> Turn {
        let listed = if self.at == At::Ehlo { capabilities(reply) } else { Vec::new() };
        let offers_tls = listed.iter().any(|name| name.eq_ignore_ascii_case("STARTTLS"));
        self.greet(Some(listed), now);
        if reply.is_negative() {
            return Turn::End(reply.refusal(), QUIT.to_vec());
        }
        match (self.starttls, offers_tls) {
            (false, _) => Turn::End(Conclusion::Answered, QUIT.to_vec()),
            (true, true) => self.say(At::StartTls, "STARTTLS"),
            (true, false) => no_upgrade(None),
        }
    }
}

impl Talk for Smtp {
    const PROTOCOL: AppProtocol = AppProtocol::Smtp;
    const GREETS: bool = true;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(Vec::new(), GREETING)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        match self.replies.next(now.inbox) {
            Ok(reply) => self.replied(&reply, now),
            Err(turn) => turn,
        }
    }

    fn kept_greeting(&mut self) -> Option<Greeting> {
        self.greeting.take()
    }

    fn secured(&mut self, _: &mut Now<'_>) -> Turn {
        self.say(At::EhloOverTls, "EHLO")
    }
}

fn no_upgrade(words: Option<String>) -> Turn {
    Turn::End(Conclusion::NoUpgrade { words }, QUIT.to_vec())
}

/// The lines behind the first one of EHLO's reply.
fn capabilities(reply: &Reply) -> Vec<String> {
    if !reply.is_positive() {
        return Vec::new();
    }
    reply.lines.iter().skip(1).map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests;
