//! The options of one live socket, and what is known of how it is used.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::socket::Socket;

/// How much of a socket's options could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionAccess {
    /// getsockopt on a duplicate of the descriptor.
    Full,
    /// Only what sock_diag tells.
    KernelDiag,
    /// Nothing.
    None,
}

/// The type of an option's value, as the catalogue gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionType {
    /// An int that is 0 or not.
    Bool,
    /// A signed C int.
    Int,
    /// An unsigned C int.
    Unsigned,
    /// Bytes as a C int: a size.
    Bytes,
    /// An int with named values.
    Enum,
    /// An int of named bits.
    Flags,
    /// `struct linger`.
    Linger,
    /// `struct timeval`.
    Timeval,
    /// A NUL-padded string.
    String,
    /// `struct ucred`.
    Ucred,
    /// A socket address.
    Address,
    /// Bytes without further meaning here.
    Opaque,
}

/// A typed value. Untagged in JSON: its shape follows the option's `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// On or off.
    Bool(bool),
    /// A number as getsockopt gave it.
    Number(i64),
    /// A number above `i64::MAX`.
    Large(u64),
    /// A name, a string, an address, or hexadecimal digits.
    Text(String),
    /// Names of the bits that are set.
    Names(Vec<String>),
    /// `struct linger`.
    Linger {
        /// Whether close waits.
        on: bool,
        /// For how long.
        seconds: i64,
    },
    /// `struct timeval`.
    Time {
        /// Microseconds; 0 means no limit.
        us: i64,
    },
    /// `struct ucred`.
    Credentials {
        /// Process id.
        pid: i32,
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

/// Who made an option differ from that of an untouched socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedBy {
    /// The program, by setsockopt.
    Program,
    /// The kernel, for a reason of its own.
    Kernel,
    /// The listener that accepted the connection: the program set it there.
    Inherited,
}

impl ChangedBy {
    /// The word of JSON and of text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Kernel => "kernel",
            Self::Inherited => "inherited",
        }
    }
}

/// A structure that sockpit can take apart, by the name that the catalogue has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structure {
    /// `struct tcp_info` (linux/tcp.h).
    TcpInfo,
    /// `union tcp_cc_info` (linux/inet_diag.h); which member depends on the algorithm.
    TcpCcInfo,
    /// An array of u32 in the order of SK_MEMINFO_* (linux/sock_diag.h).
    Meminfo,
    /// `struct sock_txtime` (linux/net_tstamp.h).
    Txtime,
    /// An array of gid_t.
    Groups,
    /// `struct ip6_mtuinfo` (RFC 3542).
    PathMtu,
    /// `struct tcp_repair_window` (linux/tcp.h).
    RepairWindow,
    /// `struct mptcp_info` (linux/mptcp.h).
    MptcpInfo,
    /// `struct xdp_statistics` (linux/if_xdp.h).
    XdpStatistics,
    /// `struct tpacket_rollover_stats` (linux/if_packet.h).
    RolloverStats,
    /// IP options by their kinds (RFC 791).
    IpOptions,
    /// A bitmap of the group numbers of a netlink socket.
    Bitmap,
    /// `struct icmp_filter` (linux/icmp.h): the ICMP types that are dropped.
    IcmpFilter,
    /// `struct icmp6_filter` (RFC 3542): the ICMPv6 types that are dropped.
    Icmp6Filter,
}

/// A field of a structure that an option's bytes are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionPart {
    /// What it belongs with: `time`, `window`, `loss`, …; empty for a structure without groups.
    pub group: Cow<'static, str>,
    /// Its name in the kernel's header, without the prefix that all have.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: OptionValue,
    /// The unit of a number.
    pub unit: Option<Cow<'static, str>>,
}

/// One option of a live socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SocketOption {
    /// `SOL_SOCKET`, `IPPROTO_TCP`, …
    pub level: Cow<'static, str>,
    /// The name in C.
    pub name: Cow<'static, str>,
    /// The name in Winsock, where it has one.
    pub winsock: Option<Cow<'static, str>>,
    /// What `value` is.
    pub r#type: OptionType,
    /// The value.
    pub value: OptionValue,
    /// What getsockopt returned, two hexadecimal digits a byte; `None` when sock_diag told.
    pub raw_hex: Option<String>,
    /// The value of an untouched socket here, where that is known.
    pub default: Option<OptionValue>,
    /// Whether the program or its listener set it; `None` where that cannot be told.
    pub changed: Option<bool>,
    /// Who made `value` differ from `default`; `None` where it does not, or nobody can tell.
    pub changed_by: Option<ChangedBy>,
    /// Why the kernel changed it, or why nobody can tell: one sentence.
    pub why: Option<String>,
    /// Unit of a number: `bytes`, `s`, `ms`, `us`, `segments`, …
    pub unit: Option<Cow<'static, str>>,
    /// Whether setsockopt could change it on this kind of socket in this state.
    pub writable: bool,
    /// Where the default comes from: a sysctl, or a sentence.
    pub source: Option<Cow<'static, str>>,
    /// What the option does, in a few words.
    pub about: Cow<'static, str>,
    /// What deserves a word about this very value: that a wish was cut, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The fields of a structure, where the option is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<OptionPart>,
}

/// An option whose value could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenOption {
    /// `SOL_SOCKET`, `IPPROTO_TCP`, …
    pub level: Cow<'static, str>,
    /// The name in C.
    pub name: Cow<'static, str>,
}

/// How a process waits on the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// Process id.
    pub pid: u32,
    /// `epoll`, `io_uring`, …
    pub kind: String,
    /// Descriptor of the epoll instance in `pid`.
    pub fd: Option<i32>,
    /// Names of the events waited for.
    pub events: Vec<String>,
}

/// A thread that is blocked on the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedThread {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// The system call, by its kernel name.
    pub syscall: String,
}

/// Who waits on the socket, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoModel {
    /// O_NONBLOCK of the open file description; `None` when not readable.
    pub nonblocking: Option<bool>,
    /// epoll and the like.
    pub watchers: Vec<Watcher>,
    /// Threads in a blocking call.
    pub blocked_in: Vec<BlockedThread>,
    /// Who gets SIGIO for it (fcntl(2), F_SETOWN and O_ASYNC); `None` where nobody does.
    #[serde(default)]
    pub sigio: Option<SigioOwner>,
    /// How its program waits, in one sentence; `None` where that could not be looked up.
    #[serde(default)]
    pub summary: Option<String>,
}

/// Who gets SIGIO when something happens on a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigioOwner {
    /// `process`, `thread` or `group`.
    pub kind: String,
    /// Its id.
    pub id: u32,
}

/// Something noteworthy about a combination of options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionFinding {
    /// Stable name.
    pub kind: String,
    /// One sentence.
    pub text: String,
    /// The values that it was drawn from.
    #[serde(default)]
    pub evidence: Option<String>,
    /// What would be better, as a clause.
    #[serde(default)]
    pub fix: Option<String>,
}

/// The options of one socket (`sockpit.opts/1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionsReport {
    /// The socket, owners included.
    pub socket: Socket,
    /// How much could be read.
    pub access: OptionAccess,
    /// Why not all; `None` with full access.
    pub reason: Option<String>,
    /// In catalogue order.
    pub options: Vec<SocketOption>,
    /// Those that such a socket has, too, and that could not be read for `reason`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<HiddenOption>,
    /// Who waits on it; `None` where that could not be looked up.
    pub io_model: Option<IoModel>,
    /// Lints.
    pub findings: Vec<OptionFinding>,
}
