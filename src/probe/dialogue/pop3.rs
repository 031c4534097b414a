//! POP3 (RFC 1939): greeting, CAPA (RFC 2449), STLS (RFC 2595), QUIT.

use crate::model::dialogue::{Answer, AppProtocol, Capabilities, Conclusion, Greeting, Refusal};

use super::talk::{Now, Talk, Turn};
use super::{ANSWER, GREETING, recognise};

const QUIT: &[u8] = b"QUIT\r\n";

/// The most capabilities that are kept.
const MOST: usize = 200;

/// Where the conversation is: what is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Greeting,
    Capa,
    CapaList,
    Stls,
}

/// The conversation.
pub(super) struct Pop3 {
    starttls: bool,
    over_tls: bool,
    at: At,
    greeting: Option<Greeting>,
    listed: Vec<String>,
}

impl Pop3 {
    pub(super) fn new(starttls: bool) -> Self {
        let listed = Vec::new();
        Self { starttls, over_tls: false, at: At::Greeting, greeting: None, listed }
    }

    fn line(&mut self, line: String, now: &mut Now<'_>) -> Option<Turn> {
        let (granted, refused) = (line.starts_with("+OK"), line.starts_with("-ERR"));
        match self.at {
            At::Greeting if granted => {
                let software = recognise::software(AppProtocol::Pop3, &line);
                let (protocol, text) = (Some(AppProtocol::Pop3), Some(line));
                self.greeting = Some(Greeting { protocol, text, software, capabilities: None });
                self.at = At::Capa;
                Some(Turn::Say(b"CAPA\r\n".to_vec(), ANSWER))
            }
            At::Greeting if refused => {
                let cause = recognise::cause(&line);
                let refusal = Refusal { cause, code: None, words: line };
                Some(Turn::End(Conclusion::Refused(refusal), Vec::new()))
            }
            At::Greeting => Some(Turn::Mismatch),
            At::Capa if granted => {
                self.at = At::CapaList;
                None
            }
            // An old server does not know CAPA.
            At::Capa if refused => Some(self.capable(None, now)),
            At::CapaList if line == "." => {
                let listed = std::mem::take(&mut self.listed);
                Some(self.capable(Some(listed), now))
            }
            At::CapaList => {
                if self.listed.len() < MOST {
                    self.listed.push(line.strip_prefix('.').unwrap_or(&line).to_owned());
                }
                None
            }
            At::Stls if granted => Some(Turn::Upgrade),
            At::Stls if refused => Some(no_upgrade(Some(line))),
            At::Capa | At::Stls => Some(Turn::malformed("its answer is neither +OK nor -ERR")),
        }
    }

    fn capable(&mut self, capabilities: Option<Vec<String>>, now: &mut Now<'_>) -> Turn {
        if self.over_tls {
            let capabilities = capabilities.unwrap_or_default();
            now.answer(Answer::Pop3(Capabilities { capabilities }));
            return Turn::End(Conclusion::Answered, QUIT.to_vec());
        }
        let mut listed = capabilities.iter().flatten();
        let offers = listed.any(|name| name.eq_ignore_ascii_case("STLS"));
        let knows = capabilities.is_some();
        let greeting = self.greeting.take().unwrap_or_default();
        now.greeting(Greeting { capabilities, ..greeting });
        match self.starttls {
            false => Turn::End(Conclusion::Answered, QUIT.to_vec()),
            true if knows && !offers => no_upgrade(None),
            true => {
                self.at = At::Stls;
                Turn::Say(b"STLS\r\n".to_vec(), ANSWER)
            }
        }
    }
}

impl Talk for Pop3 {
    const PROTOCOL: AppProtocol = AppProtocol::Pop3;
    const GREETS: bool = true;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(Vec::new(), GREETING)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        let begins = |word: &[u8]| {
            let common = now.inbox.unread().len().min(word.len());
            now.inbox.unread()[..common] == word[..common]
        };
        if self.at == At::Greeting && !begins(b"+OK") && !begins(b"-ERR") {
            return Turn::Mismatch;
        }
        while let Some(line) = now.inbox.line() {
            if let Some(turn) = self.line(line, now) {
                return turn;
            }
        }
        Turn::More
    }

    fn kept_greeting(&mut self) -> Option<Greeting> {
        self.greeting.take()
    }

    fn secured(&mut self, _: &mut Now<'_>) -> Turn {
        (self.over_tls, self.at) = (true, At::Capa);
        Turn::Say(b"CAPA\r\n".to_vec(), ANSWER)
    }
}

fn no_upgrade(words: Option<String>) -> Turn {
    Turn::End(Conclusion::NoUpgrade { words }, QUIT.to_vec())
}

#[cfg(test)]
mod tests;
