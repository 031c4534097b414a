//! Who made an option differ from an untouched socket's: the program, or the kernel for a reason of
//! its own. Each reason was seen on sockets on which nothing had been set (Linux 6.18).

use std::net::IpAddr;

use crate::catalog::sockopts::Entry;
use crate::model::options::{OptionValue, SocketOption};
use crate::model::socket::{Endpoint, Family, Protocol};
use crate::sys::options::sysctl;

use super::situation::Situation;

/// Who it was.
pub(super) enum Cause {
    Program,
    /// The kernel, and why.
    Kernel(String),
    /// Nobody can tell, and why.
    Unknown(String),
}

/// `TFO_SERVER_WO_SOCKOPT1` of net/tcp.h: listeners take Fast Open by themselves.
const FASTOPEN_UNASKED: i64 = 0x400;

/// Who made the option differ. `own_netns`: whether sockpit's own sysctls are those of the socket.
pub(super) fn of(
    entry: &Entry,
    option: &SocketOption,
    situation: &Situation<'_>,
    own_netns: bool,
) -> Cause {
    if !entry.is_settable_on(situation.family.name(), situation.protocol.name()) {
        let by_syn = "accept takes it from the SYN that opened the connection; the program \
                      cannot set it on such a socket";
        return Cause::Kernel(by_syn.to_owned());
    }
    let of_kernel = match entry.name.as_str() {
        "IPV6_V6ONLY" => by_address(option, situation),
        "SO_BINDTODEVICE" | "SO_BINDTOIFINDEX" => by_scope(situation),
        "SO_SNDBUF" | "SO_RCVBUF" => sized_by_kernel(entry, situation),
        "SO_RCVLOWAT" if option.value == OptionValue::Number(0) => Some(
            "a connection that an MPTCP listener accepted as plain TCP begins with 0".to_owned(),
        ),
        "TCP_NOTSENT_LOWAT" if option.value == OptionValue::Number(u32::MAX.into()) => {
            by_fallback(situation)
        }
        "IP_TOS" | "IPV6_TCLASS" => by_ecn(option, situation),
        "SO_PRIORITY" => by_tos(option, situation),
        "SO_TXREHASH" => by_sysctl(option, own_netns, "net.core.txrehash", |told| told != 0),
        "TCP_FASTOPEN" if situation.listens => fastopen(own_netns),
        "IPV6_UNICAST_HOPS" if situation.connected => return by_route(),
        _ => None,
    };
    of_kernel.map_or(Cause::Program, Cause::Kernel)
}

fn ip(endpoint: &Endpoint) -> Option<IpAddr> {
    endpoint.socket_addr().map(|addr| addr.ip())
}

/// bind(2) to one IPv6 address makes a socket IPv6 only, and accept(2) passes that on.
fn by_address(option: &SocketOption, situation: &Situation<'_>) -> Option<String> {
    let Some(IpAddr::V6(addr)) = ip(situation.local) else { return None };
    let is_one = !addr.is_unspecified() && addr.to_ipv4_mapped().is_none();
    (is_one && option.value == OptionValue::Bool(true) && situation.family == Family::Ipv6)
        .then(|| format!("it is bound to one IPv6 address ({addr}), which takes no IPv4 anyway"))
}

/// A link-local address is good on one interface alone, to which the kernel binds the socket.
fn by_scope(situation: &Situation<'_>) -> Option<String> {
    let ends = [Some(situation.local), situation.remote];
    let is_local = |addr: &IpAddr| match addr {
        IpAddr::V6(addr) => addr.is_unicast_link_local() || addr.is_multicast(),
        IpAddr::V4(_) => false,
    };
    let addr = ends.into_iter().flatten().filter_map(ip).find(is_local)?;
    Some(format!("{addr} is good on one interface alone, to which the kernel binds the socket"))
}

/// What setsockopt sizes is locked (SO_BUF_LOCK).
fn sized_by_kernel(entry: &Entry, situation: &Situation<'_>) -> Option<String> {
    let by_hand = situation.is_locked(&entry.name)?;
    (situation.tcp && !by_hand).then(|| {
        format!("no program set {}: SO_BUF_LOCK says that the kernel sized it", entry.name)
    })
}

/// A subflow has no limit; one that goes on as plain TCP keeps that.
fn by_fallback(situation: &Situation<'_>) -> Option<String> {
    let over_mptcp = situation.protocol == Protocol::Mptcp
        || situation.answer("TCP_ULP").is_some_and(|name| name.starts_with(b"mptcp"));
    // A connection that an MPTCP listener accepted shows by nothing else.
    let accepted = situation.int("SO_RCVLOWAT") == Some(0);
    (situation.connected && (over_mptcp || accepted)).then(|| {
        "MPTCP sets it on its subflows, and leaves it when it falls back to TCP".to_owned()
    })
}

/// The two ECN bits belong to TCP.
fn by_ecn(option: &SocketOption, situation: &Situation<'_>) -> Option<String> {
    let number = |value: &OptionValue| match value {
        OptionValue::Number(number) => Some(number & !3),
        _ => None,
    };
    let default = option.default.as_ref().and_then(number)?;
    (situation.tcp && situation.connected && number(&option.value)? == default)
        .then(|| "the two low bits are those of ECN, which this connection negotiated".to_owned())
}

/// IP_TOS sets the priority, too (`rt_tos2priority`).
fn by_tos(option: &SocketOption, situation: &Situation<'_>) -> Option<String> {
    const PRIORITIES: [i64; 16] = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];
    let tos = situation.int("IP_TOS")?;
    let follows = PRIORITIES[usize::try_from((tos & 0x1e) >> 1).ok()?];
    (tos & 0x1c != 0 && option.value == OptionValue::Number(follows))
        .then(|| "IP_TOS was set, and the kernel makes the priority follow it".to_owned())
}

/// What a socket takes from a sysctl only when it listens or connects.
fn by_sysctl(
    option: &SocketOption,
    own_netns: bool,
    name: &str,
    is_on: fn(i64) -> bool,
) -> Option<String> {
    let told: i64 = sysctl(name).filter(|_| own_netns)?.parse().ok()?;
    (option.value == OptionValue::Bool(is_on(told)))
        .then(|| format!("{name} is {told}, which counts from listen and connect on"))
}

fn fastopen(own_netns: bool) -> Option<String> {
    let told: i64 = sysctl("net.ipv4.tcp_fastopen").filter(|_| own_netns)?.parse().ok()?;
    (told & FASTOPEN_UNASKED != 0)
        .then(|| "net.ipv4.tcp_fastopen has 0x400: every listener takes Fast Open".to_owned())
}

fn by_route() -> Cause {
    let why = "a connected socket shows its route's hop limit where the program set none";
    Cause::Unknown(why.to_owned())
}
