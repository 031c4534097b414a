//! What sockets do, as it happens, told by BPF programs in the kernel
//! (`assets/bpf/events.bpf.c`). Needs CAP_BPF and CAP_PERFMON in the machine's first user
//! namespace, and a kernel with BTF (5.12 and later).

use std::error::Error as StdError;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::fs::MetadataExt as _;
use std::time::Duration;

use aya::maps::{MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader, Endianness};
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use super::bpf;
use super::errno;
use super::rights::{Missing, remedy_for};
use crate::model::event::{EventKind, SocketEvent};
use crate::sys::error::{Error, Result};
use crate::wire::bpf_event::{self, Record};
use crate::wire::btf;

/// Whether this sockpit can watch events at all, rights and kernel aside.
pub const IS_BUILT: bool = true;

/// The compiled programs; `.ci/bpf` compiles them from their source.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../assets/bpf/events.bpf.o");

type Program = (&'static str, &'static str, Option<&'static str>);

/// Sees each accept(2). Without it a connection that came in is put down to who first sends or
/// receives on it.
const ACCEPTS: &str = "call_returns";

/// A program, the tracepoint that it is attached to, and what is lost without it; `None` where
/// nothing is left without it.
const PROGRAMS: [Program; 7] = [
    ("set_state", "inet_sock_set_state", None),
    (ACCEPTS, "sys_exit", Some("who accepts a connection is not seen")),
    ("send_reset", "tcp_send_reset", Some("resets that are sent are not seen (needs Linux 6.10)")),
    ("receive_reset", "tcp_receive_reset", Some("resets that arrive are not seen")),
    ("retransmit", "tcp_retransmit_skb", Some("retransmissions are not seen")),
    ("sends", "sock_send_length", Some("UDP is not seen (needs Linux 6.3)")),
    ("receives", "sock_recv_length", Some("who receives over UDP is not seen (needs Linux 6.3)")),
];

/// The programs for dropped packets, the best first, and where they are attached.
const DROPS: ([&str; 2], &str) = (["drop", "drop_alone"], "kfree_skb");

pub use super::super::portable::events::Scope;

/// The running programs. They are taken out of the kernel when this is dropped.
pub struct Events {
    _programs: Ebpf,
    ring: RingBuf<MapData>,
    lost: PerCpuArray<MapData, u64>,
    missing: Vec<String>,
    reasons: Reasons,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("missing", &self.missing).finish_non_exhaustive()
    }
}

impl Events {
    /// Begins to watch this network namespace, or all of them.
    pub fn open(scope: Scope) -> Result<Self> {
        bpf::permit("watch what sockets do")?;
        let failed = |error: &(dyn StdError + 'static)| refusal(error);
        let types = bpf::types(WHAT)?;
        let btf = Btf::parse(&types, Endianness::default()).map_err(|error| failed(&error))?;
        let netns = if scope.all_namespaces { 0 } else { own_namespace()? };
        let (device, inode) = pid_namespace()?;
        let [accept, accept4] = accept_calls();
        let mut programs = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("only_netns", &netns, true)
            .override_global("pid_namespace_device", &device, true)
            .override_global("pid_namespace_inode", &inode, true)
            .override_global("accept_call", &accept, true)
            .override_global("accept4_call", &accept4, true)
            .load(OBJECT)
            .map_err(|error| failed(&error))?;
        let mut missing = Vec::new();
        let is_wanted = |program: &&Program| scope.accepts || program.0 != ACCEPTS;
        for &(name, tracepoint, without) in PROGRAMS.iter().filter(is_wanted) {
            match (attach(&mut programs, name, tracepoint, &btf), without) {
                (Ok(()), _) => {}
                (Err(error), None) => return Err(failed(&error)),
                (Err(error), Some(without)) => missing.push(format!("{without}: {error}")),
            }
        }
        let attach_drop = |programs: &mut Ebpf| {
            let [best, other] = DROPS.0;
            let attempt = attach(programs, best, DROPS.1, &btf);
            attempt.or_else(|_| attach(programs, other, DROPS.1, &btf))
        };
        if let Err(error) = attach_drop(&mut programs) {
            missing.push(format!("dropped packets are not seen (Linux 5.17 tells): {error}"));
        }
        let ring = programs.take_map("ring").ok_or_else(|| no_map("ring"))?;
        let lost = programs.take_map("lost").ok_or_else(|| no_map("lost"))?;
        Ok(Self {
            ring: RingBuf::try_from(ring).map_err(|error| failed(&error))?,
            lost: PerCpuArray::try_from(lost).map_err(|error| failed(&error))?,
            _programs: programs,
            missing,
            reasons: Reasons::of(&types),
        })
    }

    /// Waits up to `patience` for events, and hands over all that are there.
    pub fn poll(&mut self, patience: Duration, mut take: impl FnMut(SocketEvent)) -> Result<()> {
        let patience = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let mut ready = [PollFd::from_borrowed_fd(self.ring.as_fd(), PollFlags::IN)];
        match poll(&mut ready, Some(&patience)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::os("wait for events of BPF", error)),
        }
        let clock = Clock::now();
        while let Some(bytes) = self.ring.next() {
            if let Some(record) = bpf_event::parse(&bytes) {
                take(self.reasons.event(record, &clock));
            }
        }
        Ok(())
    }

    /// How many events found no room in the ring.
    pub fn lost(&self) -> Result<u64> {
        let counts = self.lost.get(&0, 0).map_err(|error| refusal(&error))?;
        Ok(counts.iter().sum())
    }

    /// What this kernel does not let be watched, a sentence each.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }
}

const WHAT: &str = "watching what sockets do";

fn no_map(name: &str) -> Error {
    Error::unsupported(WHAT, format!("the program has no map `{name}`"))
}

fn attach(
    programs: &mut Ebpf,
    name: &str,
    tracepoint: &str,
    btf: &Btf,
) -> std::result::Result<(), ProgramError> {
    let program = programs.program_mut(name).ok_or(ProgramError::NotLoaded)?;
    let program: &mut BtfTracePoint = program.try_into()?;
    program.load(tracepoint, btf)?;
    program.attach().map(drop)
}

/// The system's own word lies at the bottom of an error of the loader.
fn refusal(error: &(dyn StdError + 'static)) -> Error {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let number = error.raw_os_error();
            return match number {
                Some(libc::EPERM | libc::EACCES) => {
                    Error::not_permitted("watch what sockets do", remedy_for(Missing::Bpf))
                }
                _ => {
                    Error::os("load a BPF program", io::Error::new(error.kind(), error.to_string()))
                }
            };
        }
        next = error.source();
    }
    Error::unsupported(WHAT, error.to_string())
}

fn own_namespace() -> Result<u32> {
    let link = fs::metadata("/proc/self/ns/net");
    let inode = link.map_err(|error| Error::os("look at /proc/self/ns/net", error))?.st_ino();
    // Inodes of nsfs have 32 bits.
    Ok(u32::try_from(inode).unwrap_or(0))
}

/// Device and inode of sockpit's PID namespace, as bpf_get_ns_current_pid_tgid() wants them.
fn pid_namespace() -> Result<(u64, u64)> {
    let link = fs::metadata("/proc/self/ns/pid");
    let link = link.map_err(|error| Error::os("look at /proc/self/ns/pid", error))?;
    Ok((link.st_dev(), link.st_ino()))
}

/// The numbers of accept(2) and accept4(2); not every architecture has the first.
fn accept_calls() -> [u64; 2] {
    #[cfg(target_arch = "x86_64")]
    let accept = libc::SYS_accept;
    #[cfg(not(target_arch = "x86_64"))]
    let accept = libc::SYS_accept4;
    [accept, libc::SYS_accept4].map(|call| u64::try_from(call).unwrap_or(u64::MAX))
}

/// What the time since the machine started is by the clock on the wall.
struct Clock {
    wall: Timestamp,
    since_boot_ns: i128,
}

impl Clock {
    fn now() -> Self {
        let boot = clock_gettime(ClockId::Boottime);
        let since_boot_ns = i128::from(boot.tv_sec) * 1_000_000_000 + i128::from(boot.tv_nsec);
        Self { wall: Timestamp::now(), since_boot_ns }
    }

    fn at(&self, since_boot_ns: u64) -> Timestamp {
        let wall = self.wall.as_nanosecond() - self.since_boot_ns + i128::from(since_boot_ns);
        Timestamp::from_nanosecond(wall).unwrap_or(self.wall)
    }
}

/// What this kernel means by its numbers.
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
