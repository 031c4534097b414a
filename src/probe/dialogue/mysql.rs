//! MySQL and MariaDB: the handshake packet that the server sends first, then a login without a
//! password.
//!
//! The login is what keeps the probe harmless. A client that goes after the greeting, or says
//! `COM_QUIT` in place of its handshake, counts as a connection error, and a hundred of them
//! (`max_connect_errors`) lock the whole host out; a login that is denied does not count
//! (MariaDB 10.11: `performance_schema.host_cache`).

pub(super) mod packet;

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, Greeting, MysqlAnswer, Refusal};

use super::talk::{Now, Talk, Turn};
use super::{ANSWER, GREETING, recognise};
use packet::Said;

const COM_QUIT: &[u8] = b"\x01\0\0\0\x01";

const CLIENT_LONG_PASSWORD: u32 = 1;
const CLIENT_PROTOCOL_41: u32 = 1 << 9;
const CLIENT_SSL: u32 = 1 << 11;
const CLIENT_SECURE_CONNECTION: u32 = 1 << 15;
const CLIENT_PLUGIN_AUTH: u32 = 1 << 19;

/// Packets of the login that are answered with an empty password before it is given up.
const MOST_ROUNDS: u32 = 3;

/// The conversation.
pub(super) struct Mysql {
    user: String,
    starttls: bool,
    greeted: bool,
    rounds: u32,
}

impl Mysql {
    pub(super) fn new(user: &str, starttls: bool) -> Self {
        let user = user.chars().filter(|c| !c.is_control()).collect();
        Self { user, starttls, greeted: false, rounds: 0 }
    }

    fn greeting(&mut self, now: &mut Now<'_>) -> Turn {
        let Some(said) = packet::said(now.inbox.unread()) else {
            let whole = packet::packet(now.inbox.unread()).is_some();
            let may_be = packet::may_become(now.inbox.unread());
            return if may_be && !whole { Turn::More } else { Turn::Mismatch };
        };
        let length = packet::packet(now.inbox.unread()).map_or(0, |(_, _, length)| length);
        now.inbox.read(length);
        let handshake = match said {
            Said::Handshake(handshake) => handshake,
            Said::Error(error) => {
                let cause = error.cause().unwrap_or_else(|| recognise::cause(&error.message));
                let (code, words) = (Some(error.code.to_string()), error.message);
                return Turn::End(Conclusion::Refused(Refusal { cause, code, words }), Vec::new());
            }
        };
        self.greeted = true;
        now.greeting(Greeting {
            protocol: Some(AppProtocol::Mysql),
            capabilities: Some(packet::capability_names(&handshake)),
            text: Some(Said::Handshake(handshake.clone()).in_words()),
            software: Some(handshake.version.clone()),
        });
        match (self.starttls, handshake.capabilities & CLIENT_SSL != 0) {
            (true, true) => {
                let request = head(CLIENT_SSL);
                Turn::SayAndUpgrade(packet::framed(1, &request))
            }
            // The login is made all the same, so that leaving counts as no error.
            (true, false) => Turn::End(Conclusion::NoUpgrade { words: None }, self.login(1)),
            (false, _) => Turn::Say(self.login(1), ANSWER),
        }
    }

    /// A handshake response: no password, no database.
    fn login(&self, sequence: u8) -> Vec<u8> {
        let mut payload = head(if sequence == 1 { 0 } else { CLIENT_SSL });
        payload.extend(self.user.bytes());
        payload.extend([0, 0]);
        payload.extend(b"mysql_native_password\0");
        packet::framed(sequence, &payload)
    }

    fn logged_in(&mut self, now: &mut Now<'_>) -> Turn {
        let Some((payload, sequence, length)) = packet::packet(now.inbox.unread()) else {
            return Turn::More;
        };
        let (first, error) = (payload.first().copied(), packet::error(payload));
        now.inbox.read(length);
        match (first, error) {
            (Some(0), _) => {
                now.answer(Answer::Mysql(MysqlAnswer {
                    logged_in: true,
                    ..MysqlAnswer::default()
                }));
                Turn::End(Conclusion::Answered, COM_QUIT.to_vec())
            }
            (Some(0xff), Some(error)) => denied(error, now),
            // Another method, or more data for this one: still there is no password.
            (Some(_), _) if self.rounds < MOST_ROUNDS => {
                self.rounds += 1;
                Turn::Say(packet::framed(sequence.wrapping_add(1), &[]), ANSWER)
            }
            _ => Turn::malformed("its login goes on and on"),
        }
    }
}

/// Capabilities, the largest packet, the character set (UTF-8), a filler.
fn head(more: u32) -> Vec<u8> {
    let capabilities = CLIENT_LONG_PASSWORD
        | CLIENT_PROTOCOL_41
        | CLIENT_SECURE_CONNECTION
        | CLIENT_PLUGIN_AUTH
        | more;
    let mut bytes = capabilities.to_le_bytes().to_vec();
    bytes.extend((1_u32 << 24).to_le_bytes());
    bytes.push(33);
    bytes.extend([0; 23]);
    bytes
}

/// An error after the login: about the user, or about the service.
fn denied(error: packet::ErrorPacket, now: &mut Now<'_>) -> Turn {
    // ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR: what
    // a login without a password is to meet.
    let about_the_user = matches!(error.code, 1044 | 1045 | 1698);
    if let Some(cause) = error.cause().filter(|_| !about_the_user) {
        let (code, words) = (Some(error.code.to_string()), error.message);
        return Turn::End(Conclusion::Refused(Refusal { cause, code, words }), Vec::new());
    }
    now.answer(Answer::Mysql(MysqlAnswer {
        logged_in: false,
        code: Some(error.code),
        state: error.state,
        message: Some(error.message),
    }));
    Turn::End(Conclusion::Answered, Vec::new())
}

impl Talk for Mysql {
    const PROTOCOL: AppProtocol = AppProtocol::Mysql;
    const GREETS: bool = true;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(Vec::new(), GREETING)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        if self.greeted { self.logged_in(now) } else { self.greeting(now) }
    }

    fn secured(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(self.login(2), ANSWER)
    }
}

#[cfg(test)]
mod tests;
