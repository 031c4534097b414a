//! What sockets do, as it happens, told by BPF programs in the kernel
//! (`assets/bpf/events.bpf.c`). Needs CAP_BPF and CAP_PERFMON in the machine's first user
//! namespace, and a kernel with BTF (5.12 and later).

use std::error::Error as StdError;
use std::fs;
use std::io;
use std::os::linux::fs::MetadataExt as _;
use std::time::Duration;

use aya::programs::ProgramError;
use aya::{Btf, Ebpf, EbpfLoader, Endianness};

use super::bpf;
use super::bpf::feed::{Clock, Feed, attach, pid_namespace, refusal};
use super::errno;
use crate::model::event::{EventKind, SocketEvent};
use crate::sys::error::{Error, Result};
use crate::wire::bpf_event::{self, Record};
use crate::wire::btf;

/// Whether this sockpit can watch events at all, rights and kernel aside.
pub const IS_BUILT: bool = true;

/// The compiled programs; `.ci/bpf` compiles them from their source.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../assets/bpf/events.bpf.o");

/// A tracepoint, the programs for it, the best first, and what is lost without it.
struct Hook {
    tracepoint: &'static str,
    programs: &'static [&'static str],
    without: &'static str,
}

const fn hook(
    tracepoint: &'static str,
    programs: &'static [&'static str],
    without: &'static str,
) -> Hook {
    Hook { tracepoint, programs, without }
}

const STATES: Hook =
    hook("inet_sock_set_state", &["set_state"], "how TCP connections begin and end is not seen");
const ACCEPTS: Hook = hook("sys_exit", &["call_returns"], "who accepts a connection is not seen");
const RESETS_SENT: Hook =
    hook("tcp_send_reset", &["send_reset"], "resets that are sent are not seen (needs Linux 6.10)");
const RESETS_RECEIVED: Hook =
    hook("tcp_receive_reset", &["receive_reset"], "resets that arrive are not seen");
const RETRANSMISSIONS: Hook =
    hook("tcp_retransmit_skb", &["retransmit"], "retransmissions are not seen");
const SENDS: Hook = hook("sock_send_length", &["sends"], "UDP is not seen (needs Linux 6.3)");
const RECEIVES: Hook =
    hook("sock_recv_length", &["receives"], "who receives over UDP is not seen (needs Linux 6.3)");
const DROPS: Hook =
    hook("kfree_skb", &["drop", "drop_alone"], "dropped packets are not seen (needs Linux 5.17)");

/// What is attached.
fn hooks(watched: Watched) -> &'static [Hook] {
    match watched {
        Watched::Everything => &[
            STATES,
            ACCEPTS,
            RESETS_SENT,
            RESETS_RECEIVED,
            RETRANSMISSIONS,
            SENDS,
            RECEIVES,
            DROPS,
        ],
        // Without a look at each accept(2), which takes one at each system call of the machine, a
        // connection that came in is put down to who first sends or receives on it.
        Watched::Ends => &[STATES, SENDS, RECEIVES],
        Watched::Drops => &[DROPS],
        Watched::DropsAndResets => &[DROPS, RESETS_SENT, RESETS_RECEIVED],
    }
}

pub use super::super::portable::events::{Scope, Watched};

/// The running programs. They are taken out of the kernel when this is dropped.
#[derive(Debug)]
pub struct Events {
    feed: Feed,
    missing: Vec<String>,
    reasons: Reasons,
}

impl Events {
    /// Begins to watch this network namespace, or all of them.
    pub fn open(scope: Scope) -> Result<Self> {
        bpf::permit(WHAT)?;
        let failed = |error: &(dyn StdError + 'static)| refusal(WHAT, error);
        let types = bpf::types(WHAT)?;
        let btf = Btf::parse(&types, Endianness::default()).map_err(|error| failed(&error))?;
        let netns = if scope.all_namespaces { 0 } else { own_namespace()? };
        let (device, inode) = pid_namespace()?;
        let [accept, accept4] = accept_calls();
        let mut programs = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("only_netns", &netns, true)
            .override_global("only_ends", &u8::from(scope.watched == Watched::Ends), true)
            .override_global("pid_namespace_device", &device, true)
            .override_global("pid_namespace_inode", &inode, true)
            .override_global("accept_call", &accept, true)
            .override_global("accept4_call", &accept4, true)
            .load(OBJECT)
            .map_err(|error| failed(&error))?;
        let missing = attach_all(&mut programs, hooks(scope.watched), &btf)?;
        if scope.watched == Watched::Ends
            && let Some(without) = missing.iter().find(|it| it.starts_with(STATES.without))
        {
            return Err(Error::unsupported(WHAT, without.clone()));
        }
        let reasons = Reasons::of(&types);
        Ok(Self { feed: Feed::new(programs, WHAT)?, missing, reasons })
    }

    /// Waits up to `patience` for events, and hands over all that are there.
    pub fn poll(&mut self, patience: Duration, mut take: impl FnMut(SocketEvent)) -> Result<()> {
        let Self { feed, reasons, .. } = self;
        let mut clock = None;
        feed.poll(patience, |bytes| {
            if let Some(record) = bpf_event::parse(bytes) {
                take(reasons.event(record, clock.get_or_insert_with(Clock::now)));
            }
        })
    }

    /// How many events found no room in the ring.
    pub fn lost(&self) -> Result<u64> {
        self.feed.lost()
    }

    /// What this kernel does not let be watched, a sentence each.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }
}

const WHAT: &str = "watch what sockets do";

/// Attaches what there is; a sentence for each hook that this kernel does not have. An error where
/// it has none of them.
fn attach_all(programs: &mut Ebpf, hooks: &[Hook], btf: &Btf) -> Result<Vec<String>> {
    let mut missing = Vec::new();
    let mut first = None;
    for hook in hooks {
        if let Err(error) = attach_best(programs, hook, btf) {
            missing.push(format!("{}: {error}", hook.without));
            first.get_or_insert(error);
        }
    }
    match first {
        Some(error) if missing.len() == hooks.len() => Err(refusal(WHAT, &error)),
        _ => Ok(missing),
    }
}

fn attach_best(
    programs: &mut Ebpf,
    hook: &Hook,
    btf: &Btf,
) -> std::result::Result<(), ProgramError> {
    let mut result = Err(ProgramError::NotLoaded);
    for name in hook.programs {
        result = attach(programs, name, hook.tracepoint, btf);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn own_namespace() -> Result<u32> {
    let link = fs::metadata("/proc/self/ns/net");
    let inode = link.map_err(|error| Error::os("look at /proc/self/ns/net", error))?.st_ino();
    // Inodes of nsfs have 32 bits.
    Ok(u32::try_from(inode).unwrap_or(0))
}

/// The numbers of accept(2) and accept4(2); not every architecture has the first.
fn accept_calls() -> [u64; 2] {
    #[cfg(target_arch = "x86_64")]
    let accept = libc::SYS_accept;
    #[cfg(not(target_arch = "x86_64"))]
    let accept = libc::SYS_accept4;
    [accept, libc::SYS_accept4].map(|call| u64::try_from(call).unwrap_or(u64::MAX))
}

/// What this kernel means by its numbers.
#[derive(Debug)]
struct Reasons {
    resets: Vec<String>,
    drops: Vec<String>,
}

impl Reasons {
    fn of(types: &[u8]) -> Self {
        let names = |name, prefix| {
            let mut names = Vec::new();
            for (name, value) in btf::enumeration(types, name) {
                let Ok(value) = usize::try_from(value) else { continue };
                let name = String::from_utf8_lossy(name);
                names.resize_with(names.len().max(value + 1), String::new);
                names[value] = name.strip_prefix(prefix).unwrap_or(&name).to_owned();
            }
            names
        };
        Self {
            resets: names("sk_rst_reason", "SK_RST_REASON_"),
            drops: names("skb_drop_reason", "SKB_DROP_REASON_"),
        }
    }

    /// A part of the kernel that has reasons of its own numbers them from 65,536 on; what these
    /// mean is not told in one place.
    fn name(&self, record: &Record) -> Option<String> {
        let names = match record.kind {
            EventKind::ResetSent => &self.resets,
            EventKind::Dropped => &self.drops,
            _ => return None,
        };
        let name = names.get(record.reason as usize).filter(|name| !name.is_empty());
        Some(name.cloned().unwrap_or_else(|| record.reason.to_string()))
    }

    fn event(&self, record: Record, clock: &Clock) -> SocketEvent {
        let reason = self.name(&record);
        SocketEvent { reason, ..event(record, clock) }
    }
}

fn event(record: Record, clock: &Clock) -> SocketEvent {
    let errno = record.error.map(|number| {
        let error = io::Error::from_raw_os_error(number);
        errno::name(&error).map_or_else(|| number.to_string(), str::to_owned)
    });
    SocketEvent {
        event: record.kind,
        protocol: record.protocol,
        at: clock.at(record.at_ns),
        pid: record.pid,
        name: record.comm,
        cookie: record.cookie,
        netns: record.netns,
        local: record.local,
        remote: record.remote,
        duration_us: record.duration_ns.map(|ns| ns / 1_000),
        duration_ms: record.duration_ns.map(|ns| ns / 1_000_000),
        bytes_sent: record.bytes.map(|(sent, _)| sent),
        bytes_received: record.bytes.map(|(_, received)| received),
        errno,
        reason: None,
    }
}
