//! Who serves on a port in another network namespace than this thread's.

use std::path::PathBuf;

use super::bind;
use super::sockets::{self, Detail, Reach, Request};
use crate::model::socket::{Protocol, Socket, SocketKey};
use crate::sys::netns;

/// A namespace in which something listens on the port.
#[derive(Clone, Debug, PartialEq)]
pub struct Elsewhere {
    /// Its inode.
    pub netns: u64,
    /// What it is called; uncleaned.
    pub name: Option<String>,
    /// A file that leads into it: `/run/netns/NAME`, `/proc/PID/ns/net`.
    pub door: PathBuf,
    /// The sockets that hold the port for serving, or could; with owners.
    pub sockets: Vec<Socket>,
}

impl Elsewhere {
    /// `network namespace web`, with the inode where there is no name.
    pub fn describe(&self) -> String {
        let inode = || self.netns.to_string();
        format!("network namespace {}", self.name.clone().unwrap_or_else(inode))
    }

    /// The beginning of a command that is to run in there; `as_root` when this user may not
    /// go there without.
    pub fn way_in(&self, as_root: bool) -> Vec<String> {
        let sudo = (!as_root).then(|| "sudo".to_owned());
        let enter = ["nsenter".to_owned(), format!("--net={}", self.door.display())];
        sudo.into_iter().chain(enter).collect()
    }
}

/// The namespaces in which a socket that `meets` holds the port for serving, as far as they can
/// be entered. Of the others nothing is said: an empty answer is not a *no*. Blocks.
pub fn serving(port: u16, udp: bool, meets: &dyn Fn(&Socket) -> bool) -> Vec<Elsewhere> {
    let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
    let own = netns::own();
    let Ok(found) = netns::all() else { return Vec::new() };
    let mut serving = Vec::new();
    let mut others = found.namespaces;
    others.retain(|one| Some(one.inode) != own);
    let looks = netns::enter_each(&others, |_| sockets::on_port(protocol, port));
    for (namespace, look) in others.iter().zip(looks) {
        // It may not be entered, or has ended: nothing is claimed of it.
        let Ok(Ok(mut sockets)) = look else { continue };
        sockets.retain(|socket| bind::is_holder(socket) && meets(socket));
        if let (Some(door), false) = (namespace.door(), sockets.is_empty()) {
            let name = namespace.name.as_deref().map(str::to_owned);
            serving.push(Elsewhere { netns: namespace.inode, name, door: door.into(), sockets });
        }
    }
    name_owners(&mut serving);
    serving
}

/// Looks up the owners, which is dear, only when there is somebody to be named.
fn name_owners(serving: &mut [Elsewhere]) {
    if serving.is_empty() {
        return;
    }
    let request = Request { detail: Detail::Bare, reach: Reach::All, ..Request::default() };
    let Ok(listing) = sockets::list(&request) else { return };
    let keys: Vec<SocketKey> = listing.sockets.iter().map(Socket::key).collect();
    for socket in serving.iter_mut().flat_map(|place| &mut place.sockets) {
        let key = socket.key();
        if let Some(at) = keys.iter().position(|known| *known == key) {
            socket.clone_from(&listing.sockets[at]);
        }
    }
}
