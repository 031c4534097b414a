//! The records of `assets/bpf/owners.bpf.c`.

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// A record as it is read: `struct record` there, in the byte order of this machine.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Raw {
    inode: u64,
    cookie: u64,
    started_ns: u64,
    table: u64,
    netns: u32,
    pid: u32,
    tid: u32,
    parent: u32,
    fd: u32,
    kind: u32,
    comm: [u8; 16],
}

/// How long a record is.
pub const LENGTH: usize = size_of::<Raw>();

/// A descriptor that refers to a socket, or to what may hold some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What it refers to.
    pub target: Target,
    /// Its number.
    pub fd: i32,
    /// The process.
    pub pid: u32,
    /// The thread whose table it is in: the first one, whose number is the process's, unless the
    /// thread has a table of its own.
    pub tid: u32,
    /// Tells the table from every other.
    pub table: u64,
    /// The process's parent.
    pub parent: u32,
    /// When the process began, by CLOCK_BOOTTIME of the machine.
    pub started_ns: u64,
    comm: [u8; 16],
}

/// What a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A socket.
    Socket {
        /// Its inode in sockfs.
        inode: u64,
        /// Its cookie; 0 as long as nobody has asked for it.
        cookie: u64,
        /// Inode of its network namespace; 0 for none.
        netns: u32,
    },
    /// An io_uring.
    Ring,
}

impl Descriptor {
    /// What the process's first thread calls itself.
    pub fn name(&self) -> &[u8] {
        let end = self.comm.iter().position(|byte| *byte == 0).unwrap_or(self.comm.len());
        &self.comm[..end]
    }
}

/// Reads a record of [`LENGTH`] bytes; `None` for what is none.
pub fn parse(bytes: &[u8]) -> Option<Descriptor> {
    let raw = Raw::read_from_bytes(bytes).ok()?;
    let target = match raw.kind {
        1 => Target::Socket { inode: raw.inode, cookie: raw.cookie, netns: raw.netns },
        2 => Target::Ring,
        _ => return None,
    };
    Some(Descriptor {
        target,
        fd: i32::try_from(raw.fd).ok()?,
        pid: raw.pid,
        tid: raw.tid,
        table: raw.table,
        parent: raw.parent,
        started_ns: raw.started_ns,
        comm: raw.comm,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [77u64, 5, 3_000, 9] {
            bytes.extend(number.to_ne_bytes());
        }
        for number in [4_026_531_840u32, 42, 43, 1, 7, kind] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes.extend(*b"curl\0rest of it\0");
        bytes
    }

    #[test]
    fn a_record_is_read_field_by_field() {
        let bytes = record(1);
        assert_eq!(bytes.len(), LENGTH);
        let read = parse(&bytes).unwrap();
        assert_eq!(read.target, Target::Socket { inode: 77, cookie: 5, netns: 4_026_531_840 });
        assert_eq!((read.pid, read.tid, read.parent, read.fd), (42, 43, 1, 7));
        assert_eq!((read.started_ns, read.table, read.name()), (3_000, 9, &b"curl"[..]));
        assert_eq!(parse(&record(2)).unwrap().target, Target::Ring);
    }

    #[test]
    fn what_is_no_record_is_none() {
        assert_eq!(parse(&record(0)), None);
        let whole = record(1);
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None, "{length}");
        }
    }
}
