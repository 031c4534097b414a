//! Looking for namespaces.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, stat, statat};
use rustix::io::Errno;

use super::super::proc;
use super::names;
use super::namespace::{Found, Namespace};
use crate::sys::error::{Error, Result};

/// Where `ip netns` keeps the namespaces that have names. The second is a link to the first on
/// most systems.
const DIRECTORIES: [&str; 2] = ["/run/netns", "/var/run/netns"];

/// More namespaces than this are counted, not looked at.
const MOST: usize = 4_096;

/// So many processes are kept as doors of a namespace: one may end before it is used.
const DOORS: usize = 3;

/// Looks for namespaces again and again, and remembers what the nameless ones were called.
#[derive(Debug)]
pub(in super::super) struct Seeker {
    proc: OwnedFd,
    /// By inode, and by the process from which the name was learnt.
    called: HashMap<(u64, u32), Option<Arc<str>>>,
}

/// What leads to a namespace.
#[derive(Debug, Default)]
struct Traces {
    mounts: Vec<(Arc<str>, PathBuf)>,
    /// Ascending.
    pids: Vec<u32>,
}

impl Seeker {
    pub(in super::super) fn new() -> Result<Self> {
        Ok(Self { proc: proc::open()?, called: HashMap::new() })
    }

    /// One look.
    pub(in super::super) fn seek(&mut self) -> Result<Found> {
        let mut traces: BTreeMap<u64, Traces> = BTreeMap::new();
        mounts(&mut traces)?;
        let (places, unreadable) = self.processes()?;
        for (&pid, &inode) in &places {
            traces.entry(inode).or_default().pids.push(pid);
        }
        let surplus = traces.len().saturating_sub(MOST);
        let mut called = HashMap::new();
        let namespaces = traces.into_iter().take(MOST).map(|(inode, traces)| {
            let name = match traces.mounts.first() {
                Some((name, _)) => Some(Arc::clone(name)),
                None => self.call(inode, &traces.pids, &places, &mut called),
            };
            Namespace { inode, name, doors: traces.doors() }
        });
        let namespaces = namespaces.collect();
        self.called = called;
        Ok(Found { namespaces, unreadable, surplus })
    }

    /// The namespace of each process, and how many could not be asked.
    fn processes(&self) -> Result<(BTreeMap<u32, u64>, usize)> {
        let mut places = BTreeMap::new();
        let mut unreadable = 0;
        let mut path = String::new();
        for pid in proc::pids(&self.proc)? {
            match place(&self.proc, pid, &mut path) {
                Ok(inode) => {
                    places.insert(pid, inode);
                }
                // It has ended, or is about to and has no namespace any more.
                Err(Errno::NOENT | Errno::SRCH) => {}
                Err(_) => unreadable += 1,
            }
        }
        Ok((places, unreadable))
    }

    /// A name for a namespace that has none of its own, read once.
    fn call(
        &self,
        inode: u64,
        pids: &[u32],
        places: &BTreeMap<u32, u64>,
        called: &mut HashMap<(u64, u32), Option<Arc<str>>>,
    ) -> Option<Arc<str>> {
        let first = *pids.first()?;
        let known = self.called.get(&(inode, first)).cloned();
        let name = known.unwrap_or_else(|| {
            let is_inside = |pid: u32| places.get(&pid) == Some(&inode);
            names::by_process(self.proc.as_fd(), first, is_inside)
        });
        called.insert((inode, first), name.clone());
        name
    }
}

/// The name of the namespace that this process is in, without a look at all the others.
pub(super) fn name_of(own: u64) -> Option<Arc<str>> {
    let mut traces = BTreeMap::new();
    mounts(&mut traces).ok()?;
    if let Some((name, _)) = traces.get(&own).and_then(|traces: &Traces| traces.mounts.first()) {
        return Some(Arc::clone(name));
    }
    let proc = proc::open().ok()?;
    let is_inside = |pid| place(&proc, pid, &mut String::new()).is_ok_and(|inode| inode == own);
    names::by_process(proc.as_fd(), std::process::id(), is_inside)
}

/// The namespace that a process is in.
fn place(proc: &OwnedFd, pid: u32, path: &mut String) -> rustix::io::Result<u64> {
    path.clear();
    // Writing to a string cannot fail.
    let _ = write!(path, "{pid}/ns/net");
    Ok(statat(proc, &**path, AtFlags::empty())?.st_ino)
}

impl Traces {
    fn doors(&self) -> Vec<PathBuf> {
        let mounts = self.mounts.iter().map(|(_, path)| path.clone());
        let processes = self.pids.iter().take(DOORS);
        mounts.chain(processes.map(|pid| PathBuf::from(format!("/proc/{pid}/ns/net")))).collect()
    }
}

/// Namespaces that are mounted on a file, which gives them a name.
fn mounts(traces: &mut BTreeMap<u64, Traces>) -> Result<()> {
    // A file that no namespace is mounted on, which `ip netns` may leave behind, is on another
    // device.
    let nsfs = stat(c"/proc/self/ns/net")
        .map_err(|errno| Error::os("look at sockpit's own network namespace", errno))?
        .st_dev;
    for directory in DIRECTORIES {
        // Without the directory nobody has named one.
        let Ok(entries) = std::fs::read_dir(directory) else { continue };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let path = Path::new(directory).join(&name);
            let Ok(stat) = stat(&path) else { continue };
            if stat.st_dev == nsfs {
                let name: Arc<str> = name.to_string_lossy().into();
                let known = &mut traces.entry(stat.st_ino).or_default().mounts;
                if known.iter().all(|(other, _)| *other != name) {
                    known.push((name, path));
                }
            }
        }
    }
    Ok(())
}
