//! Who is at each end: the cgroup that made a socket, and the process that answers it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use sockpit::inspect::sockets::{Detail, Listing, Request, list};
use sockpit::model::socket::{Socket, State};

use crate::support::in_namespace;

fn listing() -> Listing {
    list(&Request { detail: Detail::Full, ..Request::default() }).unwrap()
}

fn find<'a>(listing: &'a Listing, wanted: impl Fn(&Socket) -> bool) -> &'a Socket {
    listing
        .sockets
        .iter()
        .find(|socket| wanted(socket))
        .unwrap_or_else(|| panic!("there is no such socket among {:#?}", listing.sockets))
}

/// A cgroup of version 2 that this test made, removed when dropped.
struct Cgroup(PathBuf);

impl Cgroup {
    /// `None` where there is no version 2, or it may not be changed.
    fn new(name: &str) -> Option<Self> {
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.controllers").exists())?;
        let path = root.join(format!(
            "{name}-{}",
            std::fs::read_link("/proc/self/ns/net")
                .ok()?
                .to_string_lossy()
                .trim_matches(|c: char| !c.is_ascii_digit())
        ));
        std::fs::create_dir(&path).ok()?;
        Some(Self(path))
    }

    fn name(&self) -> String {
        self.0.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Moves this process into it, or back to the root.
    fn enter(&self) -> bool {
        std::fs::write(self.0.join("cgroup.procs"), "0").is_ok()
    }

    fn leave(&self) {
        std::fs::write(self.0.parent().unwrap().join("cgroup.procs"), "0").unwrap();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_socket_tells_the_cgroup_that_it_was_made_in() {
    in_namespace("owners::a_socket_tells_the_cgroup_that_it_was_made_in", || {
        let Some(cgroup) = Cgroup::new("sockpit-test.scope") else {
            return eprintln!("not run: no cgroup may be made here, which takes root");
        };
        if !cgroup.enter() {
            return eprintln!("not run: a process may not be moved here, which takes root");
        }
        let inside = TcpListener::bind("127.0.0.1:7001");
        cgroup.leave();
        let inside = inside.unwrap();
        let outside = TcpListener::bind("127.0.0.1:7002").unwrap();
        let listing = listing();
        let of = |port| {
            let socket = find(&listing, |s| s.local.port == Some(port) && s.state == State::Listen);
            socket.cgroup.as_deref().map(str::to_owned)
        };
        assert_eq!(of(7001), Some(format!("/{}", cgroup.name())));
        // Where the test runs is the machine's business; this cgroup it is not.
        assert_ne!(of(7002), of(7001));
        drop((inside, outside));
    });
}
