//! What the stages of a connection test found. Each is typed here and put into words in
//! `text::probe` alone; the field names are those of the JSON contract. Text from the peer is
//! kept as it came, cut to a bound.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::stage_name::StageName;
use crate::model::dialogue::{Answer, DnsRecord, Greeting};
use crate::model::socket::Backlog;

/// The facts of one stage; which stage it is follows from the kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "detail", rename_all = "snake_case")]
pub enum Detail {
    /// Name to addresses.
    Resolve(ResolveDetail),
    /// This host's source address and route.
    Local(LocalDetail),
    /// Through a proxy.
    Proxy(ProxyDetail),
    /// Transport handshake.
    Connect(Box<ConnectDetail>),
    /// TLS handshake.
    Tls(Box<TlsDetail>),
    /// What the peer says first.
    Greeting(GreetingDetail),
    /// Request and answer.
    Request(RequestDetail),
    /// End of the connection.
    Close(CloseDetail),
}

impl Detail {
    /// Which stage it belongs to.
    pub fn stage(&self) -> StageName {
        match self {
            Self::Resolve(_) => StageName::Resolve,
            Self::Local(_) => StageName::Local,
            Self::Proxy(_) => StageName::Proxy,
            Self::Connect(_) => StageName::Connect,
            Self::Tls(_) => StageName::Tls,
            Self::Greeting(_) => StageName::Greeting,
            Self::Request(_) => StageName::Request,
            Self::Close(_) => StageName::Close,
        }
    }
}

/// Where the addresses of a name came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolveSource {
    /// The hosts file.
    Hosts,
    /// A name server.
    Dns,
    /// Multicast DNS (RFC 6762).
    Mdns,
    /// The target is an address.
    Literal,
}

/// The resolve stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResolveDetail {
    /// The name that was asked for.
    pub name: String,
    /// The name server that answered; `None` where the system does not tell.
    pub server: Option<SocketAddr>,
    /// Where the answer came from; `None` where the system does not tell.
    pub source: Option<ResolveSource>,
    /// What the name server said.
    pub records: Vec<DnsRecord>,
    /// The addresses that the system would try, in its order.
    pub addresses: Vec<IpAddr>,
    /// Of these, those that this host cannot reach at all, or that are too many.
    pub not_tried: Vec<IpAddr>,
}

/// What the routing table says of a destination (`RTN_*` of linux/rtnetlink.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// Another host, on the link or behind a router.
    Unicast,
    /// This host.
    Local,
    /// Every host of a subnet.
    Broadcast,
    /// Any one of several hosts.
    Anycast,
    /// A group of hosts.
    Multicast,
}

/// The local stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalDetail {
    /// The address that the peer would see; where there is no way, the wished one.
    pub source: Option<IpAddr>,
    /// Whether the target is this very host; `None` where there is no way.
    pub to_self: Option<bool>,
    /// The interface that packets leave by; `None` where the system does not tell.
    pub interface: Option<String>,
    /// The first router; `None` where the target is on the link.
    pub gateway: Option<IpAddr>,
    /// Largest packet of that interface, without link header.
    pub mtu_bytes: Option<u64>,
    /// What the routing table says the target is.
    pub route: Option<RouteKind>,
}

/// The proxy stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyDetail {
    /// `socks5`, `http`.
    pub protocol: String,
    /// Where the proxy is.
    pub proxy: Option<SocketAddr>,
    /// What it was asked to connect to.
    pub target: String,
    /// Its reply code: of RFC 1928, or an HTTP status; `None` when it sent none.
    pub status: Option<u16>,
    /// Its word for that.
    pub reason: Option<String>,
}

/// An ICMP error that came back, from the error queue of the socket (`ip(7)`, IP_RECVERR).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpAnswer {
    /// Whether it is of ICMPv6.
    pub v6: bool,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// Who sent it.
    pub from: Option<IpAddr>,
}

/// A hop on the way to a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The time to live, or hop limit, that led here.
    pub ttl: u8,
    /// Who answered; `None` where nobody did.
    pub address: Option<IpAddr>,
    /// How long that took.
    pub rtt_us: Option<u64>,
    /// The ICMP error that came from here.
    pub icmp: Option<IcmpAnswer>,
    /// How the way ends here, where it does.
    pub end: Option<HopEnd>,
}

/// How a way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HopEnd {
    /// The target answers.
    Connected,
    /// The target refuses.
    Refused,
    /// Somebody forbids it, or does not know the way on.
    Rejected,
}

impl HopEnd {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
        }
    }
}

/// A listener on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerDetail {
    /// `127.0.0.1:80`, `*:80`.
    pub at: String,
    /// `python3 4242`, `nginx 12 and 3 more`, or what is known instead.
    pub owner: String,
    /// Whether every process that holds it is stopped; `None` where that is not known.
    pub stopped: Option<bool>,
    /// Its accept queue, where the system tells.
    pub backlog: Option<Backlog>,
}

/// An RST that ended an attempt, by the times to live (hop limits) with which packets arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RstDetail {
    /// That of the RST.
    pub ttl: u8,
    /// That of the SYN-ACK before it, where there was one.
    pub syn_ack_ttl: Option<u8>,
    /// That of the target's reply to an echo, where one came.
    pub echo_ttl: Option<u8>,
    /// Whether a device before the target has sent it in the target's name.
    pub before_target: bool,
}

/// What came of TCP Fast Open (RFC 7413).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FastOpenDetail {
    /// Whether a cookie of the target's address was known; else one was asked for.
    pub cookie: bool,
    /// Whether the target took the data that went with the SYN; `None` where none went, or nobody
    /// told.
    pub accepted: Option<bool>,
}

/// The connect stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectDetail {
    /// Our end.
    pub local: Option<SocketAddr>,
    /// Where it went; `None` for the path of a socket.
    pub remote: Option<SocketAddr>,
    /// Smoothed round-trip time, where the kernel tells.
    pub rtt_us: Option<u32>,
    /// Largest segment that we may send.
    pub mss: Option<u32>,
    /// Whether the connection is one of Multipath TCP (RFC 8684), where that was asked for.
    pub mptcp: Option<bool>,
    /// What came of TCP Fast Open, where that was asked for.
    pub fast_open: Option<FastOpenDetail>,
    /// How often the SYN was sent again.
    pub retransmits: Option<u32>,
    /// ICMP errors that came back, in order.
    pub icmp: Vec<IcmpAnswer>,
    /// How often TCP had connected to itself before (RFC 9293, 3.5): such a connect is no answer.
    pub self_connects: u32,
    /// The listener on this host that the target is, where one was looked for and found.
    pub listener: Option<ListenerDetail>,
    /// The RST, where a capture was permitted.
    pub rst: Option<RstDetail>,
}

/// What is wrong with a certificate, or with TLS altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFault {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It names other hosts.
    WrongName,
    /// It is signed by itself.
    SelfSigned,
    /// Nobody known vouches for it.
    UnknownIssuer,
    /// Its key or signature is too weak.
    Weak,
    /// It is not meant for servers.
    WrongPurpose,
    /// It has been revoked.
    Revoked,
    /// It cannot be read, or breaks a rule.
    Malformed,
    /// The server wants a certificate of ours.
    ClientCertificateRequired,
    /// The two sides have no cipher in common.
    NoCommonCipher,
    /// The two sides have no version of TLS in common (alert 70).
    NoCommonVersion,
    /// The server knows no host of that name (alert 112).
    UnrecognizedName,
    /// The peer does not speak TLS.
    NotTls,
}

impl TlsFault {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongName => "wrong_name",
            Self::SelfSigned => "self_signed",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Weak => "weak",
            Self::WrongPurpose => "wrong_purpose",
            Self::Revoked => "revoked",
            Self::Malformed => "malformed",
            Self::ClientCertificateRequired => "client_certificate_required",
            Self::NoCommonCipher => "no_common_cipher",
            Self::NoCommonVersion => "no_common_version",
            Self::UnrecognizedName => "unrecognized_name",
            Self::NotTls => "not_tls",
        }
    }
}

/// A certificate of the peer's chain. Text is uncleaned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Distinguished name.
    pub subject: String,
    /// Distinguished name of who signed it.
    pub issuer: String,
    /// The hosts that it is for: DNS names and addresses.
    pub names: Vec<String>,
    /// From when it counts, RFC 3339.
    pub not_before: Option<String>,
    /// Until when it counts, RFC 3339.
    pub not_after: Option<String>,
    /// Whole days left, negative once it is over.
    pub days_left: Option<i64>,
    /// `RSA 2048`, `EC P-256`, `Ed25519`.
    pub key: String,
    /// `sha256WithRSAEncryption`, or the object identifier.
    pub signature: String,
}

/// The tls stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TlsDetail {
    /// `TLSv1.3`.
    pub version: Option<String>,
    /// `TLS13_AES_256_GCM_SHA384`.
    pub cipher: Option<String>,
    /// `X25519`.
    pub group: Option<String>,
    /// The application protocol that the server chose.
    pub alpn: Option<String>,
    /// The name that was asked for.
    pub server_name: Option<String>,
    /// The chain, the server's own first.
    pub peer: Vec<Certificate>,
    /// Whether the server asked for a certificate of ours.
    pub client_certificate_asked: bool,
    /// What is wrong, if anything.
    pub fault: Option<TlsFault>,
    /// The TLS alert that came back, by its number (RFC 8446, 6).
    pub alert: Option<u8>,
    /// What the peer said in place of TLS.
    pub instead: Option<String>,
}

/// The greeting stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreetingDetail {
    /// What the peer said first.
    #[serde(flatten)]
    pub greeting: Greeting,
    /// Whether the protocol was told by port or greeting, and not asked for.
    pub guessed: bool,
    /// Whether the peer closed its side meanwhile.
    pub ended: bool,
}

/// The request stage: what was asked, and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestDetail {
    /// Of an application protocol, which it names.
    Answer(Box<Answer>),
    /// An ICMP echo.
    Echo(EchoDetail),
    /// Bytes of the user's own.
    Bytes(BytesDetail),
    /// Nothing that is an answer.
    Nothing {
        /// Bytes that came all the same.
        received_bytes: u64,
    },
}

/// An ICMP echo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EchoDetail {
    /// Its sequence number.
    pub echo_sequence: u16,
    /// Bytes that came back, without headers.
    pub bytes: Option<u64>,
    /// Time to live, or hop limit, of the reply.
    pub ttl: Option<u8>,
}

/// Bytes that the user sent, and those that came back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BytesDetail {
    /// How many were sent.
    pub sent_bytes: u64,
    /// How many came back.
    pub received_bytes: u64,
    /// What came back, as text.
    pub received_text: String,
    /// The same, two digits a byte.
    pub received_hex: String,
    /// From the request to the first byte.
    pub first_byte_us: Option<u64>,
}

/// Who closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// We.
    Us,
    /// The other side.
    Peer,
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseHow {
    /// Both sides ended with a FIN.
    Fin,
    /// One side broke it off with an RST.
    Rst,
    /// We ended our side with a FIN, and the peer had not ended its own for as long as we waited.
    Half,
}

/// The close stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseDetail {
    /// Who closed first.
    pub first: End,
    /// How it ended.
    pub how: CloseHow,
    /// Who sent the RST, where one was sent.
    pub reset_by: Option<End>,
}
