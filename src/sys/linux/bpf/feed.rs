//! Programs that tell what happens, by a ring from which sockpit reads.

use std::error::Error as StdError;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::fs::MetadataExt as _;
use std::time::Duration;

use aya::maps::{MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, ProgramError};
use aya::{Btf, Ebpf};
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use super::super::rights::{Missing, remedy_for};
use crate::sys::error::{Error, Result};

/// Running programs with the map `ring`, and `lost` for what found no room there. They are taken
/// out of the kernel when this is dropped.
pub(in super::super) struct Feed {
    _programs: Ebpf,
    ring: RingBuf<MapData>,
    lost: PerCpuArray<MapData, u64>,
    what: &'static str,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("what", &self.what).finish_non_exhaustive()
    }
}

impl Feed {
    /// Reads from these programs, which are there to do `what`.
    pub(in super::super) fn new(mut programs: Ebpf, what: &'static str) -> Result<Self> {
        let no_map = |name| Error::unsupported(what, format!("the program has no map `{name}`"));
        let ring = programs.take_map("ring").ok_or_else(|| no_map("ring"))?;
        let lost = programs.take_map("lost").ok_or_else(|| no_map("lost"))?;
        Ok(Self {
            ring: RingBuf::try_from(ring).map_err(|error| refusal(what, &error))?,
            lost: PerCpuArray::try_from(lost).map_err(|error| refusal(what, &error))?,
            _programs: programs,
            what,
        })
    }

    /// Waits up to `patience` for records, and hands over all that are there.
    pub(in super::super) fn poll(
        &mut self,
        patience: Duration,
        mut take: impl FnMut(&[u8]),
    ) -> Result<()> {
        let patience = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let mut ready = [PollFd::from_borrowed_fd(self.ring.as_fd(), PollFlags::IN)];
        match poll(&mut ready, Some(&patience)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::os("wait for what BPF tells", error)),
        }
        while let Some(bytes) = self.ring.next() {
            take(&bytes);
        }
        Ok(())
    }

    /// How many records found no room in the ring.
    pub(in super::super) fn lost(&self) -> Result<u64> {
        let counts = self.lost.get(&0, 0).map_err(|error| refusal(self.what, &error))?;
        Ok(counts.iter().sum())
    }
}

/// Attaches one of the programs to a tracepoint.
pub(in super::super) fn attach(
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
pub(in super::super) fn refusal(what: &str, error: &(dyn StdError + 'static)) -> Error {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.raw_os_error() {
                // EACCES is the verifier's word for a program that it does not accept.
                Some(libc::EPERM) => Error::not_permitted(what, remedy_for(Missing::Bpf)),
                _ => {
                    Error::os("load a BPF program", io::Error::new(error.kind(), error.to_string()))
                }
            };
        }
        next = error.source();
    }
    Error::unsupported(format!("to {what}"), error.to_string())
}

/// Device and inode of sockpit's PID namespace, as bpf_get_ns_current_pid_tgid() wants them.
pub(in super::super) fn pid_namespace() -> Result<(u64, u64)> {
    let link = fs::metadata("/proc/self/ns/pid");
    let link = link.map_err(|error| Error::os("look at /proc/self/ns/pid", error))?;
    Ok((link.st_dev(), link.st_ino()))
}

/// What the time since the machine started is by the clock on the wall.
pub(in super::super) struct Clock {
    wall: Timestamp,
    since_boot_ns: i128,
}

impl Clock {
    pub(in super::super) fn now() -> Self {
        let boot = clock_gettime(ClockId::Boottime);
        let since_boot_ns = i128::from(boot.tv_sec) * 1_000_000_000 + i128::from(boot.tv_nsec);
        Self { wall: Timestamp::now(), since_boot_ns }
    }

    pub(in super::super) fn at(&self, since_boot_ns: u64) -> Timestamp {
        let wall = self.wall.as_nanosecond() - self.since_boot_ns + i128::from(since_boot_ns);
        Timestamp::from_nanosecond(wall).unwrap_or(self.wall)
    }
}
