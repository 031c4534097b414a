//! Redis and Valkey (RESP): PING, INFO server, QUIT. All three only read, whoever asks.

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, RedisAnswer, Refusal};

use super::talk::{Lull, Now, Talk, Turn};
use super::{ANSWER, recognise};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
const INFO: &[u8] = b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n";
const QUIT: &[u8] = b"*1\r\n$4\r\nQUIT\r\n";

/// The conversation.
#[derive(Default)]
pub(super) struct Redis {
    answer: RedisAnswer,
    /// Whether PING has been answered, and INFO was asked.
    ponged: bool,
    /// The size of INFO's text, once it is known.
    size: Option<usize>,
}

impl Redis {
    fn pong(&mut self, line: String, now: &mut Now<'_>) -> Turn {
        let code = line.strip_prefix('-').and_then(|words| words.split(' ').next());
        self.answer.login_required =
            matches!(code, Some("NOAUTH")) || line.starts_with("-ERR operation not permitted");
        let refused = matches!(code, Some("DENIED" | "LOADING" | "MASTERDOWN" | "BUSY"))
            || line.starts_with("-ERR max number of clients");
        if refused {
            let cause = recognise::cause(&line);
            let code = code.map(str::to_owned);
            self.answer.reply.clone_from(&line);
            now.answer(Answer::Redis(std::mem::take(&mut self.answer)));
            return Turn::End(
                Conclusion::Refused(Refusal { cause, code, words: line }),
                Vec::new(),
            );
        }
        let asks_more = line == "+PONG";
        self.answer.reply = line;
        if !asks_more {
            return self.done(now);
        }
        self.ponged = true;
        Turn::Say(INFO.to_vec(), ANSWER)
    }

    /// INFO's answer is `$574`, then so many bytes; or an error where it is not permitted.
    fn info(&mut self, now: &mut Now<'_>) -> Turn {
        let size = match self.size {
            Some(size) => size,
            None => {
                let Some(line) = now.inbox.line() else { return Turn::More };
                let Some(size) = line.strip_prefix('$').and_then(|size| size.parse().ok()) else {
                    return self.done(now);
                };
                *self.size.insert(size)
            }
        };
        if now.inbox.unread().len() < size {
            return Turn::More;
        }
        let text = String::from_utf8_lossy(now.inbox.read(size)).into_owned();
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(str::to_owned)
        };
        // Valkey keeps the field of the Redis that it can stand for.
        self.answer.version = field("valkey_version").or_else(|| field("redis_version"));
        self.answer.mode = field("server_mode").or_else(|| field("redis_mode"));
        self.done(now)
    }

    fn done(&mut self, now: &mut Now<'_>) -> Turn {
        now.answer(Answer::Redis(std::mem::take(&mut self.answer)));
        Turn::End(Conclusion::Answered, QUIT.to_vec())
    }
}

impl Talk for Redis {
    const PROTOCOL: AppProtocol = AppProtocol::Redis;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(PING.to_vec(), ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        if self.ponged {
            return self.info(now);
        }
        let foreign = recognise::protocol(now.inbox.first());
        let is_foreign = foreign.is_some_and(|other| other != AppProtocol::Redis);
        let is_resp = matches!(now.inbox.unread().first(), Some(b'+' | b'-'));
        // "-ERR …" alone could be POP3's as well, which greets with "+OK …" first.
        if !is_resp || (is_foreign && !now.inbox.first().starts_with(b"-ERR")) {
            return Turn::Mismatch;
        }
        match now.inbox.line() {
            Some(line) if line.starts_with("-ERR '") => Turn::Mismatch,
            Some(line) => self.pong(line, now),
            None => Turn::More,
        }
    }

    fn gave_up(&mut self, now: &mut Now<'_>, _: Lull) -> Option<Conclusion> {
        // PING was answered: that INFO was not is no fault.
        if self.ponged {
            let _ = self.done(now);
            return Some(Conclusion::Answered);
        }
        None
    }
}

#[cfg(test)]
mod tests;
