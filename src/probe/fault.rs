//! What can happen to a probe, before anyone judges it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::evidence::Evidence;
use super::name_server::Said;
use super::secure::Layer;
use super::security::tls::TlsFailure;
use super::settings::{Family, Settings};
use crate::model::dialogue::Conclusion;
use crate::model::probe::{CloseDetail, CloseHow, ConnectDetail, End};
use crate::sys::lookup::LookupError;
use crate::sys::routing::Route;
use crate::text::clean;

/// Why a target has no address to go to.
#[derive(Debug)]
pub(super) enum NameFault {
    /// The resolver knows no address.
    Lookup(LookupError),
    /// No name server has answered the resolver; what each says by itself.
    Servers(Vec<(SocketAddr, Said)>, LookupError),
    /// No resolver answered in this time.
    Silence(Duration),
    /// The name has addresses, and none of the version that was asked for.
    OtherFamily(Option<Family>),
    /// The target's zone is no interface of this host.
    Zone(io::Error),
}

/// Why an attempt at an address failed, and where.
#[derive(Debug)]
pub(super) enum Fault {
    /// The routing table gives no way, or not from the wished source.
    Local(io::Error),
    /// The address stands for every host of a subnet.
    Broadcast,
    /// This host lacks what an attempt needs.
    Here(io::Error),
    /// connect(2) failed; `at_once` means that it did so before anything was sent.
    Connect {
        /// The system's error.
        error: io::Error,
        /// Whether nobody else can have been asked.
        at_once: bool,
    },
    /// TCP connected to itself, and no other port is free to connect from.
    OnlyItself,
    /// The handshake was not done in time.
    Silence,
    /// The open connection broke before we closed it.
    Broken(io::Error),
    /// The proxy gave no way.
    Proxy {
        /// Its code.
        status: Option<u16>,
        /// Its word for that.
        reason: String,
        /// How the conversation with it ended.
        conclusion: Conclusion,
        /// Whether the code is one of HTTP.
        is_http: bool,
    },
    /// The name that TLS would be asked for cannot stand in a certificate.
    NoServerName,
    /// The TLS handshake failed.
    Tls(TlsFailure),
    /// The TLS handshake was not done in this time.
    TlsSilence(Duration),
}

impl Fault {
    /// Whether nothing was sent.
    pub(super) fn is_before_the_network(&self) -> bool {
        match self {
            Self::Local(_) | Self::Broadcast | Self::Here(_) | Self::OnlyItself => true,
            Self::Silence | Self::Connect { .. } | Self::Broken(_) => false,
            Self::NoServerName | Self::Tls(_) | Self::TlsSilence(_) => false,
            Self::Proxy { .. } => false,
        }
    }
}

/// The circumstances of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// Where it went.
    pub address: SocketAddr,
    /// The path, for a socket that has one in place of an address.
    pub path: Option<String>,
    /// Whether datagrams were sent.
    pub is_udp: bool,
    /// Whether that is this very host.
    pub to_self: bool,
    /// The wished source.
    pub source: Option<IpAddr>,
    /// And its port.
    pub source_port: Option<u16>,
    /// The address that the routing table chose.
    pub own: Option<IpAddr>,
    /// The patience that it had.
    pub timeout: Duration,
    /// Interface and first router on the way to it, where the system tells.
    pub way: Option<Route>,
    /// What the handshake was seen to do.
    pub connect: ConnectDetail,
    /// What TLS told, where it came to that.
    pub layer: Option<Layer>,
    /// What this host's own tables say about it.
    pub evidence: Evidence,
}

impl Scene {
    pub(super) fn new(address: SocketAddr, settings: &Settings) -> Self {
        let (source, timeout) = (settings.outfit.source, settings.connect_timeout());
        Self {
            address,
            path: None,
            is_udp: false,
            to_self: false,
            source,
            source_port: settings.outfit.source_port,
            own: None,
            timeout,
            way: None,
            connect: ConnectDetail::default(),
            layer: None,
            evidence: Evidence::default(),
        }
    }

    /// Where it went, in words.
    pub(super) fn place(&self) -> String {
        match &self.path {
            Some(path) => clean(path).into_owned(),
            None => self.address.to_string(),
        }
    }

    /// Whether an address is the one that this attempt goes out from, or any of this host where
    /// it goes to this host.
    pub(super) fn is_own(&self, address: IpAddr) -> bool {
        self.to_self || self.own == Some(address)
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
    /// The peer broke it off with an RST before we closed.
    ResetFirst,
    /// We broke it off with an RST.
    Aborted,
}

impl Ending {
    /// As the close stage tells it.
    pub(super) fn detail(self) -> CloseDetail {
        let told = |first, how, reset_by| CloseDetail { first, how, reset_by };
        match self {
            Self::PeerFirst => told(End::Peer, CloseHow::Fin, None),
            Self::Both => told(End::Us, CloseHow::Fin, None),
            Self::OursOnly => told(End::Us, CloseHow::Half, None),
            Self::Reset => told(End::Us, CloseHow::Rst, Some(End::Peer)),
            Self::ResetFirst => told(End::Peer, CloseHow::Rst, Some(End::Peer)),
            Self::Aborted => told(End::Us, CloseHow::Rst, Some(End::Us)),
        }
    }
}
