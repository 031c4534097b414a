//! Every descriptor that refers to a socket, in one pass through the kernel's own tables
//! (`assets/bpf/owners.bpf.c`): a tenth of what the links in `/proc` cost, and with no process
//! left out. Needs CAP_BPF and CAP_PERFMON, and Linux 5.11 with BTF.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::{call, program};
use crate::sys::error::{Error, Result};
use crate::wire::bpf_owner::{self, Descriptor};

static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../../assets/bpf/owners.bpf.o");

/// The kernel fills up to eight pages for one read.
const BUFFER: usize = 64 * 1024;

/// The program in the kernel. It is taken out when this is dropped.
#[derive(Debug)]
pub(in super::super) struct Descriptors {
    link: OwnedFd,
}

impl Descriptors {
    /// Loads it.
    pub(in super::super) fn load() -> Result<Self> {
        let what = "see who holds sockets";
        Ok(Self { link: program::iterator(OBJECT, "bpf_iter_task_file", what)? })
    }

    /// Hands over every one, process by process.
    pub(in super::super) fn each(&self, mut take: impl FnMut(Descriptor)) -> Result<()> {
        let failed = |errno| Error::os("read who holds sockets", errno);
        let pass = call::iterate(&self.link).map_err(failed)?;
        let mut buffer = vec![0; BUFFER];
        let mut kept = 0;
        loop {
            let length = match rustix::io::read(&pass, &mut buffer[kept..]) {
                Ok(0) => return Ok(()),
                Ok(length) => kept + length,
                // It has gone a long way without a word.
                Err(Errno::AGAIN | Errno::INTR) => continue,
                Err(errno) => return Err(failed(errno)),
            };
            let records = buffer[..length].chunks_exact(bpf_owner::LENGTH);
            let rest = records.remainder().len();
            records.filter_map(bpf_owner::parse).for_each(&mut take);
            buffer.copy_within(length - rest..length, 0);
            kept = rest;
        }
    }
}
