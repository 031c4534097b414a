//! PostgreSQL (protocol 3.0, chapter "Frontend/Backend Protocol"): a start-up message as
//! `pg_isready` sends it, with a user name and no password, before it an SSLRequest where TLS is
//! wanted.
//!
//! A server that asks for a password has answered; one that lets the user in is left with
//! Terminate. Whether there is room for one more client is said only after a start-up message.

mod message;

use crate::model::dialogue::{
    Answer, AppProtocol, Conclusion, PostgresAnswer, Refusal, RefusalCause,
};

use super::talk::{Now, Talk, Turn};
use super::{ANSWER, recognise};
use message::{Message, Problem};

/// The magic number of SSLRequest.
const SSL_REQUEST: u32 = 80_877_103;

/// Protocol 3.0.
const VERSION: u32 = 3 << 16;

/// "Terminate".
const TERMINATE: &[u8] = b"X\0\0\0\x04";

/// The conversation.
pub(super) struct Postgres {
    user: String,
    starttls: bool,
    /// Whether the answer to SSLRequest is waited for.
    asked_for_tls: bool,
    answer: PostgresAnswer,
}

impl Postgres {
    pub(super) fn new(user: &str, starttls: bool) -> Self {
        let user = user.chars().filter(|c| !c.is_control()).collect();
        Self { user, starttls, asked_for_tls: false, answer: PostgresAnswer::default() }
    }

    fn start_up(&self) -> Turn {
        let mut body = VERSION.to_be_bytes().to_vec();
        for text in ["user", &self.user, "application_name", "sockpit", ""] {
            body.extend(text.bytes());
            body.push(0);
        }
        Turn::Say(framed(&body), ANSWER)
    }

    /// One byte: `S` or `N`; or an error of a server too old to know the question.
    fn upgrade(&mut self, now: &mut Now<'_>) -> Turn {
        match now.inbox.unread().first() {
            Some(b'S') => {
                now.inbox.read(1);
                self.answer.tls_offered = Some(true);
                Turn::Upgrade
            }
            Some(b'N') => {
                now.inbox.read(1);
                self.answer.tls_offered = Some(false);
                now.answer(Answer::Postgres(std::mem::take(&mut self.answer)));
                // Nothing has been started yet that would have to be ended.
                Turn::End(Conclusion::NoUpgrade { words: None }, Vec::new())
            }
            Some(b'E') => self.messages(now),
            _ => Turn::Mismatch,
        }
    }

    fn messages(&mut self, now: &mut Now<'_>) -> Turn {
        loop {
            let message = match message::next(now.inbox) {
                Ok(Some(message)) => message,
                Ok(None) => return Turn::More,
                Err(Problem::NotPostgres) if self.answer.auth.is_none() => return Turn::Mismatch,
                Err(_) => return Turn::malformed("one of its messages has an impossible length"),
            };
            match message {
                Message::Authentication { method, lets_in } => {
                    self.answer.auth = Some(method);
                    if !lets_in {
                        return self.done(now, Vec::new());
                    }
                }
                Message::Parameter(name, value) if name == "server_version" => {
                    self.answer.version = Some(value);
                }
                Message::Ready => return self.done(now, TERMINATE.to_vec()),
                Message::Error(error) => return self.failed(error, now),
                Message::Parameter(..) | Message::Other => {}
            }
        }
    }

    fn failed(&mut self, error: message::Error, now: &mut Now<'_>) -> Turn {
        self.answer.sqlstate.clone_from(&error.sqlstate);
        self.answer.message = Some(error.message.clone());
        let cause = refusal(&error);
        let answered = self.done(now, Vec::new());
        let Some(cause) = cause else { return answered };
        let (code, words) = (error.sqlstate, error.message);
        Turn::End(Conclusion::Refused(Refusal { cause, code, words }), Vec::new())
    }

    fn done(&mut self, now: &mut Now<'_>, farewell: Vec<u8>) -> Turn {
        now.answer(Answer::Postgres(std::mem::take(&mut self.answer)));
        Turn::End(Conclusion::Answered, farewell)
    }
}

impl Talk for Postgres {
    const PROTOCOL: AppProtocol = AppProtocol::Postgres;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        if !self.starttls {
            return self.start_up();
        }
        self.asked_for_tls = true;
        Turn::Say(framed(&SSL_REQUEST.to_be_bytes()), ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        // Words like "SSH-", "ERROR" and "NOTICE" begin with the same letters.
        let foreign = recognise::protocol(now.inbox.first());
        if foreign.is_some_and(|other| other != AppProtocol::Postgres) {
            return Turn::Mismatch;
        }
        if self.asked_for_tls && self.answer.tls_offered.is_none() {
            let is_long = now.inbox.unread().len() > 1 && now.inbox.unread()[0] != b'E';
            return if is_long { Turn::Mismatch } else { self.upgrade(now) };
        }
        self.messages(now)
    }

    fn secured(&mut self, _: &mut Now<'_>) -> Turn {
        self.start_up()
    }
}

/// Which errors refuse the service (Appendix A of the manual); the others are about the user, the
/// database or the password, and show that it is served.
fn refusal(error: &message::Error) -> Option<RefusalCause> {
    match error.sqlstate.as_deref()? {
        "53300" => Some(RefusalCause::TooManyClients),
        "57P01" | "57P02" | "57P03" => Some(RefusalCause::Unavailable),
        "53000" | "53100" | "53200" | "58000" => Some(RefusalCause::Other),
        // No line of pg_hba.conf permits it: the routine tells this apart from an unknown role.
        "28000" if error.routine.as_deref() == Some("ClientAuthentication") => {
            Some(RefusalCause::NotAllowed)
        }
        _ => None,
    }
}

/// Length, which counts itself, and body.
fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), body].concat()
}

#[cfg(test)]
mod tests;
