//! What came back to a request: the detail of the request stage, protocol by protocol.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An answer, by protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "protocol", rename_all = "snake_case")]
pub enum Answer {
    /// A status line and headers.
    Http(HttpAnswer),
    /// What SMTP's EHLO lists once TLS is on.
    Smtp(Capabilities),
    /// What IMAP's CAPABILITY lists once TLS is on.
    Imap(Capabilities),
    /// What POP3's CAPA lists once TLS is on.
    Pop3(Capabilities),
    /// What FTP's FEAT lists once TLS is on.
    Ftp(Capabilities),
    /// A PING's answer.
    Redis(RedisAnswer),
    /// What came back to a start-up message.
    Postgres(PostgresAnswer),
    /// What came back to a login without a password.
    Mysql(MysqlAnswer),
    /// A DNS message.
    Dns(DnsAnswer),
    /// The version.
    Memcached(MemcachedAnswer),
    /// A CONNACK.
    Mqtt(MqttAnswer),
    /// A server's clock.
    Ntp(NtpAnswer),
    /// A SOCKS server's reply.
    Socks(SocksAnswer),
}

/// What an HTTP/1.x server, or a proxy asked to CONNECT, answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAnswer {
    /// `1.1`.
    pub version: String,
    /// 100 to 999.
    pub status: u16,
    /// The words behind the status; empty where there are none.
    pub reason: String,
    /// By lower-case name; a header that comes several times has its values joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// Headers that were left out because there were more than are kept.
    pub headers_omitted: u64,
    /// From the request's last byte to the answer's first.
    pub first_byte_us: u64,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The beginning of the body, for a status of 400 alone, whose reason stands there.
    pub body: Option<String>,
}

/// What a server offers after the upgrade to TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// In the protocol's own names.
    pub capabilities: Vec<String>,
}

/// What a Redis server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisAnswer {
    /// The reply to PING, without its line end: `+PONG`, `-NOAUTH Authentication required.`
    pub reply: String,
    /// Whether it wants a login before it does anything.
    pub login_required: bool,
    /// `standalone`, `cluster`, `sentinel`; `None` where it was not told.
    pub mode: Option<String>,
    /// Its version, where it told.
    pub version: Option<String>,
}

/// What a PostgreSQL server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresAnswer {
    /// Whether it offers TLS; `None` where it was not asked.
    pub tls_offered: Option<bool>,
    /// How a client has to log in: `trust`, `password`, `md5`, `scram-sha-256`, `gss`, `sspi`.
    pub auth: Option<String>,
    /// The code of its error, for one that is no refusal of service.
    pub sqlstate: Option<String>,
    /// The words of its error.
    pub message: Option<String>,
    /// Its version, told only to those who are let in.
    pub version: Option<String>,
}

/// What a MySQL or MariaDB server answered to a login without a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MysqlAnswer {
    /// Whether it let the client in.
    pub logged_in: bool,
    /// The number of its error; 1045 is the denial that is expected.
    pub code: Option<u16>,
    /// The five letters of its error.
    pub state: Option<String>,
    /// The words of its error.
    pub message: Option<String>,
}

/// A DNS server's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`, …
    pub rcode: String,
    /// Of `aa tc rd ra ad cd`, those that are set.
    pub flags: Vec<String>,
    /// The answer section, at most 100 records.
    pub answers: Vec<DnsRecord>,
    /// Records of the answer section that were left out.
    pub answers_omitted: u64,
    /// Records in the authority section.
    pub authority: u64,
    /// The size of the message.
    pub bytes: u64,
    /// How often the question was sent.
    pub sent: u32,
}

/// A record of a DNS answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Its owner's name.
    pub name: String,
    /// `A`, `AAAA`, `CNAME`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// As zone files write it.
    pub data: String,
    /// How long it may be kept.
    pub ttl_s: u32,
}

/// What memcached answered to `version`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemcachedAnswer {
    /// `1.6.18`; `None` where it wants a login first.
    pub version: Option<String>,
    /// Its reply, without its line end.
    pub reply: String,
    /// Whether it wants a login before it does anything.
    pub login_required: bool,
}

/// What an MQTT broker answered to CONNECT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MqttAnswer {
    /// The return code of CONNACK.
    pub code: u8,
    /// What it means.
    pub reason: String,
    /// Whether it wants a name and a password.
    pub login_required: bool,
    /// Whether it kept a session for this client, which never has one.
    pub session_present: bool,
}

/// What an NTP server answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NtpAnswer {
    /// Version of the protocol.
    pub version: u8,
    /// 1 has a clock of its own; 16 is not synchronised.
    pub stratum: u8,
    /// Whether it says that its clock is synchronised.
    pub synchronised: bool,
    /// Where its time is from: a name for stratum 1, else an IPv4 address or four bytes in hex.
    pub reference: String,
    /// When it sent the answer, by its clock.
    pub transmit: Option<Timestamp>,
    /// How far its clock is ahead of this one's; `None` where this one's was not told.
    pub offset_us: Option<i64>,
    /// The way there and back, without the server's own time.
    pub delay_us: Option<u64>,
    /// The server's own distance from its source.
    pub root_delay_us: u64,
    /// The most that the server's clock may be wrong by its own reckoning.
    pub root_dispersion_us: u64,
}

/// What a SOCKS server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocksAnswer {
    /// 4 or 5.
    pub version: u8,
    /// The method that it chose (SOCKS 5): `none`, `password`, `gssapi`, or its number.
    pub method: Option<String>,
    /// Its reply to CONNECT; `None` where nothing was asked.
    pub code: Option<u8>,
    /// What the code means.
    pub reason: Option<String>,
    /// The address from which it connected, as far as it tells.
    pub bound: Option<IpAddr>,
}
