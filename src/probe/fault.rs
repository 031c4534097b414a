//! What can happen to a probe, before anyone judges it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Settings;
use super::listener::Evidence;
use crate::sys::lookup::LookupError;
use crate::sys::way::Way;

/// Why a target has no address to go to.
#[derive(Debug)]
pub(super) enum NameFault {
    /// The resolver knows no address.
    Lookup(LookupError),
    /// No resolver answered in this time.
    Silence(Duration),
    /// The target's zone is no interface of this host.
    Zone(io::Error),
}

/// Why an attempt at an address failed, and where.
#[derive(Debug)]
pub(super) enum Fault {
    /// The routing table gives no way, or not from the wished source.
    Local(io::Error),
    /// This host lacks what an attempt needs.
    Here(io::Error),
    /// connect(2) failed; `at_once` means that it did so before anything was sent.
    Connect {
        /// The system's error.
        error: io::Error,
        /// Whether nobody else can have been asked.
        at_once: bool,
    },
    /// The handshake was not done in time.
    Silence,
    /// The open connection broke before we closed it.
    Broken(io::Error),
}

impl Fault {
    /// Whether this host's own socket table could explain it, where the target is this host.
    pub(super) fn asks_for_evidence(&self) -> bool {
        match self {
            Self::Silence => true,
            Self::Connect { error, .. } => error.kind() == io::ErrorKind::ConnectionRefused,
            Self::Local(_) | Self::Here(_) | Self::Broken(_) => false,
        }
    }
}

/// The circumstances of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// Where it went.
    pub address: SocketAddr,
    /// Whether that is this very host.
    pub to_self: bool,
    /// The wished source.
    pub source: Option<IpAddr>,
    /// The patience that it had.
    pub timeout: Duration,
    /// Interface and first router on the way to it, where the system tells.
    pub way: Option<Way>,
    /// How often its SYN was sent again; `None` where the system does not tell.
    pub syn_retransmits: Option<u32>,
    /// What this host's own socket table says about it.
    pub evidence: Evidence,
}

impl Scene {
    pub(super) fn new(address: SocketAddr, settings: &Settings) -> Self {
        let Settings { source, timeout, .. } = *settings;
        Self {
            address,
            to_self: false,
            source,
            timeout,
            way: None,
            syn_retransmits: None,
            evidence: Evidence::Unasked,
        }
    }
}

/// How the connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The peer closed before we did.
    PeerFirst,
    /// We closed, and the peer followed.
    Both,
    /// We closed, and the peer did not for as long as we waited.
    OursOnly,
    /// We closed, and the peer answered with an RST.
    Reset,
}

impl Ending {
    /// What the peer did, as the close stage's detail says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PeerFirst => "fin_first",
            Self::Both => "fin",
            Self::OursOnly => "silent",
            Self::Reset => "rst",
        }
    }
}

/// How a peer behaved that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manners {
    /// What it said unasked.
    pub greeting: Option<String>,
    /// How the connection ended.
    pub ending: Ending,
}
