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
    /// A request of HTTP/2 over TLS.
    H2 = "h2", Tls, Some(443);
    /// A request of HTTP/2 in clear, with prior knowledge.
    H2c = "h2c", Tcp, Some(80);
    /// An SSH server's identification.
    Ssh = "ssh", Tcp, Some(22);
    /// A question by datagrams: dns://SERVER/NAME?type=AAAA.
    Dns = "dns", Udp, Some(53);
    /// The same over TLS (RFC 7858).
    Dot = "dot", Tls, Some(853);
    /// The same by HTTP/2 over TLS (RFC 8484), at /dns-query.
    Doh = "doh", Tls, Some(443);
    /// A mail server's greeting and extensions.
    Smtp = "smtp", Tcp, Some(25);
    /// The same with TLS from the first byte.
    Smtps = "smtps", Tls, Some(465);
    /// The same, for those who hand mail in.
    Submission = "submission", Tcp, Some(587);
    /// A mailbox's greeting and capabilities.
    Pop3 = "pop3", Tcp, Some(110);
    /// The same with TLS from the first byte.
    Pop3s = "pop3s", Tls, Some(995);
    /// A mailbox's greeting and capabilities.
    Imap = "imap", Tcp, Some(143);
    /// The same with TLS from the first byte.
    Imaps = "imaps", Tls, Some(993);
    /// A file server's greeting and features.
    Ftp = "ftp", Tcp, Some(21);
    /// The same with TLS from the first byte.
    Ftps = "ftps", Tls, Some(990);
    /// The options of Telnet, and the prompt behind them.
    Telnet = "telnet", Tcp, Some(23);
    /// The login methods of a SOCKS 5 proxy.
    Socks5 = "socks5", Tcp, Some(1080);
    /// A SOCKS 4 proxy.
    Socks4 = "socks4", Tcp, Some(1080);
    /// PING.
    Redis = "redis", Tcp, Some(6379);
    /// A start-up message without a password.
    Postgres = "postgres", Tcp, Some(5432);
    /// The handshake, and a login without a password.
    Mysql = "mysql", Tcp, Some(3306);
    /// CONNECT without a name.
    Mqtt = "mqtt", Tcp, Some(1883);
    /// The same over TLS.
    Mqtts = "mqtts", Tls, Some(8883);
    /// The version.
    Memcached = "memcached", Tcp, Some(11211);
    /// The time.
    Ntp = "ntp", Udp, Some(123);
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
        self.is_dns() || matches!(self, Self::Http | Self::Https | Self::H2 | Self::H2c)
    }

    /// Whether it asks a name server.
    pub fn is_dns(self) -> bool {
        matches!(self, Self::Dns | Self::Dot | Self::Doh)
    }

    /// Whether its connections can be upgraded to TLS.
    pub fn has_upgrade(self) -> bool {
        use Protocol::{Ftp, Imap, Mysql, Pop3, Postgres, Smtp, Submission};
        matches!(self, Smtp | Submission | Imap | Pop3 | Ftp | Postgres | Mysql)
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
