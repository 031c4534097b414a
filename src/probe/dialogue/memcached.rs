//! memcached's text protocol: `version`, `quit`.

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, MemcachedAnswer, Refusal};

use super::talk::{Now, Talk, Turn};
use super::{ANSWER, recognise};

/// The longest line that is an answer to `version`.
const MOST_LINE: usize = 1024;

/// The conversation.
#[derive(Default)]
pub(super) struct Memcached;

impl Talk for Memcached {
    const PROTOCOL: AppProtocol = AppProtocol::Memcached;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(b"version\r\n".to_vec(), ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        let foreign = recognise::protocol(now.inbox.first());
        if foreign.is_some_and(|other| other != AppProtocol::Memcached) {
            return Turn::Mismatch;
        }
        let Some(reply) = now.inbox.line() else {
            return if now.inbox.unread().len() > MOST_LINE { Turn::Mismatch } else { Turn::More };
        };
        let version = reply.strip_prefix("VERSION ").map(str::to_owned);
        let login_required = reply.starts_with("CLIENT_ERROR unauthenticated");
        if reply.starts_with("ERROR Too many open connections") || reply.starts_with("SERVER_ERROR")
        {
            let cause = recognise::cause(&reply);
            let refusal = Refusal { cause, code: None, words: reply.clone() };
            now.answer(Answer::Memcached(MemcachedAnswer { reply, ..MemcachedAnswer::default() }));
            return Turn::End(Conclusion::Refused(refusal), Vec::new());
        }
        if version.is_none() && !login_required {
            return Turn::Mismatch;
        }
        now.answer(Answer::Memcached(MemcachedAnswer { version, reply, login_required }));
        Turn::End(Conclusion::Answered, b"quit\r\n".to_vec())
    }
}

#[cfg(test)]
mod tests;
