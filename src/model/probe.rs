//! What a connection test found, stage by stage.

mod detail;
mod place;
mod stage_name;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::health::Health;

pub use detail::{
    BytesDetail, Certificate, CloseDetail, CloseHow, ConnectDetail, Detail, EchoDetail, End,
    FastOpenDetail, GreetingDetail, Hop, HopEnd, IcmpAnswer, ListenerDetail, LocalDetail,
    ProxyDetail, RequestDetail, ResolveDetail, ResolveSource, RouteKind, RstDetail, TlsDetail,
    TlsFault,
};
pub use stage_name::StageName;

/// One timed stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Which, and what was learnt in it.
    #[serde(flatten)]
    pub detail: Detail,
    /// Whether it succeeded.
    pub ok: bool,
    /// How long it took.
    pub duration_us: u64,
}

impl Stage {
    /// Which.
    pub fn name(&self) -> StageName {
        self.detail.stage()
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It answers.
    Ok,
    /// An RST, or an ICMP port unreachable, in answer to the first packet.
    Refused,
    /// Nothing heard in time.
    Timeout,
    /// No route, or a router said so.
    Unreachable,
    /// An RST later than the handshake.
    Reset,
    /// The peer closed before it answered.
    Closed,
    /// The name has no address, or no server answered for it.
    DnsFailed,
    /// TLS handshake or certificate.
    TlsFailed,
    /// The peer speaks something else.
    ProtocolError,
    /// This host's rules forbid it.
    NotPermitted,
    /// This host could not try: no descriptor, no free port, a bad address.
    LocalError,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Refused,
        Self::Timeout,
        Self::Unreachable,
        Self::Reset,
        Self::Closed,
        Self::DnsFailed,
        Self::TlsFailed,
        Self::ProtocolError,
        Self::NotPermitted,
        Self::LocalError,
    ];

    /// Whether nobody answered.
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Timeout | Self::Unreachable)
    }

    /// The lower-case name used in JSON and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::DnsFailed => "dns_failed",
            Self::TlsFailed => "tls_failed",
            Self::ProtocolError => "protocol_error",
            Self::NotPermitted => "not_permitted",
            Self::LocalError => "local_error",
        }
    }
}

/// Where the fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// This host: routes, rules, a full accept queue.
    Local,
    /// Between the two.
    Path,
    /// The other endpoint, also on this machine.
    Peer,
}

impl Side {
    /// The lower-case name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Path => "path",
            Self::Peer => "peer",
        }
    }
}

/// The answer in one word and one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Who is at fault; `None` when all is well or nobody can tell.
    pub side: Option<Side>,
    /// One sentence, with the next step where there is one.
    pub text: String,
    /// Name of the errno that the system gave: `ECONNREFUSED`.
    pub errno: Option<String>,
}

/// One attempt at one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Round, from 1. Where the first address of a name fails, the attempts at its further
    /// addresses belong to the same round.
    pub seq: u64,
    /// Where it went, with port 0 where there is none; `None` when no address was found.
    #[serde(with = "place")]
    pub address: Option<SocketAddr>,
    /// In order.
    pub stages: Vec<Stage>,
    /// The answer.
    pub verdict: Verdict,
}

/// Times of the connect stage over all attempts; `None` where none succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSummary {
    /// Attempts made.
    pub sent: u64,
    /// Of these, ok.
    pub ok: u64,
    /// Of these, answered by nobody: a timeout, or unreachable. A refusal is an answer, and
    /// what this host could not try was not sent.
    pub lost: u64,
    /// Fastest.
    pub min_us: Option<u64>,
    /// Median.
    pub p50_us: Option<u64>,
    /// 90th percentile.
    pub p90_us: Option<u64>,
    /// 99th percentile.
    pub p99_us: Option<u64>,
    /// Slowest.
    pub max_us: Option<u64>,
    /// By how much one time differs from that before, on average; `None` with fewer than two.
    #[serde(default)]
    pub jitter_us: Option<u64>,
}

/// What a client would do that tries the addresses of a name by turns (RFC 8305).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HappyEyeballs {
    /// The address that it would use; `None` where none can be connected to.
    pub picked: Option<SocketAddr>,
    /// After so long.
    pub after_us: Option<u64>,
}

/// All attempts at one target (`sockpit.probe/1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// As the user wrote it.
    pub target: String,
    /// In order: the newest ones, at most 10,000.
    pub attempts: Vec<Attempt>,
    /// Earlier attempts that no longer fit; the summary counts them too.
    #[serde(default)]
    pub attempts_forgotten: u64,
    /// The last attempt's.
    pub verdict: Verdict,
    /// Over all attempts.
    pub summary: ProbeSummary,
    /// The hops on the way to the last address; `None` where they were not asked for.
    #[serde(default)]
    pub path: Option<Vec<Hop>>,
    /// What happy eyeballs would do; `None` where the addresses were not tried side by side.
    #[serde(default)]
    pub happy_eyeballs: Option<HappyEyeballs>,
    /// What could not be looked at while probing.
    #[serde(default)]
    pub health: Vec<Health>,
}
