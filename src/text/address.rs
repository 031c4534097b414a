//! Addresses and protocols the way tables show them.

use std::fmt::{self, Display, Formatter};

use super::clean;
use crate::model::socket::{Endpoint, Family, Protocol, Socket};

/// The sign for an end that may be anyone.
pub const ANYONE: &str = "*";

/// One end: `10.0.0.5:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `/run/app.sock`, `@abstract`.
/// Shown without allocation by its `Display`.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    end: &'a Endpoint,
    is_any: bool,
}

/// An end by itself.
pub fn endpoint(end: &Endpoint) -> End<'_> {
    End { end, is_any: false }
}

/// This end of a socket; `*:22` when it takes both IPv4 and IPv6 on every address.
pub fn local(socket: &Socket) -> End<'_> {
    End { end: &socket.local, is_any: socket.is_dual_stack() }
}

/// The other end of a socket; `*` when there is none.
pub fn remote(socket: &Socket) -> Remote<'_> {
    Remote(socket.remote.as_ref())
}

/// See [`remote`].
#[derive(Clone, Copy, Debug)]
pub struct Remote<'a>(Option<&'a Endpoint>);

impl Display for Remote<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(end) => f.pad(&endpoint(end).to_string()),
            None => f.pad(ANYONE),
        }
    }
}

impl Display for End<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if f.width().is_none() && f.precision().is_none() {
            return self.write(f);
        }
        let mut text = String::new();
        self.write(&mut text)?;
        f.pad(&text)
    }
}

impl End<'_> {
    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let Endpoint { addr, port, path, scope } = self.end;
        if let Some(path) = path {
            return out.write_str(&clean(path));
        }
        match addr.filter(|_| !self.is_any) {
            // Brackets set the port apart from the groups of an IPv6 address.
            Some(addr) if addr.is_ipv6() && port.is_some() => {
                write!(out, "[{addr}{}]", Zone(scope.as_deref()))?;
            }
            Some(addr) => write!(out, "{addr}{}", Zone(scope.as_deref()))?,
            None => out.write_str(ANYONE)?,
        }
        match port {
            Some(port) => write!(out, ":{port}"),
            None => Ok(()),
        }
    }
}

struct Zone<'a>(Option<&'a str>);

impl Display for Zone<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |zone| write!(f, "%{}", clean(zone)))
    }
}

/// The protocol with its family where that matters: `tcp4`, `tcp6`, or `tcp` for a socket
/// that takes both.
pub fn protocol(socket: &Socket) -> &'static str {
    let is_v4 = match socket.family {
        Family::Ipv4 => true,
        Family::Ipv6 if !socket.is_dual_stack() => false,
        _ => return socket.protocol.name(),
    };
    match (socket.protocol, is_v4) {
        (Protocol::Tcp, true) => "tcp4",
        (Protocol::Tcp, false) => "tcp6",
        (Protocol::Udp, true) => "udp4",
        (Protocol::Udp, false) => "udp6",
        (Protocol::Udplite, true) => "udplite4",
        (Protocol::Udplite, false) => "udplite6",
        (Protocol::Mptcp, true) => "mptcp4",
        (Protocol::Mptcp, false) => "mptcp6",
        (Protocol::Raw, true) => "raw4",
        (Protocol::Raw, false) => "raw6",
        (Protocol::Icmp, true) => "icmp4",
        (Protocol::Icmp, false) => "icmp6",
        (protocol, _) => protocol.name(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::model::socket::State;

    fn listener(family: Family, local: Endpoint, v6_only: Option<bool>) -> Socket {
        let mut socket = Socket::new(family, Protocol::Tcp, State::Listen, local);
        socket.v6_only = v6_only;
        socket
    }

    #[test]
    fn a_dual_stack_listener_is_every_address() {
        let any = Endpoint::ip(Ipv6Addr::UNSPECIFIED, 22);
        let dual = listener(Family::Ipv6, any.clone(), Some(false));
        assert_eq!((local(&dual).to_string().as_str(), protocol(&dual)), ("*:22", "tcp"));
        let v6 = listener(Family::Ipv6, any, Some(true));
        assert_eq!((local(&v6).to_string().as_str(), protocol(&v6)), ("[::]:22", "tcp6"));
        let v4 = listener(Family::Ipv4, Endpoint::ip(Ipv4Addr::UNSPECIFIED, 22), None);
        assert_eq!((local(&v4).to_string().as_str(), protocol(&v4)), ("0.0.0.0:22", "tcp4"));
        assert_eq!(remote(&v4).to_string(), "*");
    }

    #[test]
    fn ends_are_written_as_a_client_would_type_them() {
        let mut end = Endpoint::ip(Ipv6Addr::LOCALHOST, 80);
        assert_eq!(endpoint(&end).to_string(), "[::1]:80");
        end.port = None;
        assert_eq!(endpoint(&end).to_string(), "::1");
        let mut zoned = Endpoint::ip("fe80::1".parse::<Ipv6Addr>().unwrap(), 80);
        zoned.scope = Some("eth0".into());
        assert_eq!(endpoint(&zoned).to_string(), "[fe80::1%eth0]:80");
        assert_eq!(endpoint(&Endpoint::unix("/run/a\u{1b}[m")).to_string(), "/run/a\u{fffd}[m");
        assert_eq!(format!("{:>10}", endpoint(&Endpoint::ip([1, 2, 3, 4], 5))), " 1.2.3.4:5");
    }
}
