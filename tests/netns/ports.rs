//! The socket table of a network in which every socket is the test's own.

use std::io::{BufRead, BufReader, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use socket2::{Domain, Socket as RawSocket, Type};
use sockpit::inspect::sockets::{Backend, Listing, Request, list, still_holds};
use sockpit::model::health::Source;
use sockpit::model::owner::OwnershipKind;
use sockpit::model::socket::{Backlog, Endpoint, Family, Protocol, Socket, State};

use crate::support::{self, in_namespace, sockpit, wait_for};

fn native() -> Listing {
    list(&Request { backend: Some(Backend::Native), ..Request::default() }).unwrap()
}

/// The socket at this address, and with this peer.
fn find(listing: &Listing, local: SocketAddr, remote: Option<SocketAddr>) -> &Socket {
    let is_wanted = |socket: &&Socket| {
        socket.local.socket_addr() == Some(local)
            && socket.remote.as_ref().and_then(Endpoint::socket_addr) == remote
    };
    let found: Vec<&Socket> = listing.sockets.iter().filter(is_wanted).collect();
    let [socket] = found[..] else { panic!("{local} to {remote:?}: {found:#?}") };
    socket
}

#[track_caller]
fn assert_is(socket: &Socket, state: State, kind: OwnershipKind, detail: Option<&str>) {
    let is = (socket.state, socket.ownership.kind, socket.ownership.detail.as_deref());
    assert_eq!(is, (state, kind, detail), "{socket:#?}");
    let own = socket.owners.iter().filter(|owner| owner.process.pid == std::process::id());
    assert_eq!(own.count(), usize::from(kind == OwnershipKind::Owned), "{socket:#?}");
}

/// A child of the test, ended with it.
pub(crate) struct Helper(Child, BufReader<ChildStdout>);

impl Helper {
    /// Runs a Python program, which reports by printing lines.
    fn python(program: &str) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", program])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self(child, stdout)
    }

    /// Runs sockpit, whose lines are its answer.
    pub(crate) fn sockpit(args: &[&str]) -> Self {
        let mut command = sockpit();
        let mut child =
            command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self(child, stdout)
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the helper ended early");
        line.trim().to_owned()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn listeners_have_their_backlog_and_their_families() {
    in_namespace(|| {
        let v4 = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        v4.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 7001)).into()).unwrap();
        v4.listen(5).unwrap();
        let v6 = |port: u16, only: bool| {
            let socket = RawSocket::new(Domain::IPV6, Type::STREAM, None).unwrap();
            socket.set_only_v6(only).unwrap();
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into()).unwrap();
            socket.listen(7).unwrap();
            socket
        };
        let _keep = (v6(7002, true), v6(7003, false));
        let queued = TcpStream::connect("127.0.0.1:7001").unwrap();
        let listing = native();

        let socket = find(&listing, "127.0.0.1:7001".parse().unwrap(), None);
        assert_is(socket, State::Listen, OwnershipKind::Owned, None);
        assert_eq!(socket.backlog, Some(Backlog { queued: 1, limit: 5 }));
        assert_eq!((socket.family, socket.v6_only), (Family::Ipv4, None));

        let only = find(&listing, "[::]:7002".parse().unwrap(), None);
        assert_eq!((only.v6_only, only.is_dual_stack()), (Some(true), false));
        let dual = find(&listing, "[::]:7003".parse().unwrap(), None);
        assert_eq!((dual.v6_only, dual.is_dual_stack()), (Some(false), true));
        assert_eq!(dual.backlog, Some(Backlog { queued: 0, limit: 7 }));

        // Nobody has accepted it: no descriptor, no inode, no owner, and the kernel holds it.
        let waiting =
            find(&listing, "127.0.0.1:7001".parse().unwrap(), Some(queued.local_addr().unwrap()));
        assert_is(waiting, State::Established, OwnershipKind::Kernel, Some("accept_queue"));
        assert_eq!((waiting.inode, waiting.owners_complete), (Some(0), Some(true)));
    });
}

#[test]
fn a_connection_is_followed_to_its_end() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        let at = listener.local_addr().unwrap();
        let client = TcpStream::connect(at).unwrap();
        let from = client.local_addr().unwrap();
        let (server, _) = listener.accept().unwrap();

        let listing = native();
        assert_is(find(&listing, from, Some(at)), State::Established, OwnershipKind::Owned, None);
        assert_is(find(&listing, at, Some(from)), State::Established, OwnershipKind::Owned, None);
        let cookie = find(&listing, from, Some(at)).cookie;

        // The client closes first: the kernel finishes its end, ours still has a descriptor.
        drop(client);
        let listing = wait_for("the FIN to be acknowledged", || {
            let listing = native();
            // While the kernel moves it to another table it may be in neither.
            let is_ended = |socket: &Socket| {
                socket.local.socket_addr() == Some(from) && socket.state == State::FinWait2
            };
            listing.sockets.iter().any(is_ended).then_some(listing)
        });
        let orphan = find(&listing, from, Some(at));
        assert_is(orphan, State::FinWait2, OwnershipKind::Kernel, Some("orphan"));
        assert_eq!(orphan.uid, None, "the user of a socket without inode is not known");
        let server_end = find(&listing, at, Some(from));
        assert_is(server_end, State::CloseWait, OwnershipKind::Owned, None);
        assert_eq!(orphan.cookie, cookie, "it is the same row as before");

        drop(server);
        let listing = wait_for("TIME_WAIT", || {
            let listing = native();
            (find(&listing, from, Some(at)).state == State::TimeWait).then_some(listing)
        });
        let dead = find(&listing, from, Some(at));
        assert_is(dead, State::TimeWait, OwnershipKind::Kernel, Some("time_wait"));
        assert!(dead.timer.unwrap().expires_ms <= 60_000);
        assert_eq!((dead.tcp.is_none(), dead.cookie), (true, cookie));
    });
}

#[test]
fn a_half_open_connection_is_the_kernels() {
    in_namespace(|| {
        // With TCP_DEFER_ACCEPT the listener ignores the ACK that ends the handshake.
        let mut helper = Helper::python(
            "import socket, time\n\
             s = socket.socket(); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)\n\
             s.bind(('127.0.0.1', 7001)); s.listen(5); print('READY', flush=True); time.sleep(60)",
        );
        helper.line();
        let client = TcpStream::connect("127.0.0.1:7001").unwrap();
        let at = "127.0.0.1:7001".parse().unwrap();
        let listing = native();
        let half = find(&listing, at, Some(client.local_addr().unwrap()));
        assert_is(half, State::SynReceived, OwnershipKind::Kernel, Some("half_open"));
        assert_eq!((half.uid, half.owners.len()), (None, 0));
    });
}

#[test]
fn a_port_held_without_listening_is_bound() {
    in_namespace(|| {
        let holder = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        holder.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 7001)).into()).unwrap();
        let listing = native();
        let socket = find(&listing, "127.0.0.1:7001".parse().unwrap(), None);
        assert_is(socket, State::Bound, OwnershipKind::Owned, None);
        assert!(socket.backlog.is_none() && socket.tcp.is_none());
    });
}

#[test]
fn datagram_sockets_are_connected_or_not() {
    in_namespace(|| {
        let open = UdpSocket::bind("127.0.0.1:7001").unwrap();
        let at = open.local_addr().unwrap();
        let connected = UdpSocket::bind("127.0.0.1:7002").unwrap();
        connected.connect(at).unwrap();
        connected.send(b"12345").unwrap();
        let listing = native();
        let receiver = find(&listing, at, None);
        assert_is(receiver, State::Unconnected, OwnershipKind::Owned, None);
        assert_eq!(receiver.protocol, Protocol::Udp);
        assert!(receiver.recv_q.unwrap() > 0, "a datagram is waiting");
        assert_eq!(receiver.drops, Some(0));
        let sender = find(&listing, connected.local_addr().unwrap(), Some(at));
        assert_is(sender, State::Connected, OwnershipKind::Owned, None);
    });
}

#[test]
fn a_shared_socket_has_every_holder_as_owner() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        let copy = OwnedFd::from(listener.try_clone().unwrap());
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(copy)).spawn().unwrap();
        let listing = native();
        let socket = find(&listing, listener.local_addr().unwrap(), None);
        let owners: Vec<_> = socket.owners.iter().map(|o| (o.process.pid, o.fd)).collect();
        assert_eq!(owners.len(), 2, "the copy was handed over: {owners:?}");
        assert!(owners.contains(&(child.id(), Some(0))), "{owners:?}");
        assert!(owners.iter().any(|(pid, _)| *pid == std::process::id()), "{owners:?}");
        let other = socket.owners.iter().find(|o| o.process.pid == child.id()).unwrap();
        let inode = socket.inode.unwrap();
        assert!(still_holds(other.process.key(), inode).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!still_holds(other.process.key(), inode).unwrap());
        assert_eq!(find(&native(), listener.local_addr().unwrap(), None).owners.len(), 1);
    });
}

#[test]
fn a_socket_in_flight_has_no_owner_and_is_not_blamed_on_anyone() {
    in_namespace(|| {
        let udp = UdpSocket::bind("127.0.0.1:7001").unwrap();
        let at = udp.local_addr().unwrap();
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [udp.as_fd()];
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let sent = IoSlice::new(b"x");
        rustix::net::sendmsg(&ours, &[sent], &mut ancillary, SendFlags::empty()).unwrap();
        drop(udp);
        let listing = native();
        let socket = find(&listing, at, None);
        // The namespace has a PID namespace of its own: someone outside might hold it.
        assert_is(socket, State::Unconnected, OwnershipKind::Foreign, None);
        assert_eq!(socket.owners_complete, Some(false));
        assert!(socket.inode.unwrap() > 0);
        let owners = listing.health.iter().find(|line| line.source == Source::Owners).unwrap();
        assert!(owners.is_troubled(), "{owners:?}");
    });
}

#[test]
fn an_empty_network_is_answered_with_no() {
    in_namespace(|| {
        let output = sockpit().arg("ports").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let json = sockpit().args(["ports", "--json"]).output().unwrap();
        assert_eq!(json.status.code(), Some(1));
        let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(document["sockets"], serde_json::json!([]));
    });
}

/// What both backends can tell of a socket.
fn common(socket: &Socket) -> String {
    let mut pids: Vec<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
    pids.dedup();
    let Socket { family, protocol, local, inode, uid, .. } = socket;
    // netstat2 knows no UDP peer.
    let tcp = (*protocol == Protocol::Tcp).then_some((socket.state, &socket.remote));
    format!("{family:?} {protocol:?} {local:?} {tcp:?} {inode:?} {uid:?} {pids:?}")
}

#[test]
fn native_and_netstat2_agree_on_the_same_sockets() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        let at = listener.local_addr().unwrap();
        let accepted = TcpStream::connect(at).unwrap();
        let _server = listener.accept().unwrap();
        let _waiting = TcpStream::connect(at).unwrap();
        let _v6 = TcpListener::bind("[::]:7002").unwrap();
        let bound = RawSocket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        bound.bind(&SocketAddr::from((Ipv6Addr::LOCALHOST, 7003)).into()).unwrap();
        let _udp = UdpSocket::bind("[::1]:7004").unwrap();
        let connected = UdpSocket::bind("127.0.0.1:7005").unwrap();
        connected.connect("127.0.0.1:7006").unwrap();
        let (short, _) = (TcpStream::connect(at).unwrap(), listener.accept().unwrap());
        drop(short);
        let mut sleeper = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::from(OwnedFd::from(accepted.try_clone().unwrap())))
            .spawn()
            .unwrap();

        // The table must stand still between two looks: an ACK may be delayed.
        wait_for("every FIN to be acknowledged", || {
            let is_moving = |socket: &Socket| socket.state == State::FinWait1;
            (!native().sockets.iter().any(is_moving)).then_some(())
        });
        let portable =
            list(&Request { backend: Some(Backend::Netstat2), ..Request::default() }).unwrap();
        // It knows TCP and UDP, and does not ask for ports that are held without listening.
        let is_common = |socket: &&Socket| {
            socket.state != State::Bound && matches!(socket.protocol, Protocol::Tcp | Protocol::Udp)
        };
        let ours = native().sockets;
        let ours: Vec<String> = ours.iter().filter(is_common).map(common).collect();
        let theirs: Vec<String> = portable.sockets.iter().map(common).collect();
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert!(ours.len() >= 9, "{ours:#?}");
        let mut sorted = (ours, theirs);
        sorted.0.sort();
        sorted.1.sort();
        assert_eq!(sorted.0, sorted.1);
        assert!(portable.sockets.iter().all(|socket| {
            use OwnershipKind::{Kernel, Owned, Unknown};
            matches!(socket.ownership.kind, Owned | Kernel | Unknown)
        }));
    });
}

#[test]
fn an_owner_that_may_not_be_read_is_hidden_and_the_remedy_is_named() {
    // It forbids others of the same user to look at it, as a program with file capabilities.
    let mut helper = Helper::python(
        "import ctypes, socket, time\n\
         s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(5)\n\
         ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n\
         print(s.getsockname()[1], flush=True); time.sleep(60)",
    );
    let port: u16 = helper.line().parse().unwrap();
    // The other user must be able to run it, wherever the target directory lies.
    let public = tempfile::tempdir().unwrap();
    let program = public.path().join("sockpit");
    std::fs::copy(sockpit().get_program(), &program).unwrap();
    support::run(Command::new("chmod").args(["-R", "755"]).arg(public.path()));
    let mut command = Command::new(&program);
    if rustix::process::geteuid().is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
        command.arg(&program);
    }
    let output = command.args(["ports", "--json"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let sockets = document["sockets"].as_array().unwrap();
    let socket = sockets.iter().find(|socket| socket["local"]["port"] == port).unwrap();
    assert_eq!(socket["ownership"]["kind"], "hidden", "{socket}");
    assert!(socket["ownership"]["reason"].as_str().unwrap().contains("CAP_SYS_PTRACE"));
    assert_eq!(socket["owners_complete"], false);
    assert_eq!(socket["owners"], serde_json::json!([]));
    assert_eq!(document["privileged"], false);
    let health = document["health"].as_array().unwrap();
    let owners = health.iter().find(|line| line["source"] == "owners").unwrap();
    assert_eq!(owners["state"], "degraded");
    assert!(owners["remedy"].as_str().unwrap().contains("CAP_SYS_PTRACE"));
}
