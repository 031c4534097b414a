//! SO_REUSEADDR and SO_REUSEPORT of the sockets that hold a port: the kernel tells them of no
//! socket but through a descriptor, so they are read on a duplicate where that is permitted.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::catalog::sockopts;
use crate::model::socket::Socket;
use crate::model::why::Reuse;
use crate::sys::options::{Meant, Wanted, read_options};

/// More sockets than this are not asked.
const MOST: usize = 64;
/// More owners of one socket than this are not tried.
const MOST_OWNERS: usize = 4;

static WANTED: LazyLock<Vec<Wanted>> = LazyLock::new(|| {
    let wanted = |name| {
        let (level, entry) = sockopts::find(name)?;
        Some(Wanted {
            level: level.number,
            number: entry.number,
            length: entry.length(),
            domains: Vec::new(),
        })
    };
    ["SO_REUSEADDR", "SO_REUSEPORT"].into_iter().filter_map(wanted).collect()
});

/// What is known of it, by the cookies of the sockets.
#[derive(Clone, Debug, Default)]
pub struct Known(HashMap<u64, Reuse>);

impl Known {
    /// Reads the options of each socket that has an owner.
    pub fn read<'a>(sockets: impl Iterator<Item = &'a Socket>) -> Self {
        let told = sockets.filter(|socket| !socket.owners.is_empty()).take(MOST);
        Self(told.filter_map(|socket| Some((socket.cookie?, read(socket)?))).collect())
    }

    /// What all of these have; unknown where they differ or one was not told.
    pub fn of(&self, sockets: &[&Socket]) -> Reuse {
        let told: Vec<Reuse> =
            sockets.iter().map(|socket| self.one(socket).unwrap_or_default()).collect();
        let common = |option: fn(&Reuse) -> Option<bool>| {
            let first = option(told.first()?)?;
            told.iter().all(|reuse| option(reuse) == Some(first)).then_some(first)
        };
        Reuse {
            reuse_addr: common(|reuse| reuse.reuse_addr),
            reuse_port: common(|reuse| reuse.reuse_port),
        }
    }

    fn one(&self, socket: &Socket) -> Option<Reuse> {
        self.0.get(&socket.cookie?).copied()
    }
}

fn read(socket: &Socket) -> Option<Reuse> {
    let meant = Meant { cookie: socket.cookie, inode: socket.inode };
    let owners = socket.owners.iter().take(MOST_OWNERS);
    let mut readings =
        owners.filter_map(|owner| read_options(owner.process.pid, owner.fd?, meant, &WANTED).ok());
    let [reuse_addr, reuse_port] = readings.next()?.answers.try_into().ok()?;
    Some(Reuse { reuse_addr: is_set(reuse_addr), reuse_port: is_set(reuse_port) })
}

fn is_set(answer: Option<Box<[u8]>>) -> Option<bool> {
    let word: [u8; 4] = answer?.get(..4)?.try_into().ok()?;
    Some(u32::from_ne_bytes(word) != 0)
}
