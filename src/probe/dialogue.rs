//! What is said once a way to the peer is open: one file a protocol, each a state machine without
//! I/O.
//!
//! A [`Dialogue`] is told what happens ([`Input`]) and when, and says what to do ([`Step`]): send
//! these bytes, upgrade to TLS, wait until then, or be done. It neither knows nor cares what
//! carries its bytes: TCP, TLS, a proxy's tunnel, a Unix socket or a list of recorded bytes.
//!
//! Only greetings, capabilities and start-up exchanges are spoken: nothing is sent that changes a
//! server. What is kept of a peer's words is bounded, and so is the time: deadlines are moments
//! on the dialogue's own clock, which a byte now and then does not move.
//!
//! To speak one more protocol: a file here, a variant of [`Exchange`] with its match arms, and a
//! variant of [`Answer`] where it has an answer of its own.

mod datagram;
pub mod dns;
mod exchange;
mod ftp;
pub mod h2;
pub mod http;
mod imap;
mod inbox;
mod listen;
mod memcached;
mod mqtt;
mod mysql;
pub mod ntp;
#[cfg(test)]
mod played;
mod pop3;
mod postgres;
pub mod recognise;
mod redis;
mod reply;
mod smtp;
pub mod socks;
mod ssh;
mod talk;
mod telnet;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::dialogue::{Answer, Conclusion, Greeting};
use crate::model::probe::StageName;

pub use exchange::{Exchange, Series};

/// What happened to a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The way to the peer is open, TLS from the first byte included. Comes first, once.
    Opened,
    /// These bytes came, in any portions of the stream; of datagrams one at a time.
    Received(&'a [u8]),
    /// TLS is on, after [`Next::Upgrade`].
    Secured,
    /// The peer ended its direction (FIN, or TLS's close_notify).
    Ended,
    /// The connection was reset.
    Reset,
    /// The moment of [`Next::Wait`] has come, or whoever runs the dialogue waits no longer.
    TimedOut,
}

/// What a dialogue wants done, in this order: send, take notice, go on.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Step {
    /// Bytes to send now, all of them; a datagram each. With [`Next::Done`] these are the words
    /// of leave: they are sent before the connection is closed, and whether they can be sent is
    /// of no matter.
    pub send: Vec<u8>,
    /// What is known since the last step. Ends the stage of its name.
    pub learnt: Vec<Learnt>,
    /// How to go on.
    pub next: Next,
}

/// How a dialogue goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Wait for bytes, until this moment at most, counted from [`Input::Opened`].
    Wait(Duration),
    /// Do the TLS handshake now and tell [`Input::Secured`]. Whatever came before the peer's first
    /// TLS record is no part of it: [`Conclusion::Malformed`] has been the answer to that.
    Upgrade,
    /// It is over. `rest` is what came after the end of the peer's last word: behind a proxy's
    /// reply it belongs to the tunnel.
    Done {
        /// How it ended.
        conclusion: Conclusion,
        /// Unread bytes.
        rest: Vec<u8>,
    },
}

/// What a dialogue has found out.
#[derive(Clone, Debug, PartialEq)]
pub enum Learnt {
    /// The greeting, with the capabilities where they were asked.
    Greeting(Greeting),
    /// The answer to a request.
    Answer(Box<Answer>),
}

impl Learnt {
    /// The stage that ends with it.
    pub fn stage(&self) -> StageName {
        match self {
            Self::Greeting(_) => StageName::Greeting,
            Self::Answer(_) => StageName::Request,
        }
    }

    /// The stage's detail, as `probe --json` has it.
    pub fn detail(&self) -> Map<String, Value> {
        let value = match self {
            Self::Greeting(greeting) => serde_json::to_value(greeting),
            Self::Answer(answer) => serde_json::to_value(answer),
        };
        match value {
            Ok(Value::Object(map)) => map,
            // Neither has a map with keys that are no strings.
            Ok(_) | Err(_) => Map::new(),
        }
    }
}

/// A conversation in one protocol, without I/O. After [`Next::Done`] it is not asked again.
pub trait Dialogue: Send {
    /// Takes what happened `at` this moment, counted from [`Input::Opened`] (which is at zero).
    fn step(&mut self, input: Input<'_>, at: Duration) -> Step;
}

/// How long a peer that speaks first may take with its greeting. Postfix and MariaDB take 10 s
/// where their name server is silent (resolv.conf's 5 s, twice), others twice that with two
/// silent servers.
const GREETING: Duration = Duration::from_secs(25);

/// How long an answer to a request may take.
const ANSWER: Duration = Duration::from_secs(15);

/// A password or the like: it can be sent, and not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests;
