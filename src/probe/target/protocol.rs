//! How to talk to a target: the schemes, what carries each, and their ports.

/// What carries a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A TCP connection.
    Tcp,
    /// A TCP connection with TLS from the first byte.
    Tls,
    /// Datagrams of UDP.
    Udp,
    /// ICMP echoes.
    Icmp,
    /// A stream socket of this host with a path.
    Unix,
}

macro_rules! protocols {
    ($($(#[$doc:meta])* $name:ident = $scheme:literal, $carrier:ident, $port:expr;)*) => {
        /// How to talk to the target. To speak one more, add a line here and an arm where its
        /// dialogue is chosen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Protocol {
            $($(#[$doc])* $name,)*
        }

        impl Protocol {
            /// Every protocol, in the order in which help names them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The scheme before `://`.
            pub fn scheme(self) -> &'static str {
                match self { $(Self::$name => $scheme,)* }
            }

            /// What carries it.
            pub fn carrier(self) -> Carrier {
                match self { $(Self::$name => Carrier::$carrier,)* }
            }

            /// Where its servers listen when nothing else is said (IANA); `None` where a port has
            /// to be named, or there is none.
            pub fn default_port(self) -> Option<u16> {
                match self { $(Self::$name => $port,)* }
            }
        }
    };
}

protocols! {
    /// A TCP connection: handshake, what the peer says first, close.
    Tcp = "tcp", Tcp, None;
    /// A datagram, and what comes back.
    Udp = "udp", Udp, None;
    /// ICMP echoes.
    Icmp = "icmp", Icmp, None;
    /// A TLS handshake and the peer's certificate.
    Tls = "tls", Tls, Some(443);
    /// A request of HTTP/1.1.
    Http = "http", Tcp, Some(80);
    /// The same over TLS.
    Https = "https", Tls, Some(443);
    /// An SSH server's identification.
    Ssh = "ssh", Tcp, Some(22);
    /// A stream socket of this host.
    Unix = "unix", Unix, None;
}

impl Protocol {
    pub(super) fn of_scheme(scheme: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.scheme().eq_ignore_ascii_case(scheme))
    }

    /// Whether it has ports at all.
    pub fn has_port(self) -> bool {
        !matches!(self.carrier(), Carrier::Icmp | Carrier::Unix)
    }

    /// Whether a path may follow the port.
    pub fn has_path(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// The protocol whose servers are mostly at this TCP port; a guess.
    pub fn guess(port: u16) -> Option<Self> {
        let alternative = match port {
            8000 | 8008 | 8080 | 8888 => Some(Self::Http),
            4443 | 8443 => Some(Self::Https),
            2222 => Some(Self::Ssh),
            _ => None,
        };
        let own = |it: &&Self| {
            // Port 443 is HTTPS rather than bare TLS.
            !matches!(it, Self::Tls | Self::Udp)
                && it.has_port()
                && it.carrier() != Carrier::Udp
                && it.default_port() == Some(port)
        };
        alternative.or_else(|| Self::ALL.iter().find(own).copied())
    }

    /// The protocol that is meant where scheme and port belong to two different ones.
    pub(super) fn meant_instead(self, port: u16) -> Option<Self> {
        match (self, Self::guess(port)?) {
            (Self::Http, Self::Https) => Some(Self::Https),
            (Self::Https, Self::Http) => Some(Self::Http),
            _ => None,
        }
    }
}
