//! cgroup v2 ids to paths. An id is what the kernel tells of a socket: the inode of the
//! directory that its maker was in (kernfs of Linux 5.5 and later on 64-bit machines).
//!
//! The kernel opens a directory by its id for whoever has CAP_DAC_READ_SEARCH; for everyone
//! else the tree is walked. An id is never given to another cgroup within a boot, and a cgroup
//! of version 2 cannot be renamed: what was found once stays right, also after its end.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use rustix::fs::{CWD, FileType, RawDir, fstat, fstatfs};

use super::proc;
use crate::wire::cgroup::Outlook;

/// `CGROUP2_SUPER_MAGIC` of `linux/magic.h`.
const CGROUP2: u64 = 0x6367_7270;

/// Where it is mounted: alone, or beside version 1 (systemd's hybrid layout).
const MOUNTS: [&CStr; 2] = [c"/sys/fs/cgroup", c"/sys/fs/cgroup/unified"];

/// Directories that one walk looks at.
const MOST_DIRECTORIES: usize = 16_384;

/// Paths that are remembered. There are rarely more cgroups than a few hundred.
const MOST_REMEMBERED: usize = 32_768;

/// Looks up and remembers.
#[derive(Debug, Default)]
pub(super) struct Cgroups {
    /// `None` for an id that leads nowhere: the cgroup has ended, or lies outside of what is
    /// mounted here.
    paths: HashMap<u64, Option<Arc<str>>>,
    root: Option<Root>,
    is_opened: bool,
    has_walked: bool,
    by_walking: bool,
}

/// The mounted hierarchy.
#[derive(Debug)]
struct Root {
    directory: OwnedFd,
    mount: &'static CStr,
}

impl Cgroups {
    /// A new listing begins: the tree may have changed.
    pub(super) fn begin(&mut self) {
        self.has_walked = false;
        if self.paths.len() > MOST_REMEMBERED {
            self.paths.clear();
        }
    }

    /// The path of the cgroup with this id, below the mounted root.
    pub(super) fn path(&mut self, id: u64) -> Option<Arc<str>> {
        if let Some(known) = self.paths.get(&id) {
            return known.clone();
        }
        if !self.is_opened {
            self.is_opened = true;
            self.root = Root::open();
        }
        let root = self.root.as_ref()?;
        if !self.by_walking {
            match root.path_of(id) {
                Ok(path) => {
                    self.paths.insert(id, path.clone());
                    return path;
                }
                Err(NotPermitted) => self.by_walking = true,
            }
        }
        if self.has_walked {
            // It may be younger than the walk: the next listing asks again.
            return None;
        }
        self.has_walked = true;
        let is_whole = walk(root, &mut self.paths);
        let path = self.paths.get(&id).cloned().flatten();
        if path.is_none() && is_whole {
            self.paths.insert(id, None);
        }
        path
    }
}

/// From where this process reads the cgroups of others; found once.
pub(super) fn outlook() -> &'static Outlook {
    static FOUND: OnceLock<Outlook> = OnceLock::new();
    FOUND.get_or_init(|| if is_initial_namespace() { Outlook::default() } else { look_out() })
}

/// Whether paths are told from the real root: `PROC_CGROUP_INIT_INO` of `linux/proc_ns.h`.
fn is_initial_namespace() -> bool {
    let namespace = std::fs::read_link("/proc/self/ns/cgroup");
    // A kernel without cgroup namespaces has only this one.
    namespace.map_or(true, |link| link.as_os_str() == "cgroup:[4026531835]")
}

/// The first process of this PID namespace is outside of our cgroup namespace when a container
/// was given the host's PID namespace. Its view of the file system, where it may be looked at,
/// has the whole tree, and in there the directory that is our root.
fn look_out() -> Outlook {
    let first = std::fs::read_to_string("/proc/1/cgroup").ok();
    let first = first.filter(|text| text.lines().any(|line| line.contains(":/..")));
    let root = first.is_some().then(|| root_seen_from_outside("/proc/1/root")).flatten();
    Outlook { root, first }
}

fn root_seen_from_outside(outside: &str) -> Option<String> {
    let own = fstat(&Root::open()?.directory).ok()?;
    let place = |mount: &&CStr| {
        let path = CString::new(format!("{outside}{}", mount.to_str().ok()?)).ok()?;
        let directory = proc::open_dir(CWD, &path).ok()?;
        (fstatfs(&directory).ok()?.f_type as u64 == CGROUP2).then_some(directory)
    };
    let directory = MOUNTS.iter().find_map(place)?;
    // The same file system, or inodes mean nothing.
    let is_same = fstat(&directory).is_ok_and(|seen| seen.st_dev == own.st_dev);
    let mut paths = HashMap::new();
    if is_same {
        walk(&Root { directory, mount: MOUNTS[0] }, &mut paths);
    }
    paths.remove(&own.st_ino).flatten().map(|path| path.to_string())
}

/// Directories may not be opened by their ids here.
struct NotPermitted;

impl Root {
    fn open() -> Option<Self> {
        MOUNTS.into_iter().find_map(|mount| {
            let directory = proc::open_dir(CWD, mount).ok()?;
            let kind = fstatfs(&directory).ok()?.f_type;
            (kind as u64 == CGROUP2).then_some(Self { directory, mount })
        })
    }

    /// Asks the kernel; `Ok(None)` when there is no such cgroup within this mount.
    fn path_of(&self, id: u64) -> Result<Option<Arc<str>>, NotPermitted> {
        let directory = match open_by_id(self.directory.as_fd(), id) {
            Ok(directory) => directory,
            Err(libc::ESTALE | libc::ENOENT) => return Ok(None),
            Err(_) => return Err(NotPermitted),
        };
        let link = CString::new(format!("/proc/self/fd/{}", directory.as_raw_fd()))
            .expect("a number has no NUL");
        let mut target = vec![MaybeUninit::uninit(); libc::PATH_MAX as usize];
        let Ok(target) = proc::read_link(CWD, &link, &mut target) else {
            return Err(NotPermitted);
        };
        // One that was removed meanwhile has " (deleted)" behind its path.
        let path = String::from_utf8_lossy(target);
        let path = path.strip_suffix(" (deleted)").unwrap_or(&path);
        let below = path.strip_prefix(&*self.mount.to_string_lossy());
        Ok(below.and_then(below_root))
    }
}

/// `/` for the root itself; `None` for a sibling whose name only begins alike.
fn below_root(path: &str) -> Option<Arc<str>> {
    match path {
        "" => Some("/".into()),
        path => path.starts_with('/').then(|| path.into()),
    }
}

/// `struct file_handle` with kernfs's own content (`FILEID_KERNFS`).
#[repr(C)]
struct Handle {
    length: u32,
    kind: i32,
    id: [u8; 8],
}

/// open_by_handle_at(2). The error is a number of errno.
fn open_by_id(mount: std::os::fd::BorrowedFd<'_>, id: u64) -> Result<OwnedFd, i32> {
    const FILEID_KERNFS: i32 = 0xfe;
    let handle = Handle { length: 8, kind: FILEID_KERNFS, id: id.to_ne_bytes() };
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the handle is as long as its header says and outlives the call, which reads it.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_open_by_handle_at,
            mount.as_raw_fd(),
            std::ptr::from_ref(&handle),
            flags,
        )
    };
    match i32::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor for us alone.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)),
    }
}

/// Enters every directory of the tree by its inode. Whether it was seen as a whole.
fn walk(root: &Root, paths: &mut HashMap<u64, Option<Arc<str>>>) -> bool {
    if let Ok(stat) = fstat(&root.directory) {
        paths.insert(stat.st_ino, Some("/".into()));
    }
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut waiting = vec![String::new()];
    let mut is_whole = true;
    let mut entered = 0;
    while let Some(parent) = waiting.pop() {
        entered += 1;
        if entered > MOST_DIRECTORIES {
            return false;
        }
        let name = CString::new(format!(".{parent}")).expect("names of files have no NUL");
        let Ok(directory) = proc::open_dir(&root.directory, &name) else {
            // Gone, or a delegated one that may not be read.
            is_whole = false;
            continue;
        };
        let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name().to_bytes();
            if entry.file_type() == FileType::Directory && name != b"." && name != b".." {
                let path = format!("{parent}/{}", String::from_utf8_lossy(name));
                paths.insert(entry.ino(), Some(path.as_str().into()));
                waiting.push(path);
            }
        }
    }
    is_whole
}

#[cfg(test)]
mod tests {
    use std::os::linux::fs::MetadataExt;
    use std::path::Path;

    use super::*;

    /// A cgroup that exists, by its directory; `None` where version 2 is not mounted.
    fn some_cgroup() -> Option<(u64, String)> {
        let root = Root::open()?;
        let mount = root.mount.to_str().unwrap().to_owned();
        let directories = std::fs::read_dir(&mount).unwrap().flatten();
        let mut below = directories.filter(|entry| entry.file_type().unwrap().is_dir());
        let path = below.next().map_or_else(|| Path::new(&mount).to_owned(), |entry| entry.path());
        let inode = std::fs::metadata(&path).ok()?.st_ino();
        let below = path.to_str()?.strip_prefix(&mount).filter(|below| !below.is_empty());
        Some((inode, below.unwrap_or("/").to_owned()))
    }

    #[test]
    fn an_id_leads_to_its_path_either_way() {
        let Some((id, path)) = some_cgroup() else { return };
        for by_walking in [false, true] {
            let mut cgroups = Cgroups { by_walking, ..Cgroups::default() };
            assert_eq!(cgroups.path(id).as_deref(), Some(&*path), "walking: {by_walking}");
            assert_eq!(cgroups.path(u64::MAX >> 3), None);
            // Remembered: no second walk.
            assert_eq!(cgroups.path(id).as_deref(), Some(&*path));
        }
    }

    #[test]
    fn our_own_root_is_the_top_of_our_own_view() {
        let Some(root) = Root::open() else { return };
        let is_top = root_seen_from_outside("/proc/self/root");
        assert_eq!(is_top.as_deref(), Some("/"));
        assert_eq!(root_seen_from_outside("/proc/self/root/proc"), None);
        drop(root);
    }

    #[test]
    fn a_path_is_told_below_the_root() {
        assert_eq!(below_root("").as_deref(), Some("/"));
        assert_eq!(below_root("/a.slice").as_deref(), Some("/a.slice"));
        assert_eq!(below_root("-other/a.slice"), None);
    }
}
