//! Why a port can or cannot be bound.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::health::Health;
use super::socket::Socket;

/// The answer to "why can('t) this be bound" (`sockpit.why/1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyReport {
    /// As the user wrote it, or would have to: `8080`, `53/udp`.
    pub target: String,
    /// Port number.
    pub port: u16,
    /// UDP instead of TCP.
    pub udp: bool,
    /// Whether a plain bind got every address that was asked for.
    pub bindable: bool,
    /// The binds that were tried, or left out.
    pub trial: Vec<TrialBind>,
    /// What stands in the way or ought to be known, the gravest first.
    pub findings: Vec<WhyFinding>,
    /// What the host's rules say of the port.
    pub rules: RuleFacts,
    /// How often the port was held, where that changed while it was looked at.
    #[serde(default)]
    pub looks: Option<Looks>,
    /// For how long packets to the port were watched; `None` where that was not asked for, or not
    /// permitted.
    #[serde(default)]
    pub watched_ms: Option<u64>,
    /// What the sources could not tell.
    pub health: Vec<Health>,
}

/// Several looks at a port that changed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    /// In so many something stood against a bind.
    pub held: usize,
    /// So many there were.
    pub taken: usize,
}

/// One bind that was tried and undone at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBind {
    /// On which address.
    pub addr: IpAddr,
    /// IPV6_V6ONLY; `None` where it was left alone. `::` with `false` takes IPv4 as well.
    pub v6_only: Option<bool>,
    /// With SO_REUSEADDR.
    pub reuse_addr: bool,
    /// With SO_REUSEPORT.
    pub reuse_port: bool,
    /// False where the trial would have done harm.
    pub tried: bool,
    /// Name of the error number; `None` when it succeeded or was not tried.
    pub error: Option<String>,
}

impl TrialBind {
    /// A bind without any option.
    pub fn is_plain(&self) -> bool {
        !self.reuse_addr && !self.reuse_port
    }

    /// Whether it was tried and succeeded.
    pub fn succeeded(&self) -> bool {
        self.tried && self.error.is_none()
    }

    /// Whether the host has no such address family at all: no answer about the port.
    pub fn is_without_family(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.ends_with("EAFNOSUPPORT"))
    }

    /// Whether it is about the same address in the same way as `other`, options apart.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.addr == other.addr && self.v6_only == other.v6_only
    }
}

/// What the host's rules say of one port; `None` where they are not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// A bind needs a right.
    pub privileged: Option<bool>,
    /// Lies where the kernel looks for ports of outgoing connections.
    pub ephemeral: Option<bool>,
    /// Set aside by `net.ipv4.ip_local_reserved_ports`.
    pub reserved: Option<bool>,
}

/// What kind of thing a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyKind {
    /// The port is held and free in turn.
    Changing,
    /// Somebody serves there: a TCP listener, or a UDP socket without peer.
    Listener,
    /// A socket on every address covers the one that was asked for.
    WildcardConflict,
    /// A socket on one address meets a bind on every address.
    SpecificConflict,
    /// An IPv6 socket takes IPv4 as well, or a bind of `::` would.
    DualStack,
    /// A TCP socket holds the port without listening.
    BoundNotListening,
    /// Closed connections that the kernel keeps.
    TimeWait,
    /// Connections that have the port as their own.
    ConnectedLocal,
    /// An outgoing connection may take the port at any moment.
    EphemeralRange,
    /// This user may not bind it.
    PrivilegedPort,
    /// Set aside by the administrator.
    ReservedPort,
    /// systemd holds it on behalf of a unit.
    SocketActivation,
    /// Sockets that belong to no process any more, or not yet.
    KernelSocket,
    /// Some process holds it, which one this user may not see.
    OwnerHidden,
    /// Somebody serves there in another network namespace, which a bind does not meet.
    OtherNetns,
    /// Who holds the port only passes it on, such as to a container.
    Forwarder,
    /// Somebody would start the holder again, or stands behind it.
    Keeper,
    /// A rule of nftables or iptables sends packets for the port elsewhere.
    NatForward,
    /// A bind with SO_REUSEPORT shares the port with those who serve there.
    ReusePortGroup,
    /// The address is none of this host's.
    AddrNotLocal,
    /// The address is this host's, but duplicate address detection keeps it from being bound.
    TentativeAddress,
    /// A UNIX socket's file that nobody has open any more.
    StalePath,
    /// Something else than a socket stands against a path, or its directory is missing.
    PathTaken,
    /// A firewall rule of this host keeps packets from outside away.
    Firewall,
    /// A server answers on every address, some of which others can reach.
    Exposure,
    /// The range of outgoing ports is used up, or nearly.
    EphemeralFull,
    /// A bind with SO_REUSEADDR shares a UDP port with those who have it.
    ReuseAddrShare,
    /// The kernel dropped packets to the port.
    Dropped,
    /// Connections to the port were reset, by this host or by the peer.
    Reset,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyFinding {
    /// What kind.
    pub kind: WhyKind,
    /// One sentence without its end. Names in it are uncleaned.
    pub text: String,
    /// The sockets that show it.
    pub sockets: Vec<Socket>,
    /// What would help.
    pub remedies: Vec<Remedy>,
    /// Which rules send packets elsewhere; empty for every other kind.
    #[serde(default)]
    pub forwards: Vec<Forward>,
    /// What the sockets that hold the port let others share; `None` for findings that it does
    /// not matter to.
    #[serde(default)]
    pub reuse: Option<Reuse>,
}

/// Options that let two sockets have one port; `None` where they could not be read, or where
/// the sockets of a finding differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reuse {
    /// SO_REUSEADDR.
    pub reuse_addr: Option<bool>,
    /// SO_REUSEPORT.
    pub reuse_port: Option<bool>,
}

/// A rule that changes where packets for the port go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Whose packets.
    pub from: ForwardFrom,
    /// The new destination's address; `None` where the rule leaves it to other facts, and for a
    /// redirection to this host.
    pub addr: Option<IpAddr>,
    /// Whether the new destination is this host.
    pub to_this_host: bool,
    /// The new destination's port; `None` where it stays or is left to other facts.
    pub port: Option<u16>,
    /// Which rule.
    pub rule: ForwardRule,
    /// What else must hold for it, each a few words: `from interface eth0`, `unless to
    /// 10.0.0.0/8`. Names in it are uncleaned. Empty where it takes every packet.
    pub conditions: Vec<String>,
}

/// Whose packets a rule takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardFrom {
    /// Those that come in from an interface.
    Outside,
    /// Those of this host's own processes.
    ThisHost,
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardRule {
    /// `nftables`, or `iptables-legacy`. iptables-nft writes to the former.
    pub program: String,
    /// `ip`, `ip6`, `inet`.
    pub family: String,
    /// Its table, uncleaned.
    pub table: String,
    /// Its chain, uncleaned.
    pub chain: String,
    /// As `nft -a list` shows it; for iptables-legacy the rule's number in its chain.
    pub handle: u64,
}

/// A command that would help. Text only: it may name units and containers that come from a
/// cgroup path, which a user can forge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// What it does, in a few words.
    pub text: String,
    /// Program and arguments, uncleaned.
    pub argv: Vec<String>,
}
