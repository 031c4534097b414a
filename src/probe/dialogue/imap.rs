//! IMAP (RFC 9051): greeting, CAPABILITY, STARTTLS, LOGOUT.

use crate::model::dialogue::{Answer, AppProtocol, Capabilities, Conclusion, Greeting, Refusal};

use super::talk::{Now, Talk, Turn};
use super::{ANSWER, GREETING, recognise};

const LOGOUT: &[u8] = b"s9 LOGOUT\r\n";

/// Where the conversation is: what is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Greeting,
    Capability,
    StartTls,
}

/// The conversation.
pub(super) struct Imap {
    starttls: bool,
    over_tls: bool,
    at: At,
    greeting: Option<Greeting>,
    listed: Option<Vec<String>>,
}

impl Imap {
    pub(super) fn new(starttls: bool) -> Self {
        Self { starttls, over_tls: false, at: At::Greeting, greeting: None, listed: None }
    }

    fn line(&mut self, line: String, now: &mut Now<'_>) -> Option<Turn> {
        if let Some(untagged) = line.strip_prefix("* ") {
            return self.untagged(untagged, &line, now);
        }
        // The tagged end of what was asked.
        let Some((_, result)) = line.split_once(' ') else {
            return Some(Turn::malformed("a line of its answer is one word"));
        };
        let granted = result.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("OK"));
        match self.at {
            At::Greeting => Some(Turn::Mismatch),
            At::Capability => Some(self.capable(now)),
            At::StartTls if granted => Some(Turn::Upgrade),
            At::StartTls => Some(no_upgrade(Some(line))),
        }
    }

    fn untagged(&mut self, words: &str, line: &str, now: &mut Now<'_>) -> Option<Turn> {
        let is = |word: &str| {
            words.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        };
        if is("BYE") {
            let cause = recognise::cause(words);
            let refusal = Refusal { cause, code: None, words: line.to_owned() };
            return Some(Turn::End(Conclusion::Refused(refusal), Vec::new()));
        }
        if let Some(names) = words.get("CAPABILITY ".len()..).filter(|_| is("CAPABILITY ")) {
            self.listed = Some(words_of(names));
        }
        if self.at != At::Greeting {
            return None;
        }
        if !is("OK") && !is("PREAUTH") {
            return Some(Turn::Mismatch);
        }
        let software = recognise::software(AppProtocol::Imap, line);
        let (protocol, text) = (Some(AppProtocol::Imap), Some(line.to_owned()));
        self.greeting = Some(Greeting { protocol, text, software, capabilities: None });
        // Many servers list them here, so that nobody has to ask (RFC 9051, 7.1).
        let inside = line.split_once("[CAPABILITY ").and_then(|(_, rest)| rest.split_once(']'));
        self.listed = inside.map(|(names, _)| words_of(names));
        match self.listed {
            Some(_) => Some(self.capable(now)),
            None => Some(self.ask("s1")),
        }
    }

    fn ask(&mut self, tag: &str) -> Turn {
        self.at = At::Capability;
        Turn::Say(format!("{tag} CAPABILITY\r\n").into_bytes(), ANSWER)
    }

    fn capable(&mut self, now: &mut Now<'_>) -> Turn {
        let listed = self.listed.take();
        if self.over_tls {
            let capabilities = listed.unwrap_or_default();
            now.answer(Answer::Imap(Capabilities { capabilities }));
            return Turn::End(Conclusion::Answered, LOGOUT.to_vec());
        }
        let mut names = listed.iter().flatten();
        let offers = names.any(|name| name.eq_ignore_ascii_case("STARTTLS"));
        let greeting = self.greeting.take().unwrap_or_default();
        now.greeting(Greeting { capabilities: listed, ..greeting });
        match (self.starttls, offers) {
            (false, _) => Turn::End(Conclusion::Answered, LOGOUT.to_vec()),
            (true, false) => no_upgrade(None),
            (true, true) => {
                self.at = At::StartTls;
                Turn::Say(b"s2 STARTTLS\r\n".to_vec(), ANSWER)
            }
        }
    }
}

impl Talk for Imap {
    const PROTOCOL: AppProtocol = AppProtocol::Imap;
    const GREETS: bool = true;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(Vec::new(), GREETING)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        let begin = now.inbox.unread();
        if self.at == At::Greeting && !begin.starts_with(b"* ") && begin != b"*" {
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
        self.over_tls = true;
        self.ask("s3")
    }
}

fn no_upgrade(words: Option<String>) -> Turn {
    Turn::End(Conclusion::NoUpgrade { words }, LOGOUT.to_vec())
}

fn words_of(names: &str) -> Vec<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
