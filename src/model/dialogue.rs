//! What a peer said in an application protocol: its greeting, its answer, its refusal, and what
//! speaks in its place.
//!
//! Text is the peer's own, uncleaned and bounded: whoever shows it cleans it.

mod answer;

use serde::{Deserialize, Serialize};

pub use answer::{
    Answer, Capabilities, DnsAnswer, DnsRecord, HttpAnswer, MemcachedAnswer, MqttAnswer,
    MysqlAnswer, NtpAnswer, PostgresAnswer, RedisAnswer, SocksAnswer,
};

/// An application protocol that can be told by its first bytes, or be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppProtocol {
    /// HTTP/1.x (RFC 9112).
    Http,
    /// HTTP/2 without TLS (RFC 9113).
    H2,
    /// TLS records (RFC 8446).
    Tls,
    /// SSH (RFC 4253).
    Ssh,
    /// SMTP and submission (RFC 5321).
    Smtp,
    /// FTP (RFC 959).
    Ftp,
    /// IMAP (RFC 9051).
    Imap,
    /// POP3 (RFC 1939).
    Pop3,
    /// NNTP (RFC 3977).
    Nntp,
    /// Telnet option negotiation (RFC 854).
    Telnet,
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// Redis and Valkey (RESP).
    Redis,
    /// memcached's text protocol.
    Memcached,
    /// MQTT 3.1.1 and 5.
    Mqtt,
    /// AMQP 0-9-1 and 1.0.
    Amqp,
    /// NATS.
    Nats,
    /// DNS over UDP or TCP (RFC 1035).
    Dns,
    /// NTP (RFC 5905).
    Ntp,
    /// SOCKS 4 and 4a.
    Socks4,
    /// SOCKS 5 (RFC 1928).
    Socks5,
    /// VNC's remote framebuffer (RFC 6143).
    Vnc,
    /// rsync's daemon.
    Rsync,
    /// IRC (RFC 2812).
    Irc,
    /// SIP (RFC 3261).
    Sip,
    /// RTSP (RFC 7826).
    Rtsp,
    /// ManageSieve (RFC 5804).
    Sieve,
    /// X.224 over TPKT: Remote Desktop (RFC 1006).
    Rdp,
    /// LDAP (RFC 4511).
    Ldap,
    /// XMPP (RFC 6120).
    Xmpp,
}

impl AppProtocol {
    /// As people write it: `HTTP`, `PostgreSQL`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::H2 => "HTTP/2",
            Self::Tls => "TLS",
            Self::Ssh => "SSH",
            Self::Smtp => "SMTP",
            Self::Ftp => "FTP",
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Nntp => "NNTP",
            Self::Telnet => "Telnet",
            Self::Mysql => "MySQL",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Memcached => "memcached",
            Self::Mqtt => "MQTT",
            Self::Amqp => "AMQP",
            Self::Nats => "NATS",
            Self::Dns => "DNS",
            Self::Ntp => "NTP",
            Self::Socks4 => "SOCKS4",
            Self::Socks5 => "SOCKS5",
            Self::Vnc => "VNC",
            Self::Rsync => "rsync",
            Self::Irc => "IRC",
            Self::Sip => "SIP",
            Self::Rtsp => "RTSP",
            Self::Sieve => "ManageSieve",
            Self::Rdp => "RDP",
            Self::Ldap => "LDAP",
            Self::Xmpp => "XMPP",
        }
    }
}

/// What a peer said first, and what it can do: the detail of the greeting stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// What it speaks; `None` where its words belong to no protocol that is known.
    pub protocol: Option<AppProtocol>,
    /// Its own words; for a greeting that is no text, what the packet says in words.
    pub text: Option<String>,
    /// The program and its version, where it says so.
    pub software: Option<String>,
    /// What it offers, in the protocol's own names; `None` where it was not asked.
    pub capabilities: Option<Vec<String>>,
}

/// Why a service says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCause {
    /// It serves as many clients as it is permitted to.
    TooManyClients,
    /// This host, user or address is not allowed.
    NotAllowed,
    /// This host is blocked because of earlier errors.
    Blocked,
    /// It is starting, stopping or under repair.
    Unavailable,
    /// The client comes too often.
    TooFast,
    /// It gives no reason that is known.
    Other,
}

/// A service that answers, and says no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of no.
    pub cause: RefusalCause,
    /// The protocol's code for it: `421`, `53300`, `1129`, `DENIED`.
    pub code: Option<String>,
    /// Its own words.
    pub words: String,
}

/// How a dialogue ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Conclusion {
    /// The peer speaks the protocol, and answered.
    Answered,
    /// The peer speaks the protocol, and refused its service.
    Refused(Refusal),
    /// Something else speaks on this port. Where the answer itself says what the port wants,
    /// `protocol` is that: TLS for the HTTP 400 of a TLS port.
    WrongProtocol(Heard),
    /// The peer does not offer the upgrade to TLS that was asked for, or declined it.
    NoUpgrade {
        /// Its words, where it was asked; `None` where it does not list the upgrade.
        words: Option<String>,
    },
    /// The peer began in the protocol and broke its rules; the sentence says how.
    Malformed {
        /// `its reply has more than 65536 bytes and no end`
        what: String,
    },
    /// Not enough was said in time.
    Silent {
        /// How many bytes came since the last thing that was sent.
        heard_bytes: u64,
    },
    /// The peer closed the connection before it had answered.
    Closed {
        /// By RST rather than FIN.
        reset: bool,
        /// How many bytes came since the last thing that was sent.
        heard_bytes: u64,
    },
}

/// First words that do not belong to the protocol that was expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Who speaks like this; `None` where nobody known does.
    pub protocol: Option<AppProtocol>,
    /// The words, or what the packet says.
    pub text: String,
    /// The program and its version, where it says so.
    pub software: Option<String>,
    /// The first bytes, two digits each, at most 64 bytes.
    pub raw_hex: String,
}
