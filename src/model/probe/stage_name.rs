//! The stages of a connection test.

use serde::{Deserialize, Serialize};

/// A step on the way to an answer, in the order they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// Name to addresses.
    Resolve,
    /// This host's source address and route.
    Local,
    /// Through a proxy.
    Proxy,
    /// Transport handshake.
    Connect,
    /// TLS handshake.
    Tls,
    /// What the peer says first.
    Greeting,
    /// Request and answer.
    Request,
    /// End of the connection.
    Close,
}

impl StageName {
    /// The lower-case name used in JSON and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Local => "local",
            Self::Proxy => "proxy",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Greeting => "greeting",
            Self::Request => "request",
            Self::Close => "close",
        }
    }
}
