//! Which conversation to have, and what is known about the servers that have it.

use std::time::Duration;

use crate::model::dialogue::AppProtocol;

use super::datagram::Datagrams;
use super::talk::Stream;
use super::{
    Dialogue, GREETING, Input, dns, ftp, h2, http, imap, listen, memcached, mqtt, mysql, ntp,
};
use super::{pop3, postgres, redis, smtp, socks, ssh, telnet};

/// Which conversation to have.
///
/// `starttls` asks for the upgrade to TLS in the protocol's own way; what the dialogue finds out
/// after it comes as the answer, what it found out before as the greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// Say nothing; hear for so long what the peer says unasked, and recognise it.
    Listen(Duration),
    /// A request by HTTP/1.1, or a proxy's tunnel.
    Http(http::Request),
    /// A request by HTTP/2.
    H2(h2::Request),
    /// Identification strings and the offer of algorithms.
    Ssh,
    /// Greeting, EHLO, QUIT.
    Smtp {
        /// How the client names itself: a host name, or an address in brackets.
        client: String,
        /// STARTTLS.
        starttls: bool,
    },
    /// Greeting, CAPABILITY, LOGOUT.
    Imap {
        /// STARTTLS.
        starttls: bool,
    },
    /// Greeting, CAPA, QUIT.
    Pop3 {
        /// STLS.
        starttls: bool,
    },
    /// Greeting, FEAT, QUIT.
    Ftp {
        /// AUTH TLS.
        starttls: bool,
    },
    /// The options, and what is shown once they are declined.
    Telnet,
    /// PING, INFO server, QUIT.
    Redis,
    /// A start-up message without a password.
    Postgres {
        /// The user's name; needs not exist.
        user: String,
        /// SSLRequest.
        starttls: bool,
    },
    /// The handshake, a login without a password, `COM_QUIT`.
    Mysql {
        /// The user's name; needs not exist.
        user: String,
        /// An SSLRequest packet.
        starttls: bool,
    },
    /// `version`, `quit`.
    Memcached,
    /// CONNECT with a clean session and no name, DISCONNECT.
    Mqtt,
    /// A question in datagrams.
    Dns(dns::Question),
    /// A question over a stream: TCP, or TLS (RFC 7858).
    DnsOverStream(dns::Question),
    /// A question by HTTP/2 (RFC 8484).
    DnsOverHttps(h2::Request, dns::Question),
    /// The time.
    Ntp(ntp::Ask),
    /// The method alone, or a way through.
    Socks5 {
        /// Where to; `None` asks for no connection.
        end: Option<socks::End>,
        /// Offered beside no login at all.
        login: Option<socks::Login>,
    },
    /// A way through; without an end, one to nowhere.
    Socks4 {
        /// Where to.
        end: Option<socks::End>,
    },
}

impl Exchange {
    /// Starts it.
    pub fn begin(&self) -> Box<dyn Dialogue> {
        match self {
            Self::Listen(patience) => Box::new(listen::Listen::new(*patience)),
            Self::Http(request) => Box::new(Stream::new(http::Http::new(request.clone()))),
            Self::H2(request) => Box::new(Stream::new(h2::H2::new(request.clone(), None))),
            Self::Ssh => Box::new(Stream::new(ssh::Ssh::default())),
            Self::Smtp { client, starttls } => {
                Box::new(Stream::new(smtp::Smtp::new(client, *starttls)))
            }
            Self::Imap { starttls } => Box::new(Stream::new(imap::Imap::new(*starttls))),
            Self::Pop3 { starttls } => Box::new(Stream::new(pop3::Pop3::new(*starttls))),
            Self::Ftp { starttls } => Box::new(Stream::new(ftp::Ftp::new(*starttls))),
            Self::Telnet => Box::new(Stream::new(telnet::Telnet::default())),
            Self::Redis => Box::new(Stream::new(redis::Redis::default())),
            Self::Postgres { user, starttls } => {
                Box::new(Stream::new(postgres::Postgres::new(user, *starttls)))
            }
            Self::Mysql { user, starttls } => {
                Box::new(Stream::new(mysql::Mysql::new(user, *starttls)))
            }
            Self::Memcached => Box::new(Stream::new(memcached::Memcached)),
            Self::Mqtt => Box::new(Stream::new(mqtt::Mqtt)),
            Self::Dns(question) => Box::new(Datagrams::new(question.clone())),
            Self::DnsOverStream(question) => {
                Box::new(Stream::new(dns::OverStream(question.clone())))
            }
            Self::DnsOverHttps(request, question) => {
                Box::new(Stream::new(h2::H2::new(request.clone(), Some(question.clone()))))
            }
            Self::Ntp(ask) => Box::new(Datagrams::new(ask.clone())),
            Self::Socks5 { end, login } => {
                Box::new(Stream::new(socks::Socks5::new(end.clone(), login.clone())))
            }
            Self::Socks4 { end } => Box::new(Stream::new(socks::Socks4::new(end.clone()))),
        }
    }

    /// Whether its first word is ours.
    pub fn speaks_first(&self) -> bool {
        !self.begin().step(Input::Opened, Duration::ZERO).send.is_empty()
    }

    /// The protocol that it speaks; `None` where it only listens.
    pub fn protocol(&self) -> Option<AppProtocol> {
        Some(match self {
            Self::Listen(_) => return None,
            Self::Http(_) => AppProtocol::Http,
            Self::H2(_) => AppProtocol::H2,
            Self::Ssh => AppProtocol::Ssh,
            Self::Smtp { .. } => AppProtocol::Smtp,
            Self::Imap { .. } => AppProtocol::Imap,
            Self::Pop3 { .. } => AppProtocol::Pop3,
            Self::Ftp { .. } => AppProtocol::Ftp,
            Self::Telnet => AppProtocol::Telnet,
            Self::Redis => AppProtocol::Redis,
            Self::Postgres { .. } => AppProtocol::Postgres,
            Self::Mysql { .. } => AppProtocol::Mysql,
            Self::Memcached => AppProtocol::Memcached,
            Self::Mqtt => AppProtocol::Mqtt,
            Self::Dns(_) | Self::DnsOverStream(_) | Self::DnsOverHttps(..) => AppProtocol::Dns,
            Self::Ntp(_) => AppProtocol::Ntp,
            Self::Socks5 { .. } => AppProtocol::Socks5,
            Self::Socks4 { .. } => AppProtocol::Socks4,
        })
    }

    /// Whether it is spoken in datagrams.
    pub fn is_datagram(&self) -> bool {
        matches!(self, Self::Dns(_) | Self::Ntp(_))
    }

    /// How long its servers may take to greet; `None` where they wait for the client's word.
    pub fn greets_within(&self) -> Option<Duration> {
        match self {
            Self::Listen(patience) => Some(*patience),
            Self::Ssh
            | Self::Smtp { .. }
            | Self::Imap { .. }
            | Self::Pop3 { .. }
            | Self::Ftp { .. }
            | Self::Mysql { .. } => Some(GREETING),
            Self::Telnet => Some(telnet::PROMPT),
            Self::Http(_)
            | Self::H2(_)
            | Self::Redis
            | Self::Postgres { .. }
            | Self::Memcached
            | Self::Mqtt
            | Self::Dns(_)
            | Self::DnsOverStream(_)
            | Self::DnsOverHttps(..)
            | Self::Ntp(_)
            | Self::Socks5 { .. }
            | Self::Socks4 { .. } => None,
        }
    }

    /// Whether its servers are asked to end the connection: by `Connection: close`, or a QUIT.
    pub fn asks_to_close(&self) -> bool {
        match self {
            Self::Http(_)
            | Self::Smtp { .. }
            | Self::Imap { .. }
            | Self::Pop3 { .. }
            | Self::Ftp { .. }
            | Self::Redis
            | Self::Memcached
            | Self::Mysql { .. }
            | Self::Postgres { .. } => true,
            Self::Listen(_)
            | Self::H2(_)
            | Self::Ssh
            | Self::Telnet
            | Self::Mqtt
            | Self::Dns(_)
            | Self::DnsOverStream(_)
            | Self::DnsOverHttps(..)
            | Self::Ntp(_)
            | Self::Socks5 { .. }
            | Self::Socks4 { .. } => false,
        }
    }

    /// How to come again and again without harm.
    pub fn series(&self) -> Series {
        let second = Duration::from_secs(1);
        match self {
            Self::Ssh => Series {
                interval: second,
                why: "OpenSSH drops connections by chance while many are not logged in \
                      (MaxStartups), and since 9.8 it penalises an address whose clients do not \
                      log in (PerSourcePenalties)",
            },
            Self::Mysql { .. } => Series {
                interval: second,
                why: "each attempt must go as far as the login: a hundred connections that end \
                      before it lock this host out (max_connect_errors)",
            },
            Self::Smtp { .. } => Series {
                interval: second,
                why: "mail servers limit how often a client may connect, and write each time down",
            },
            Self::Postgres { .. } => Series {
                interval: second,
                why: "a server that knows no such user writes an error for each attempt",
            },
            Self::Ftp { .. } | Self::Telnet => Series {
                interval: second,
                why: "inetd, xinetd and vsftpd stop a service, or a client, that comes too often",
            },
            Self::Ntp(_) => Series {
                interval: Duration::from_secs(8),
                why: "ntpd answers a client that asks more often than every 8 s on average with \
                      silence or RATE (discard average)",
            },
            Self::Listen(_)
            | Self::Http(_)
            | Self::H2(_)
            | Self::Imap { .. }
            | Self::Pop3 { .. }
            | Self::Redis
            | Self::Memcached
            | Self::Mqtt
            | Self::Dns(_)
            | Self::DnsOverStream(_)
            | Self::DnsOverHttps(..)
            | Self::Socks5 { .. }
            | Self::Socks4 { .. } => Series { interval: Duration::ZERO, why: "" },
        }
    }
}

/// How a series of probes has to behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// At least so long from one attempt to the next.
    pub interval: Duration,
    /// What its servers count or penalise; empty where nothing is known.
    pub why: &'static str,
}
