//! The socket calls of one process, told by BPF programs in the kernel (`assets/bpf/trace.bpf.c`).
//! They are asked at every system call of the machine, which makes each of them a little slower for
//! as long as this is open.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use aya::{Btf, EbpfLoader, Endianness};

use super::bpf;
use super::bpf::feed::{Clock, Feed, attach, pid_namespace, refusal};
use super::{errno, processes};
use crate::model::owner::ProcessKey;
use crate::model::trace::Call;
use crate::sys::error::Result;
use crate::wire::bpf_call::{self, Returned};

/// The compiled programs; `.ci/bpf` compiles them from their source.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../assets/bpf/trace.bpf.o");

const WHAT: &str = "trace the calls of a process";

/// As many calls as the program's table has room for.
const CALLS: usize = 512;

/// An entry of the table in the program: whether the call is one for sockets alone or counts only
/// where its first argument is a socket, and which argument points to an address and to a value.
type Entry = [u8; 4];

const SOCKET_CALL: u8 = 1;
const FILE_CALL: u8 = 2;

/// The calls that are told: name, number, and what is in the table.
static KNOWN: [(&str, libc::c_long, u8, u8, u8); 24] = [
    ("socket", libc::SYS_socket, SOCKET_CALL, 0, 0),
    ("socketpair", libc::SYS_socketpair, SOCKET_CALL, 0, 0),
    ("bind", libc::SYS_bind, SOCKET_CALL, 2, 0),
    ("listen", libc::SYS_listen, SOCKET_CALL, 0, 0),
    ("connect", libc::SYS_connect, SOCKET_CALL, 2, 0),
    ("accept4", libc::SYS_accept4, SOCKET_CALL, 2, 0),
    ("getsockname", libc::SYS_getsockname, SOCKET_CALL, 2, 0),
    ("getpeername", libc::SYS_getpeername, SOCKET_CALL, 2, 0),
    ("sendto", libc::SYS_sendto, SOCKET_CALL, 5, 0),
    ("recvfrom", libc::SYS_recvfrom, SOCKET_CALL, 5, 0),
    ("sendmsg", libc::SYS_sendmsg, SOCKET_CALL, 0, 0),
    ("recvmsg", libc::SYS_recvmsg, SOCKET_CALL, 0, 0),
    ("sendmmsg", libc::SYS_sendmmsg, SOCKET_CALL, 0, 0),
    ("recvmmsg", libc::SYS_recvmmsg, SOCKET_CALL, 0, 0),
    ("setsockopt", libc::SYS_setsockopt, SOCKET_CALL, 0, 4),
    ("getsockopt", libc::SYS_getsockopt, SOCKET_CALL, 0, 4),
    ("shutdown", libc::SYS_shutdown, SOCKET_CALL, 0, 0),
    ("sendfile", libc::SYS_sendfile, FILE_CALL, 0, 0),
    ("read", libc::SYS_read, FILE_CALL, 0, 0),
    ("write", libc::SYS_write, FILE_CALL, 0, 0),
    ("readv", libc::SYS_readv, FILE_CALL, 0, 0),
    ("writev", libc::SYS_writev, FILE_CALL, 0, 0),
    ("close", libc::SYS_close, FILE_CALL, 0, 0),
    #[cfg(target_arch = "x86_64")]
    ("accept", libc::SYS_accept, SOCKET_CALL, 2, 0),
    #[cfg(not(target_arch = "x86_64"))]
    ("accept4", libc::SYS_accept4, SOCKET_CALL, 2, 0),
];

/// The running programs. They are taken out of the kernel when this is dropped.
#[derive(Debug)]
pub struct Trace {
    feed: Feed,
    pid: u32,
    start_time: u64,
}

impl Trace {
    /// Begins to tell the calls of this process, by its pid in sockpit's own namespace.
    pub fn open(pid: u32) -> Result<Self> {
        let start_time = processes::start_time(pid)?;
        bpf::permit(WHAT)?;
        let types = bpf::types(WHAT)?;
        let failed = |error: &(dyn StdError + 'static)| refusal(WHAT, error);
        let btf = Btf::parse(&types, Endianness::default()).map_err(|error| failed(&error))?;
        let (device, inode) = pid_namespace()?;
        let mut calls: [Entry; CALLS] = [[0; 4]; CALLS];
        for (_, number, is, address, value) in KNOWN {
            if let Some(entry) = usize::try_from(number).ok().and_then(|at| calls.get_mut(at)) {
                *entry = [is, address, value, 0];
            }
        }
        let mut programs = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("pid_namespace_device", &device, true)
            .override_global("pid_namespace_inode", &inode, true)
            .override_global("only_pid", &pid, true)
            .override_global("calls", &calls, true)
            .load(OBJECT)
            .map_err(|error| failed(&error))?;
        for (name, tracepoint) in [("leaves", "sys_exit"), ("enters", "sys_enter")] {
            attach(&mut programs, name, tracepoint, &btf).map_err(|error| failed(&error))?;
        }
        Ok(Self { feed: Feed::new(programs, WHAT)?, pid, start_time })
    }

    /// Waits up to `patience` for calls, and hands over all that have returned.
    pub fn poll(&mut self, patience: Duration, mut take: impl FnMut(Call)) -> Result<()> {
        let mut clock = None;
        self.feed.poll(patience, |bytes| {
            if let Some(returned) = bpf_call::parse(bytes) {
                take(call(returned, clock.get_or_insert_with(Clock::now)));
            }
        })
    }

    /// How many calls found no room in the ring.
    pub fn lost(&self) -> Result<u64> {
        self.feed.lost()
    }

    /// Whether the process is this one, and not another that has got its pid since.
    pub fn is_of(&self, process: ProcessKey) -> bool {
        (self.pid, self.start_time) == (process.pid, process.start_time)
    }

    /// Whether the process is still there.
    pub fn is_alive(&self) -> bool {
        processes::start_time(self.pid).is_ok_and(|start_time| start_time == self.start_time)
    }
}

fn call(returned: Returned, clock: &Clock) -> Call {
    let is_it = |known: &&(&str, libc::c_long, u8, u8, u8)| {
        u32::try_from(known.1).is_ok_and(|number| number == returned.number)
    };
    let known = KNOWN.iter().find(is_it);
    let failure = i32::try_from(returned.result).ok().filter(|result| (-4095..0).contains(result));
    let errno = failure.map(|number| {
        let error = io::Error::from_raw_os_error(-number);
        errno::name(&error).map_or_else(|| (-number).to_string(), str::to_owned)
    });
    Call {
        at: clock.at(returned.at_ns),
        thread: returned.thread,
        call: known.map_or_else(|| returned.number.to_string(), |known| known.0.to_owned()),
        args: returned.arguments,
        address: returned.address,
        value: known.filter(|known| known.4 > 0).map(|_| returned.value),
        result: errno.is_none().then_some(returned.result),
        errno,
        duration_ns: returned.duration_ns,
    }
}
