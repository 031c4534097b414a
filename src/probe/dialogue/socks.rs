//! SOCKS 5 (RFC 1928, 1929) and 4 (with 4a): as a target, whether it serves; as a proxy, the way
//! to an end behind it, with the reply's exact code.

mod reply;

use std::net::{IpAddr, SocketAddr};

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, Refusal, RefusalCause, SocksAnswer};

use super::talk::{Now, Talk, Turn};
use super::{ANSWER, Secret};

const CONNECT: u8 = 1;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;

/// The longest text that has its length in one byte.
const MOST: usize = 255;

/// What a proxy is to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// An address.
    Address(SocketAddr),
    /// A name, which the proxy looks up, and a port.
    Name(String, u16),
}

/// A user and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Where the conversation is: what is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Method,
    Password,
    Reply,
}

/// SOCKS 5.
pub(super) struct Socks5 {
    end: Option<End>,
    login: Option<Login>,
    at: At,
    answer: SocksAnswer,
}

impl Socks5 {
    /// Without an end it is asked for its method, and no more.
    pub(super) fn new(end: Option<End>, login: Option<Login>) -> Self {
        let answer = SocksAnswer { version: 5, ..SocksAnswer::default() };
        Self { end, login, at: At::Method, answer }
    }

    fn method(&mut self, method: u8, now: &mut Now<'_>) -> Turn {
        now.inbox.read(2);
        self.answer.method = match method {
            NO_LOGIN => Some("none".to_owned()),
            1 => Some("gssapi".to_owned()),
            PASSWORD => Some("password".to_owned()),
            NO_METHOD => None,
            other => Some(other.to_string()),
        };
        match (method, &self.login) {
            (NO_LOGIN, _) => self.connect(now),
            (PASSWORD, Some(login)) => {
                self.at = At::Password;
                let mut words = vec![1];
                words.extend(counted(login.user.as_bytes()));
                words.extend(counted(login.password.reveal().as_bytes()));
                Turn::Say(words, ANSWER)
            }
            (NO_METHOD, login) => {
                let words = match login {
                    Some(_) => {
                        "05 ff, no acceptable methods: it takes neither a client without a login \
                         nor one with a password"
                    }
                    None => "05 ff, no acceptable methods: it takes no client without a login",
                };
                self.refused(RefusalCause::NotAllowed, "ff", words, now)
            }
            _ => {
                self.refused(RefusalCause::Other, "", "it chose a method that was not offered", now)
            }
        }
    }

    fn connect(&mut self, now: &mut Now<'_>) -> Turn {
        let Some(end) = &self.end else {
            now.answer(Answer::Socks(std::mem::take(&mut self.answer)));
            return Turn::End(Conclusion::Answered, Vec::new());
        };
        self.at = At::Reply;
        let mut words = vec![5, CONNECT, 0];
        match end {
            End::Address(address) => {
                match address.ip() {
                    IpAddr::V4(v4) => {
                        words.push(1);
                        words.extend(v4.octets());
                    }
                    IpAddr::V6(v6) => {
                        words.push(4);
                        words.extend(v6.octets());
                    }
                }
                words.extend(address.port().to_be_bytes());
            }
            End::Name(name, port) => {
                words.push(3);
                words.extend(counted(name.as_bytes()));
                words.extend(port.to_be_bytes());
            }
        }
        Turn::Say(words, ANSWER)
    }

    fn refused(&mut self, cause: RefusalCause, code: &str, words: &str, now: &mut Now<'_>) -> Turn {
        now.answer(Answer::Socks(std::mem::take(&mut self.answer)));
        let code = (!code.is_empty()).then(|| code.to_owned());
        let words = words.to_owned();
        Turn::End(Conclusion::Refused(Refusal { cause, code, words }), Vec::new())
    }

    fn reply(&mut self, now: &mut Now<'_>) -> Turn {
        let reply = match reply::five(now.inbox.unread()) {
            Ok(Some(reply)) => reply,
            Ok(None) => return Turn::More,
            Err(reply::Impossible) => {
                return Turn::malformed("its reply has an address of no kind");
            }
        };
        now.inbox.read(reply.length);
        self.answer.code = Some(reply.code);
        self.answer.reason = Some(reply.reason.to_owned());
        self.answer.bound = reply.bound;
        match reply.cause {
            None => {
                now.answer(Answer::Socks(std::mem::take(&mut self.answer)));
                Turn::End(Conclusion::Answered, Vec::new())
            }
            Some(cause) => {
                let code = format!("{:02x}", reply.code);
                self.refused(cause, &code, reply.reason, now)
            }
        }
    }
}

impl Talk for Socks5 {
    const PROTOCOL: AppProtocol = AppProtocol::Socks5;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        let words = match self.login {
            Some(_) => vec![5, 2, NO_LOGIN, PASSWORD],
            None => vec![5, 1, NO_LOGIN],
        };
        Turn::Say(words, ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        match (self.at, now.inbox.unread()) {
            (At::Method, [5, method, ..]) => {
                let method = *method;
                self.method(method, now)
            }
            (At::Password, [_, status, ..]) => {
                let status = *status;
                now.inbox.read(2);
                match status {
                    0 => self.connect(now),
                    _ => {
                        let words = "it does not take this user with this password";
                        self.refused(RefusalCause::NotAllowed, &status.to_string(), words, now)
                    }
                }
            }
            (At::Reply, [5, ..]) => self.reply(now),
            (At::Method, [5] | []) | (At::Password, [_] | []) | (At::Reply, []) => Turn::More,
            (At::Method, _) => Turn::Mismatch,
            (At::Reply, _) => Turn::malformed("its reply does not begin with 5"),
        }
    }
}

/// SOCKS 4, 4a where the end is a name.
pub(super) struct Socks4 {
    end: End,
}

impl Socks4 {
    /// Without an end one is asked for that nobody can reach: the refusal shows that it serves.
    pub(super) fn new(end: Option<End>) -> Self {
        let nowhere = || End::Address(SocketAddr::from(([0, 0, 0, 0], 0)));
        Self { end: end.unwrap_or_else(nowhere) }
    }

    fn is_nowhere(&self) -> bool {
        matches!(&self.end, End::Address(address) if address.port() == 0)
    }
}

impl Talk for Socks4 {
    const PROTOCOL: AppProtocol = AppProtocol::Socks4;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        let (port, address, name) = match &self.end {
            End::Address(SocketAddr::V4(v4)) => (v4.port(), v4.ip().octets(), None),
            // SOCKS 4 has no room for an IPv6 address; as a name some proxies take it.
            End::Address(SocketAddr::V6(v6)) => {
                (v6.port(), [0, 0, 0, 1], Some(v6.ip().to_string()))
            }
            End::Name(name, port) => (*port, [0, 0, 0, 1], Some(name.clone())),
        };
        let mut words = vec![4, CONNECT];
        words.extend(port.to_be_bytes());
        words.extend(address);
        words.push(0);
        if let Some(name) = name {
            words.extend(name.bytes().filter(|byte| *byte != 0).take(MOST));
            words.push(0);
        }
        Turn::Say(words, ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        let reply = match reply::four(now.inbox.unread()) {
            Ok(Some(reply)) => reply,
            Ok(None) => return Turn::More,
            Err(reply::Impossible) => return Turn::Mismatch,
        };
        now.inbox.read(reply.length);
        now.answer(Answer::Socks(SocksAnswer {
            version: 4,
            method: None,
            code: Some(reply.code),
            reason: Some(reply.reason.to_owned()),
            bound: reply.bound,
        }));
        let conclusion = match reply.cause {
            Some(cause) if !self.is_nowhere() => {
                let (code, words) = (Some(reply.code.to_string()), reply.reason.to_owned());
                Conclusion::Refused(Refusal { cause, code, words })
            }
            _ => Conclusion::Answered,
        };
        Turn::End(conclusion, Vec::new())
    }
}

/// A text with its length before it.
fn counted(text: &[u8]) -> Vec<u8> {
    let text = &text[..text.len().min(MOST)];
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    [&[length], text].concat()
}

#[cfg(test)]
mod tests;
