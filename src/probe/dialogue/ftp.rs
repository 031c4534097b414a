//! FTP's control connection (RFC 959): greeting, FEAT (RFC 2389), AUTH TLS (RFC 4217), QUIT. No
//! login, no data connection.

use crate::model::dialogue::{Answer, AppProtocol, Capabilities, Conclusion, Greeting};

use super::reply::{Replies, Reply};
use super::talk::{Now, Talk, Turn};
use super::{ANSWER, GREETING};

const QUIT: &[u8] = b"QUIT\r\n";

/// Where the conversation is: what is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Greeting,
    Feat,
    AuthTls,
    FeatOverTls,
}

/// The conversation.
pub(super) struct Ftp {
    starttls: bool,
    at: At,
    replies: Replies,
    greeting: Option<Greeting>,
}

impl Ftp {
    pub(super) fn new(starttls: bool) -> Self {
        let replies = Replies::default();
        Self { starttls, at: At::Greeting, replies, greeting: None }
    }

    fn replied(&mut self, reply: &Reply, now: &mut Now<'_>) -> Turn {
        // "Service not available, closing" can be the answer to anything.
        if reply.code == 421 {
            return Turn::End(reply.refusal(), Vec::new());
        }
        match self.at {
            At::Greeting => self.greeted(reply, now),
            At::Feat => {
                let greeting = self.greeting.take().unwrap_or_default();
                now.greeting(Greeting { capabilities: features(reply), ..greeting });
                if !self.starttls {
                    return Turn::End(Conclusion::Answered, QUIT.to_vec());
                }
                self.at = At::AuthTls;
                Turn::Say(b"AUTH TLS\r\n".to_vec(), ANSWER)
            }
            At::AuthTls if reply.code == 234 => Turn::Upgrade,
            At::AuthTls => {
                let words = Some(reply.words());
                Turn::End(Conclusion::NoUpgrade { words }, QUIT.to_vec())
            }
            At::FeatOverTls => {
                let capabilities = features(reply).unwrap_or_default();
                now.answer(Answer::Ftp(Capabilities { capabilities }));
                Turn::End(Conclusion::Answered, QUIT.to_vec())
            }
        }
    }

    fn greeted(&mut self, reply: &Reply, now: &mut Now<'_>) -> Turn {
        if Reply::is_foreign(AppProtocol::Ftp, now.inbox) {
            return Turn::Mismatch;
        }
        match reply.code {
            // "Service ready in nnn minutes": the greeting follows.
            100..200 => Turn::Say(Vec::new(), GREETING),
            200..300 => {
                self.greeting = Some(reply.greeting(AppProtocol::Ftp));
                self.at = At::Feat;
                Turn::Say(b"FEAT\r\n".to_vec(), ANSWER)
            }
            _ => Turn::End(reply.refusal(), Vec::new()),
        }
    }
}

impl Talk for Ftp {
    const PROTOCOL: AppProtocol = AppProtocol::Ftp;
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
        self.at = At::FeatOverTls;
        Turn::Say(b"FEAT\r\n".to_vec(), ANSWER)
    }
}

/// The lines between the first and the last of FEAT's reply; `None` where it lists none.
fn features(reply: &Reply) -> Option<Vec<String>> {
    if reply.code != 211 {
        return None;
    }
    let inner = reply.lines.len().saturating_sub(2);
    Some(reply.lines.iter().skip(1).take(inner).map(|line| line.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests;
