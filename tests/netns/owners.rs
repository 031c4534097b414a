//! Who is at each end: the cgroup that made a socket, and the process that answers it.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sockpit::inspect::sockets::{Detail, Listing, Request, list};
use sockpit::model::socket::{Socket, State};

use crate::support::{in_namespace, run, sockpit};

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
    fn new(kind: &str) -> Option<Self> {
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.controllers").exists())?;
        let netns = std::fs::metadata("/proc/self/ns/net").ok()?.st_ino();
        let path = root.join(format!("sockpit-test-{netns}.{kind}"));
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
    in_namespace(|| {
        let Some(cgroup) = Cgroup::new("scope") else {
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

#[test]
fn what_process_1_holds_for_a_socket_unit_is_told() {
    in_namespace(|| {
        // This test is process 1 of its namespace. It takes systemd's name, and makes a
        // listener the way systemd does: from within the socket unit's cgroup.
        assert_eq!(std::process::id(), 1);
        let (Some(unit), Some(service)) = (Cgroup::new("socket"), Cgroup::new("service")) else {
            return eprintln!("not run: no cgroup may be made here, which takes root");
        };
        if !unit.enter() {
            return eprintln!("not run: a process may not be moved here, which takes root");
        }
        let listener = TcpListener::bind("127.0.0.1:7001");
        unit.leave();
        let listener = listener.unwrap();
        let plain = TcpListener::bind("127.0.0.1:7002").unwrap();
        std::fs::write("/proc/1/comm", "systemd").unwrap();
        let text = |port: &str| {
            let arguments = ["ports", "--columns", "pid,name", port];
            String::from_utf8(sockpit().args(arguments).output().unwrap().stdout).unwrap()
        };
        let held = |port: u16| {
            let query = format!("lport:{port}");
            document(&[&query])["sockets"][0]["activation"].clone()
        };
        let alone = serde_json::json!({ "socket_unit": unit.name(), "unit": null });
        assert_eq!(held(7001), alone);
        let shown = text("lport:7001");
        assert!(shown.contains(&format!("(for {})", unit.name())), "{shown}");
        // Made somewhere else: no socket unit is claimed, and systemd holds it all the same.
        let elsewhere = held(7002);
        assert!(elsewhere.is_object() && elsewhere["socket_unit"].is_null(), "{elsewhere}");

        // The service is started and gets the listener.
        let copy = OwnedFd::from(listener.try_clone().unwrap());
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(copy)).spawn().unwrap();
        std::fs::write(service.0.join("cgroup.procs"), child.id().to_string()).unwrap();
        let (both, shown) = (held(7001), text("lport:7001"));
        child.kill().unwrap();
        child.wait().unwrap();
        let given = serde_json::json!({ "socket_unit": unit.name(), "unit": service.name() });
        assert_eq!(both, given);
        let named = shown.lines().nth(1).unwrap();
        assert!(named.contains(&format!("{}+1", child.id())) && named.contains("sleep"), "{shown}");
        drop(plain);
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
    in_namespace(|| {
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
    in_namespace(|| {
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

#[test]
fn unix_sockets_tell_the_process_at_their_other_end() {
    in_namespace(|| {
        let me = std::process::id();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let inode = |socket: &UnixStream| {
            std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().st_ino()
        };
        let document = document(&[]);
        let sockets = document["sockets"].as_array().unwrap();
        for (one, other) in [(&ours, &theirs), (&theirs, &ours)] {
            let row = sockets.iter().find(|row| row["inode"] == inode(one)).unwrap();
            assert_eq!(row["family"], "unix");
            assert_eq!(row["peer"]["inode"], inode(other), "{row}");
            let owner = serde_json::json!({"pid": me, "fd": other.as_raw_fd(), "name": row["owners"][0]["name"]});
            assert_eq!(row["peer"]["owners"], serde_json::json!([owner]), "{row}");
        }
    });
}

/// Puts a file of the test's own in the place of one of the system's, for this test's mount
/// namespace alone.
fn replace(target: &str, content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    run(Command::new("mount").arg("--bind").arg(file.path()).arg(target));
    file
}

#[test]
fn addresses_have_names_where_they_are_asked_for() {
    in_namespace(|| {
        run(Command::new("mount").args(["--make-rprivate", "/"]));
        let _hosts = replace("/etc/hosts", "127.0.0.1 here.example\n127.0.0.2 ev\x1b[2Jil\n");
        let _conf = replace("/etc/nsswitch.conf", "hosts: files\n");
        let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        let _other = TcpListener::bind("127.0.0.2:7002").unwrap();
        let _any = TcpListener::bind("0.0.0.0:7003").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let from = client.local_addr().unwrap();
        let document = document(&["--resolve"]);
        let row = row(&document, from, listener.local_addr().unwrap());
        assert_eq!(row["local"]["name"], "here.example");
        assert_eq!(row["remote"]["name"], "here.example");
        let names: Vec<_> = document["sockets"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["state"] == "LISTEN")
            .map(|row| row["local"]["name"].clone())
            .collect();
        // The resolver may refuse such a name; if it does not, JSON has it as it is.
        assert_eq!(names[0], "here.example");
        assert_eq!(names[2], serde_json::Value::Null, "the wildcard is nobody");
        let text = sockpit().args(["ports", "--resolve"]).output().unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(text.contains(&format!("here.example:{}", from.port())), "{text}");
        assert!(!text.contains('\x1b'), "{text:?}");
        // Nobody asks unless told to.
        let plain = sockpit().arg("ports").output().unwrap();
        assert!(!String::from_utf8(plain.stdout).unwrap().contains("example"));
    });
}

#[test]
fn a_name_server_that_never_answers_does_not_hold_up_the_listing() {
    in_namespace(|| {
        run(Command::new("mount").args(["--make-rprivate", "/"]));
        let _hosts = replace("/etc/hosts", "127.0.0.1 here.example\n");
        let _conf = replace("/etc/nsswitch.conf", "hosts: files dns\n");
        let silent = UdpSocket::bind("127.0.0.53:53").unwrap();
        let _resolv =
            replace("/etc/resolv.conf", "nameserver 127.0.0.53\noptions timeout:30 attempts:3\n");
        let listeners: Vec<TcpListener> = (2..80)
            .map(|last| TcpListener::bind((Ipv4Addr::new(127, 1, 1, last), 7001)).unwrap())
            .collect();
        let _named = TcpListener::bind("127.0.0.1:7001").unwrap();
        let started = Instant::now();
        let output = sockpit().args(["ports", "--resolve", "lport:7001"]).output().unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?}");
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 1 + listeners.len() + 1);
        assert!(text.contains("127.1.1.79:7001"), "a number stays: {text}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("addresses are called: they stay numbers"), "{told}");
        // It was asked at all.
        silent.set_nonblocking(true).unwrap();
        assert!(silent.recv(&mut [0; 512]).is_ok());
    });
}
