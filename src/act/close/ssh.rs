//! The connection that sshd names in `SSH_CONNECTION` (`ssh(1)`, ENVIRONMENT).

use std::net::IpAddr;

use crate::model::socket::{Endpoint, Protocol, Socket};

/// Both ends of the connection that sockpit's user came in over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SshConnection {
    client: (IpAddr, u16),
    server: (IpAddr, u16),
}

impl SshConnection {
    /// Reads `CLIENT_IP CLIENT_PORT SERVER_IP SERVER_PORT`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let mut end = || {
            let (addr, _zone) = split_zone(words.next()?);
            Some((addr.parse::<IpAddr>().ok()?.to_canonical(), words.next()?.parse().ok()?))
        };
        Some(Self { client: end()?, server: end()? })
    }

    /// Whether a socket is one of its ends.
    pub(super) fn has_end(&self, socket: &Socket) -> bool {
        let ends = (socket.protocol == Protocol::Tcp).then(|| ends(socket)).flatten();
        ends.is_some_and(|(local, remote)| {
            (local, remote) == (self.server, self.client)
                || (local, remote) == (self.client, self.server)
        })
    }
}

fn split_zone(addr: &str) -> (&str, &str) {
    addr.split_once('%').unwrap_or((addr, ""))
}

type End = (IpAddr, u16);

fn ends(socket: &Socket) -> Option<(End, End)> {
    let end = |end: &Endpoint| Some((end.canonical_addr()?, end.port?));
    Some((end(&socket.local)?, end(socket.remote.as_ref()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Family, State};

    fn socket(local: &str, remote: &str) -> Socket {
        let end = |text: &str| {
            let addr: std::net::SocketAddr = text.parse().unwrap();
            Endpoint::ip(addr.ip(), addr.port())
        };
        let mut socket = Socket::new(Family::Ipv6, Protocol::Tcp, State::Established, end(local));
        socket.remote = Some(end(remote));
        socket
    }

    #[test]
    fn both_ends_are_known_whatever_the_family_of_their_socket() {
        let ssh = SshConnection::parse("192.0.2.7 51544 192.0.2.1 22").unwrap();
        assert!(ssh.has_end(&socket("[::ffff:192.0.2.1]:22", "[::ffff:192.0.2.7]:51544")));
        assert!(ssh.has_end(&socket("192.0.2.7:51544", "192.0.2.1:22")));
        assert!(!ssh.has_end(&socket("192.0.2.1:22", "192.0.2.7:51545")));
        let zoned = SshConnection::parse("fe80::7%eth0 51544 fe80::1%eth0 22").unwrap();
        assert!(zoned.has_end(&socket("[fe80::1]:22", "[fe80::7]:51544")));
    }

    #[test]
    fn nonsense_is_no_connection() {
        for text in ["", "192.0.2.7", "192.0.2.7 51544 192.0.2.1", "a 1 b 2", "::1 x ::1 22"] {
            assert_eq!(SshConnection::parse(text), None, "{text}");
        }
    }
}
