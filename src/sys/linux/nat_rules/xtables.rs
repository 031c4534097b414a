//! Tables of ip_tables and ip6_tables, where the kernel has them.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::super::rights::{Missing, remedy_for};
use crate::sys::error::{Error, Result};
use crate::wire::netfilter::xtables::{self, ENTRIES_HEADER_LEN, INFO_LEN, Info, NAME_LEN};
use crate::wire::netfilter::{Ruleset, TableFamily};

const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;
/// The largest table that is read.
const MOST_BYTES: u32 = 256 * 1024 * 1024;
/// A table may change between the question for its size and the one for its entries.
const TRIES: usize = 3;

/// The tables that are there. Asking for one that is not would load a module: so the kernel's
/// own list is read first.
pub(super) fn read(tables: &[&str]) -> Result<Vec<Ruleset>> {
    let mut found = Vec::new();
    let families = [
        ("/proc/net/ip_tables_names", TableFamily::Ip),
        ("/proc/net/ip6_tables_names", TableFamily::Ip6),
    ];
    for (list, family) in families {
        match fs::read_to_string(list) {
            Ok(names) => {
                let there = tables.iter().filter(|table| names.lines().any(|name| name == **table));
                for name in there {
                    found.push(table(family, name)?);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refused(error)),
        }
    }
    Ok(found)
}

fn table(family: TableFamily, name: &str) -> Result<Ruleset> {
    let (domain, level) = if family == TableFamily::Ip6 {
        (AddressFamily::INET6, libc::IPPROTO_IPV6)
    } else {
        (AddressFamily::INET, libc::IPPROTO_IP)
    };
    // Any socket of the family will do; it is never bound.
    let socket = socket_with(domain, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(|errno| refused(errno.into()))?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut info = [0; INFO_LEN];
        info[..name.len()].copy_from_slice(name.as_bytes());
        get(&socket, level, GET_INFO, &mut info).map_err(refused)?;
        let info = Info::parse(&info).map_err(unreadable)?;
        if info.size > MOST_BYTES {
            return Err(unreadable("the table is too large"));
        }
        let mut entries = vec![0; ENTRIES_HEADER_LEN + info.size as usize];
        entries[..name.len()].copy_from_slice(name.as_bytes());
        entries[NAME_LEN..NAME_LEN + 4].copy_from_slice(&info.size.to_ne_bytes());
        match get(&socket, level, GET_ENTRIES, &mut entries) {
            Ok(()) => {
                let entries = &entries[ENTRIES_HEADER_LEN..];
                return xtables::ruleset(family, name, &info, entries).map_err(unreadable);
            }
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) && attempt < TRIES => {}
            Err(error) => return Err(refused(error)),
        }
    }
}

fn get(
    socket: &OwnedFd,
    level: libc::c_int,
    name: libc::c_int,
    bytes: &mut [u8],
) -> io::Result<()> {
    let mut length = libc::socklen_t::try_from(bytes.len()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open as long as `socket` lives; `bytes` is writable for
    // `length` bytes, and the kernel writes no more than that to it and to `length`.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            bytes.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const WHAT: &str = "list the rules of iptables";

fn refused(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Error::not_permitted(WHAT, remedy_for(Missing::Network)),
        _ => Error::os(WHAT, error),
    }
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::os(WHAT, io::Error::new(io::ErrorKind::InvalidData, error))
}
