//! Who is at each end: the cgroup that made a socket, and the process that answers it.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sockpit::inspect::sockets::{Detail, Listing, Request, list};
use sockpit::model::socket::{Socket, State};

use crate::support::{in_namespace, sockpit};

fn listing() -> Listing {
    list(&Request { detail: Detail::Full, ..Request::default() }).unwrap()
}

fn find(listing: &Listing, wanted: impl Fn(&Socket) -> bool) -> &Socket {
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

/// `ports --json` as a program reads it.
fn document(arguments: &[&str]) -> serde_json::Value {
    let output = sockpit().arg("ports").args(arguments).arg("--json").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The row with this local address and a peer of any kind.
fn row(document: &serde_json::Value, local: SocketAddr, remote: SocketAddr) -> serde_json::Value {
    let is = |end: &serde_json::Value, addr: SocketAddr| {
        end["addr"] == addr.ip().to_string() && end["port"] == addr.port()
    };
    let sockets = document["sockets"].as_array().unwrap();
    let row = sockets.iter().find(|row| is(&row["local"], local) && is(&row["remote"], remote));
    row.unwrap_or_else(|| panic!("{local} to {remote} is missing: {sockets:#?}")).clone()
}

#[test]
fn a_local_connection_tells_the_process_at_its_other_end() {
    in_namespace("owners::a_local_connection_tells_the_process_at_its_other_end", || {
        let me = std::process::id();
        let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        let at = listener.local_addr().unwrap();
        let client = TcpStream::connect(at).unwrap();
        let (server, from) = listener.accept().unwrap();
        // A child that holds the server's end too.
        let copy = OwnedFd::from(server.try_clone().unwrap());
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(copy)).spawn().unwrap();
        let waiting = TcpStream::connect(at).unwrap();
        let document = document(&[]);
        child.kill().unwrap();
        child.wait().unwrap();

        let ours = row(&document, from, at);
        let theirs = row(&document, at, from);
        assert_eq!(ours["peer"]["cookie"], theirs["cookie"]);
        assert_eq!(ours["peer"]["inode"], theirs["inode"]);
        let who = |row: &serde_json::Value| {
            let owners = row["peer"]["owners"].as_array().unwrap();
            owners.iter().map(|o| (o["pid"].as_u64(), o["fd"].as_i64())).collect::<Vec<_>>()
        };
        let server_fd = Some(i64::from(server.as_raw_fd()));
        let mut expected = [(Some(me.into()), server_fd), (Some(child.id().into()), Some(0))];
        expected.sort_unstable();
        assert_eq!(who(&ours), expected);
        assert_eq!(who(&theirs), [(Some(me.into()), Some(client.as_raw_fd().into()))]);

        // Nobody has accepted the second one: its other end is the kernel's.
        let queued = row(&document, waiting.local_addr().unwrap(), at);
        assert_eq!(queued["peer"]["inode"], 0);
        assert_eq!(queued["peer"]["owners"], serde_json::json!([]));
        let text = sockpit().args(["ports", "--columns", "local,peer"]).output().unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        let line = |local: SocketAddr| {
            let local = format!("{local} ");
            text.lines().find(|line| line.starts_with(&local)).unwrap().trim_end().to_owned()
        };
        assert!(line(waiting.local_addr().unwrap()).ends_with(" kernel"), "{text}");
        assert!(line(from).ends_with(&format!(" {me}")), "{text}");
    });
}

#[test]
fn the_other_end_is_found_across_families_and_for_datagrams() {
    in_namespace("owners::the_other_end_is_found_across_families_and_for_datagrams", || {
        let me = std::process::id();
        let dual = TcpListener::bind("[::]:7001").unwrap();
        let at = "127.0.0.1:7001".parse().unwrap();
        let client = TcpStream::connect(at).unwrap();
        let (server, _) = dual.accept().unwrap();
        let udp = UdpSocket::bind("127.0.0.1:7002").unwrap();
        let udp_at = udp.local_addr().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:7003").unwrap();
        sender.connect(udp_at).unwrap();
        let nowhere = UdpSocket::bind("127.0.0.1:7004").unwrap();
        nowhere.connect("127.0.0.1:7999").unwrap();
        let document = document(&[]);

        let peer_fd = |local: SocketAddr, remote: SocketAddr| {
            let row = row(&document, local, remote);
            let owner = &row["peer"]["owners"][0];
            assert_eq!(owner["pid"], me, "{row}");
            owner["fd"].as_i64().unwrap()
        };
        // One end is IPv4, the other the same addresses mapped into IPv6.
        let from = client.local_addr().unwrap();
        assert_eq!(peer_fd(from, at), i64::from(server.as_raw_fd()));
        let mapped = (server.local_addr().unwrap(), server.peer_addr().unwrap());
        assert_eq!(peer_fd(mapped.0, mapped.1), i64::from(client.as_raw_fd()));
        assert_eq!(peer_fd(sender.local_addr().unwrap(), udp_at), i64::from(udp.as_raw_fd()));
        let alone =
            row(&document, nowhere.local_addr().unwrap(), "127.0.0.1:7999".parse().unwrap());
        assert_eq!(alone["peer"], serde_json::Value::Null);
    });
}
