//! What to probe: a target as the user writes it, read and checked before anything is sent.

mod host;
mod parse;
mod protocol;

use std::net::IpAddr;
use std::str::FromStr;

use crate::model::socket::{self, Socket};
use crate::text::clean::clean_to;

pub use host::Host;
pub use parse::Written;
pub use protocol::{Carrier, Protocol};

/// A target that can be probed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    text: String,
    protocol: Protocol,
    guessed: bool,
    host: Host,
    port: Option<u16>,
    fallback: Option<(Protocol, u16)>,
    path: String,
}

impl Target {
    fn blank(text: &str, protocol: Protocol) -> Self {
        Self {
            text: text.to_owned(),
            protocol,
            guessed: false,
            host: Host::ThisMachine,
            port: None,
            fallback: None,
            path: "/".to_owned(),
        }
    }

    /// Reads one word: a target, or several at one host.
    pub fn read(text: &str) -> Result<Written, TargetError> {
        parse::written(text)
    }

    /// As the user wrote it, uncleaned.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How to talk to it.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether the protocol was not written, but guessed by the port.
    pub fn is_guess(&self) -> bool {
        self.guessed
    }

    /// Where it is.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its port, never 0; `None` where its protocol has none.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same host by the port that is tried when this one cannot be connected to.
    pub fn fallback(&self) -> Option<Self> {
        let (protocol, port) = self.fallback?;
        Some(Self { protocol, port: Some(port), fallback: None, ..self.clone() })
    }

    /// What is asked for, for protocols that ask for something: `/`, `/health?full`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What a name server is asked: a name and a type of record; the root's servers where nothing
    /// is said, which every name server that answers at all knows.
    pub fn question(&self) -> (&str, &str) {
        let (name, rest) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let kind = rest.split('&').find_map(|it| it.strip_prefix("type=")).unwrap_or("A");
        match name.trim_matches('/') {
            "" => (".", "NS"),
            name => (name, kind),
        }
    }

    /// That scheme and port belong to two protocols.
    pub fn hint(&self) -> Option<String> {
        let port = self.port?;
        let other = self.protocol.meant_instead(port).filter(|_| !self.guessed)?;
        Some(format!(
            "{}:// goes to port {port}, where mostly {}:// is spoken",
            self.protocol.scheme(),
            other.scheme()
        ))
    }

    /// Whether packets from `source` could go to this target at all: an IPv4 address reaches
    /// no IPv6 one, nor the other way round.
    pub fn check_source(&self, source: IpAddr) -> Result<(), TargetError> {
        let v4 = match self.host {
            Host::Address(address) => address.is_ipv4(),
            Host::Zoned(..) => false,
            Host::ThisMachine | Host::Name(_) | Host::Path(_) => return Ok(()),
        };
        if v4 == source.is_ipv4() {
            return Ok(());
        }
        let (own, other) = if v4 { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        let wrong = format!("it is an {own} address, and the source {source} an {other} one");
        Err(TargetError::new(&self.text, &wrong))
    }

    /// The target that a socket suggests: where a client of this listener would connect, or
    /// the remote end of this connection. `None` for what this module cannot probe.
    pub fn of_socket(socket: &Socket) -> Option<Self> {
        let scheme = match socket.protocol {
            socket::Protocol::Tcp => Protocol::Tcp,
            _ => return None,
        };
        let end = socket.remote.as_ref().unwrap_or(&socket.local);
        let address = host::reachable(end.addr?);
        let host = match (address, &end.scope) {
            (IpAddr::V6(v6), Some(zone)) if v6.is_unicast_link_local() => format!("[{v6}%{zone}]"),
            (IpAddr::V6(v6), _) => format!("[{v6}]"),
            (IpAddr::V4(v4), _) => v4.to_string(),
        };
        format!("{}://{host}:{}", scheme.scheme(), end.port?).parse().ok()
    }
}

/// Why a target cannot be probed: one sentence that says what would be right, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

impl TargetError {
    pub(super) fn new(target: &str, wrong: &str) -> Self {
        let target = clean_to(target.trim(), 100);
        Self(format!("cannot probe `{target}`: {}", clean_to(wrong, 300)))
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// Reads what [`Target::read`] reads, where it is a single target.
    fn from_str(written: &str) -> Result<Self, TargetError> {
        let Written { mut targets, is_several } = Self::read(written)?;
        match targets.pop() {
            Some(only) if !is_several => Ok(only),
            _ => Err(TargetError::new(written, "it names several ports; name one")),
        }
    }
}

#[cfg(test)]
mod tests;
