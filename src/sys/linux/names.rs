//! Names for the kernel's numbers, each looked up once a listing.

use std::collections::HashMap;
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

use super::cgroups::Cgroups;
use crate::wire::netlink::socket::Names;

/// Looks up and remembers.
#[derive(Debug, Default)]
pub(super) struct NameCache {
    cgroups: Option<Cgroups>,
    interfaces: HashMap<u32, Option<Arc<str>>>,
    /// A socket of the namespace whose interfaces are meant; `None` for this thread's.
    namespace: Option<OwnedFd>,
    users: HashMap<u32, Option<Arc<str>>>,
    last_user: Option<(u32, Option<Arc<str>>)>,
}

impl NameCache {
    /// One that also finds the paths of cgroups.
    pub(super) fn with_cgroups() -> Self {
        Self { cgroups: Some(Cgroups::default()), ..Self::default() }
    }

    /// A new listing begins: interfaces come and go, and an index can get another name; there
    /// may be new cgroups.
    pub(super) fn begin(&mut self) {
        self.interfaces.clear();
        if let Some(cgroups) = &mut self.cgroups {
            cgroups.begin();
        }
    }

    /// From now on numbers are those of the namespace to which this socket belongs; `None`
    /// for this thread's.
    pub(super) fn look_into(&mut self, namespace: Option<OwnedFd>) {
        self.namespace = namespace;
        self.interfaces.clear();
    }
}

impl Names for NameCache {
    fn interface(&mut self, index: u32) -> Option<Arc<str>> {
        let Self { interfaces, namespace, .. } = self;
        let look_up = || match namespace {
            Some(socket) => interface_name(socket, index),
            None => interface_name(&inert_socket()?, index),
        };
        interfaces.entry(index).or_insert_with(look_up).clone()
    }

    fn user(&mut self, uid: u32) -> Option<Arc<str>> {
        // Neighbours in a dump mostly belong to the same user.
        if let Some((last, name)) = &self.last_user
            && *last == uid
        {
            return name.clone();
        }
        let name = self.users.entry(uid).or_insert_with(|| name_of_mapped(uid)).clone();
        self.last_user = Some((uid, name.clone()));
        name
    }

    fn cgroup(&mut self, id: u64) -> Option<Arc<str>> {
        self.cgroups.as_mut()?.path(id)
    }
}

/// The name of a user, unless the number only stands for all whom sockpit's user namespace does
/// not map (`user_namespaces(7)`): whatever name that number has is not theirs.
fn name_of_mapped(uid: u32) -> Option<Arc<str>> {
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u32>().ok();
    let stands_for_others = number("/proc/sys/kernel/overflowuid") == Some(uid)
        && std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| !maps_everyone(&map));
    if stands_for_others { None } else { user_name(uid) }
}

/// Whether a `uid_map` is that of the first user namespace.
fn maps_everyone(map: &str) -> bool {
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

fn interface_name(socket: &OwnedFd, index: u32) -> Option<Arc<str>> {
    Some(netdevice::index_to_name(socket, index).ok()?.into())
}

/// A socket that does nothing but belong to the namespace of this thread.
fn inert_socket() -> Option<OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()
}

/// The index of the interface with this name in the network namespace of a socket, or of this
/// thread.
pub(super) fn interface_index(namespace: Option<&OwnedFd>, name: &str) -> Option<u32> {
    match namespace {
        Some(socket) => netdevice::name_to_index(socket, name).ok(),
        None => netdevice::name_to_index(inert_socket()?, name).ok(),
    }
}

/// The name that the system's user databases give this id.
pub(super) fn user_name(uid: u32) -> Option<Arc<str>> {
    account(uid).map(|account| account.name.into())
}

/// What the system's user databases tell of a user.
pub(super) struct Account {
    pub(super) name: String,
    /// The home directory.
    pub(super) home: String,
}

/// The entry with this id.
pub(super) fn account(uid: u32) -> Option<Account> {
    let mut buffer = vec![0 as libc::c_char; 1024];
    loop {
        let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
        let mut found = std::ptr::null_mut();
        // SAFETY: all pointers are valid for the call, and the length is the buffer's own.
        let errno = unsafe {
            libc::getpwuid_r(
                uid,
                entry.as_mut_ptr(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut found,
            )
        };
        match errno {
            libc::ERANGE if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 2, 0),
            0 if !found.is_null() => {
                // SAFETY: getpwuid_r succeeded, so `found` points to `entry`, whose name and home
                // are C strings within `buffer`; both are alive.
                let (name, home) =
                    unsafe { (CStr::from_ptr((*found).pw_name), CStr::from_ptr((*found).pw_dir)) };
                let text = |text: &CStr| text.to_string_lossy().into_owned();
                return Some(Account { name: text(name), home: text(home) });
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_the_systems_names() {
        let mut names = NameCache::default();
        assert_eq!(names.user(0).as_deref(), Some("root"));
        assert_eq!(names.user(0).as_deref(), Some("root"));
        assert_eq!(names.user(3_999_999_999), None);
        assert_eq!(names.interface(1).as_deref(), Some("lo"));
        assert_eq!(names.interface(u32::MAX >> 1), None);
    }
}
