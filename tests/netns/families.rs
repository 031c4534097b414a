//! Sockets beyond TCP and UDP, against sockets that the test itself opened.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};

use socket2::{Domain, Protocol as Number, SockAddr, Socket as RawSocket, Type};
use sockpit::inspect::sockets::{Listing, Request, list};
use sockpit::model::owner::OwnershipKind;
use sockpit::model::socket::{Backlog, Endpoint, Family, PacketKind, Protocol, Socket, State};
use sockpit::model::tables::{Table, Tables};

use crate::support::{cannot_run, in_namespace, sockpit};

fn listing() -> Listing {
    list(&Request::default()).unwrap()
}

/// The socket that this descriptor of ours refers to.
#[track_caller]
fn of<'a>(listing: &'a Listing, socket: &impl AsFd) -> &'a Socket {
    let inode = inode(socket);
    // MPTCP shows a subflow under the same inode.
    let found: Vec<&Socket> =
        listing.sockets.iter().filter(|socket| socket.inode == Some(inode)).collect();
    match found[..] {
        [socket] => socket,
        _ => panic!("inode {inode}: {found:#?}"),
    }
}

fn inode(socket: &impl AsFd) -> u64 {
    let fd = socket.as_fd().as_raw_fd();
    std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().st_ino()
}

#[track_caller]
fn assert_is_ours(socket: &Socket, descriptor: &impl AsFd) {
    assert_eq!(socket.ownership.kind, OwnershipKind::Owned, "{socket:#?}");
    let holds = |pid, fd| (pid, fd) == (std::process::id(), Some(descriptor.as_fd().as_raw_fd()));
    let ours = socket.owners.iter().filter(|owner| holds(owner.process.pid, owner.fd));
    assert_eq!(ours.count(), 1, "{socket:#?}");
    assert_eq!(socket.uid, Some(0), "{socket:#?}");
}

fn path(end: &Endpoint) -> Option<&str> {
    end.path.as_deref()
}

#[test]
fn a_unix_listener_has_its_path_its_queue_and_those_that_wait() {
    in_namespace(|| {
        let place = tempfile::tempdir().unwrap();
        let at = place.path().join("app.sock");
        let listener = UnixListener::bind(&at).unwrap();
        let client = UnixStream::connect(&at).unwrap();
        let (server, _) = listener.accept().unwrap();
        let mut waiting = UnixStream::connect(&at).unwrap();
        waiting.write_all(b"early").unwrap();
        let at = at.to_str();
        let listing = listing();

        let socket = of(&listing, &listener);
        assert_is_ours(socket, &listener);
        assert_eq!((socket.family, socket.protocol), (Family::Unix, Protocol::Stream));
        assert_eq!((socket.state, path(&socket.local)), (State::Listen, at));
        assert_eq!((socket.recv_q, socket.send_q, &socket.remote), (None, None, &None));
        let backlog = socket.backlog.unwrap();
        assert_eq!(backlog.queued, 1, "one of two was accepted");
        let file = std::fs::metadata(at.unwrap()).unwrap();
        assert_eq!(socket.file.as_ref().map(|file| file.inode), Some(file.st_ino()));
        assert!(socket.cookie.is_some() && socket.netns.is_some());

        let ends = (of(&listing, &client), of(&listing, &server));
        assert_eq!((ends.0.state, ends.1.state), (State::Connected, State::Connected));
        assert_eq!(ends.0.peer_inode, Some(inode(&server)));
        assert_eq!(ends.1.peer_inode, Some(inode(&client)));
        assert_eq!((path(&ends.0.local), path(&ends.1.local)), (None, at));
        assert_eq!(ends.0.remote.as_ref().and_then(path), at);
        assert_eq!(ends.1.remote, None, "its peer has no name");

        // Nobody has accepted it: there is no inode to point to, but the listener's name is
        // where it went.
        let socket = of(&listing, &waiting);
        assert_eq!((socket.state, socket.peer_inode), (State::Connected, Some(0)));
        assert_eq!(socket.remote.as_ref().and_then(path), at);
    });
}

#[test]
fn every_type_and_state_of_a_unix_socket_is_told() {
    in_namespace(|| {
        let new = |kind| RawSocket::new(Domain::UNIX, kind, None).unwrap();
        let named = |name: &str| SockAddr::unix(name).unwrap();
        let place = tempfile::tempdir().unwrap();
        std::env::set_current_dir(place.path()).unwrap();

        let fresh = new(Type::STREAM);
        let bound = new(Type::STREAM);
        bound.bind(&named("bound")).unwrap();
        let listener = new(Type::SEQPACKET);
        listener.bind(&named("seq")).unwrap();
        listener.listen(3).unwrap();
        let client = new(Type::SEQPACKET);
        client.connect(&named("seq")).unwrap();
        let (left, right) = UnixStream::pair().unwrap();
        let receiver = UnixDatagram::bind("dgram").unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect("dgram").unwrap();
        sender.send(b"12345").unwrap();
        let (closed, end) = UnixStream::pair().unwrap();
        drop(closed);
        let listing = listing();

        use Protocol::{Dgram, Seqpacket, Stream};
        use State::{Connected, Listen, Unconnected};
        let is = |descriptor: &dyn AsFd| {
            let socket = of(&listing, &descriptor.as_fd());
            assert_is_ours(socket, &descriptor.as_fd());
            (socket.protocol, socket.state, path(&socket.local))
        };
        assert_eq!(is(&fresh), (Stream, Unconnected, None));
        assert_eq!(is(&bound), (Stream, Unconnected, Some("bound")));
        assert_eq!(is(&listener), (Seqpacket, Listen, Some("seq")));
        assert_eq!(is(&client), (Seqpacket, Connected, None));
        assert_eq!(is(&left), (Stream, Connected, None));
        assert_eq!(is(&receiver), (Dgram, Unconnected, Some("dgram")));
        assert_eq!(is(&sender), (Dgram, Connected, None));

        let backlog = of(&listing, &listener).backlog;
        assert_eq!(backlog, Some(Backlog { queued: 1, limit: 3 }));
        assert_eq!(of(&listing, &left).peer_inode, Some(inode(&right)));
        assert_eq!(of(&listing, &receiver).recv_q, Some(5));
        assert_eq!(of(&listing, &receiver).peer_inode, None, "who connects to it is not its peer");
        let sender = of(&listing, &sender);
        assert_eq!(sender.remote.as_ref().and_then(path), Some("dgram"));
        assert_eq!(sender.peer_inode, Some(inode(&receiver)));
        assert_eq!(of(&listing, &end).peer_inode, Some(0), "the other end was closed");
    });
}

#[test]
fn an_abstract_name_may_hold_any_bytes_and_does_no_harm() {
    in_namespace(|| {
        let name = b"evil\x1b]0;x\x07\n\0\xfftail";
        let address = UnixAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let client = UnixStream::connect_addr(&address).unwrap();
        let expected = "@evil\u{1b}]0;x\u{7}\n\0\u{fffd}tail";
        let listing = listing();
        let socket = of(&listing, &listener);
        assert_eq!((path(&socket.local), &socket.file), (Some(expected), &None));
        assert_eq!(of(&listing, &client).remote.as_ref().and_then(path), Some(expected));

        let output = sockpit().args(["ports", "family:unix", "--json"]).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let sockets = document["sockets"].as_array().unwrap();
        assert!(sockets.iter().any(|socket| socket["local"]["path"] == expected));
        for format in [&["ports", "family:unix"][..], &["ports", "--csv"]] {
            let output = sockpit().args(format).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let line = text.lines().find(|line| line.contains("evil")).unwrap();
            assert!(
                line.contains("@evil\u{fffd}]0;x\u{fffd}\u{fffd}\u{fffd}\u{fffd}tail"),
                "{line}"
            );
            assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'));
        }
    });
}

#[test]
fn a_path_that_looks_like_an_abstract_name_is_told_from_one() {
    in_namespace(|| {
        let place = tempfile::tempdir().unwrap();
        std::env::set_current_dir(place.path()).unwrap();
        let in_file = UnixDatagram::bind("@name").unwrap();
        let address = UnixAddr::from_abstract_name(b"name").unwrap();
        let abstract_one = UnixDatagram::bind_addr(&address).unwrap();
        let listing = listing();
        assert_eq!(path(&of(&listing, &in_file).local), Some("./@name"));
        assert_eq!(path(&of(&listing, &abstract_one).local), Some("@name"));
    });
}

#[test]
fn a_unix_socket_that_was_inherited_has_every_holder_as_owner() {
    in_namespace(|| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let copy = OwnedFd::from(ours.try_clone().unwrap());
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(copy)).spawn().unwrap();
        let listing = listing();
        let owners: Vec<_> =
            of(&listing, &ours).owners.iter().map(|owner| (owner.process.pid, owner.fd)).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        let own = (std::process::id(), Some(ours.as_raw_fd()));
        let mut expected = [own, (child.id(), Some(0))];
        expected.sort_unstable();
        assert_eq!(owners, expected);
        assert_eq!(of(&listing, &theirs).peer_inode, Some(inode(&ours)));
    });
}

#[test]
fn a_unix_socket_in_flight_is_not_blamed_on_anyone() {
    in_namespace(|| {
        use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
        let (left, right) = UnixStream::pair().unwrap();
        let passed = UnixDatagram::unbound().unwrap();
        let inode = inode(&passed);
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [passed.as_fd()];
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let bytes = [std::io::IoSlice::new(b"x")];
        rustix::net::sendmsg(&left, &bytes, &mut ancillary, SendFlags::empty()).unwrap();
        drop(passed);
        let listing = listing();
        let socket = listing.sockets.iter().find(|socket| socket.inode == Some(inode)).unwrap();
        assert!(socket.owners.is_empty());
        assert!(!matches!(socket.ownership.kind, OwnershipKind::Owned | OwnershipKind::Kernel));
        drop(right);
    });
}

#[test]
fn raw_sockets_have_a_protocol_and_no_port() {
    in_namespace(|| {
        let v4 = RawSocket::new(Domain::IPV4, Type::RAW, Some(Number::ICMPV4)).unwrap();
        let v6 = RawSocket::new(Domain::IPV6, Type::RAW, Some(Number::ICMPV6)).unwrap();
        v6.bind(&SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into()).unwrap();
        let connected = RawSocket::new(Domain::IPV4, Type::RAW, Some(Number::from(99))).unwrap();
        connected.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let listing = listing();
        for (descriptor, family, addr, number, state) in [
            (&v4, Family::Ipv4, "0.0.0.0", 1, State::Unconnected),
            (&v6, Family::Ipv6, "::1", 58, State::Unconnected),
            (&connected, Family::Ipv4, "127.0.0.1", 99, State::Connected),
        ] {
            let socket = of(&listing, descriptor);
            assert_is_ours(socket, descriptor);
            assert_eq!((socket.family, socket.protocol), (family, Protocol::Raw));
            assert_eq!((socket.state, socket.protocol_number), (state, Some(number)));
            assert_eq!((socket.local.addr, socket.local.port), (addr.parse().ok(), None));
        }
        let remote = of(&listing, &connected).remote.as_ref().unwrap();
        assert_eq!((remote.addr, remote.port), (Some(Ipv4Addr::LOCALHOST.into()), None));
        let shown = sockpit().args(["ports", "proto:raw"]).output().unwrap();
        let text = String::from_utf8(shown.stdout).unwrap();
        for cell in ["0.0.0.0:icmp ", "[::1]:icmpv6 ", "127.0.0.1:proto-99 "] {
            assert!(text.contains(cell), "{text}");
        }
        // What stands where others have a port is none.
        let code = |query: &str| sockpit().args(["ports", query]).output().unwrap().status.code();
        assert_eq!((code("port:58"), code("!port:58")), (Some(1), Some(0)));
    });
}

#[test]
fn ping_sockets_have_their_identifier() {
    in_namespace(|| {
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0").unwrap();
        let v4 = RawSocket::new(Domain::IPV4, Type::DGRAM, Some(Number::ICMPV4)).unwrap();
        v4.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 77)).into()).unwrap();
        let v6 = RawSocket::new(Domain::IPV6, Type::DGRAM, Some(Number::ICMPV6)).unwrap();
        v6.bind(&SocketAddr::from((Ipv6Addr::LOCALHOST, 78)).into()).unwrap();
        v6.connect(&SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into()).unwrap();
        let listing = listing();
        let socket = of(&listing, &v4);
        assert_is_ours(socket, &v4);
        assert_eq!((socket.family, socket.protocol), (Family::Ipv4, Protocol::Icmp));
        assert_eq!(socket.local, Endpoint::ip(Ipv4Addr::LOCALHOST, 77));
        assert_eq!((socket.state, socket.cookie), (State::Unconnected, None));
        let socket = of(&listing, &v6);
        assert_is_ours(socket, &v6);
        assert_eq!((socket.family, socket.state), (Family::Ipv6, State::Connected));
        assert_eq!(socket.remote.as_ref().unwrap().addr, Some(Ipv6Addr::LOCALHOST.into()));
    });
}

#[test]
fn udp_lite_sockets_are_apart_from_udp() {
    in_namespace(|| {
        let udplite = Some(Number::from(136));
        let Ok(lite) = RawSocket::new(Domain::IPV4, Type::DGRAM, udplite) else {
            return cannot_run("this kernel has no UDP-Lite");
        };
        lite.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 7001)).into()).unwrap();
        let udp = std::net::UdpSocket::bind("127.0.0.1:7001").unwrap();
        let listing = listing();
        let socket = of(&listing, &lite);
        assert_is_ours(socket, &lite);
        assert_eq!((socket.protocol, socket.state), (Protocol::Udplite, State::Unconnected));
        assert_eq!(socket.local, Endpoint::ip(Ipv4Addr::LOCALHOST, 7001));
        assert_eq!(of(&listing, &udp).protocol, Protocol::Udp);
    });
}

#[test]
fn packet_sockets_have_their_protocol_and_interface() {
    in_namespace(|| {
        let python = "import socket, sys\n\
            arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); arp.bind(('lo', 0x806))\n\
            all = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))\n\
            all.setsockopt(263, 18, 7 | 1 << 16)\n\
            print('READY', flush=True); sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", python])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listing = listing();
        drop(child.stdin.take());
        child.wait().unwrap();
        let is_theirs = |socket: &&Socket| {
            socket.family == Family::Packet
                && socket.owners.iter().any(|owner| owner.process.pid == child.id())
        };
        let found: Vec<&Socket> = listing.sockets.iter().filter(is_theirs).collect();
        let of = |number| found.iter().find(|s| s.protocol_number == Some(number)).unwrap();
        let arp = of(0x806);
        assert_eq!((arp.protocol, arp.state), (Protocol::Packet, State::Unconnected));
        assert_eq!((arp.interface.as_deref(), arp.local.port), (Some("lo"), None));
        assert_eq!(arp.packet.as_ref().unwrap().kind, PacketKind::Raw);
        let all = of(3);
        let packet = all.packet.as_ref().unwrap();
        assert_eq!((all.interface.as_deref(), packet.kind), (None, PacketKind::Dgram));
        let fanout = (packet.fanout_group, packet.fanout_mode.as_deref());
        assert_eq!(fanout, (Some(7), Some("lb")));
    });
}

#[test]
fn an_mptcp_listener_and_its_connection_are_beside_their_subflows() {
    in_namespace(|| {
        let new = || RawSocket::new(Domain::IPV4, Type::STREAM, Some(Number::from(262)));
        let Ok(listener) = new() else {
            return cannot_run("this kernel has no MPTCP");
        };
        let at = SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 7001)));
        listener.bind(&at).unwrap();
        listener.listen(4).unwrap();
        let client = new().unwrap();
        client.connect(&at).unwrap();
        let (server, _) = listener.accept().unwrap();
        let tables = Table::Mptcp.into();
        let mptcp = list(&Request { tables, ..Request::default() }).unwrap();
        let socket = of(&mptcp, &listener);
        assert_is_ours(socket, &listener);
        assert_eq!((socket.protocol, socket.state), (Protocol::Mptcp, State::Listen));
        assert_eq!(socket.local, Endpoint::ip(Ipv4Addr::LOCALHOST, 7001));
        assert_eq!(socket.backlog, Some(Backlog { queued: 0, limit: 4 }));
        for descriptor in [&client, &server] {
            let socket = of(&mptcp, descriptor);
            assert_is_ours(socket, descriptor);
            assert_eq!((socket.state, socket.tcp.is_some()), (State::Established, false));
        }
        let subflow = list(&Request { tables: Table::Tcp.into(), ..Request::default() }).unwrap();
        assert_eq!(of(&subflow, &listener).state, State::Listen, "it has the port");
    });
}

#[test]
fn netlink_sockets_are_the_kernels_or_a_processs() {
    in_namespace(|| {
        let listing = listing();
        let (kernels, ours): (Vec<&Socket>, Vec<&Socket>) = listing
            .sockets
            .iter()
            .filter(|socket| socket.family == Family::Netlink)
            .partition(|socket| socket.netlink.as_ref().unwrap().port_id == 0);
        assert!(kernels.iter().any(|socket| socket.netlink.as_ref().unwrap().family == "rtnl"));
        for socket in kernels {
            assert_eq!(socket.ownership.kind, OwnershipKind::Kernel);
            assert_eq!(socket.ownership.detail.as_deref(), Some("kernel_socket"));
        }
        // The listing itself needs one.
        assert!(ours.iter().any(|socket| {
            socket.ownership.kind == OwnershipKind::Owned
                && socket.owners[0].process.pid == std::process::id()
        }));
    });
}

#[test]
fn a_request_lists_the_tables_it_names_alone() {
    in_namespace(|| {
        let _unix = UnixDatagram::unbound().unwrap();
        let _raw = RawSocket::new(Domain::IPV4, Type::RAW, Some(Number::ICMPV4)).unwrap();
        let _tcp = std::net::TcpListener::bind("127.0.0.1:7001").unwrap();
        for table in [Table::Unix, Table::Raw, Table::Tcp, Table::Netlink] {
            let told = list(&Request { tables: table.into(), ..Request::default() }).unwrap();
            assert!(!told.sockets.is_empty(), "{table:?}");
            assert!(told.sockets.iter().all(|socket| Table::of(socket) == table), "{table:?}");
        }
        let counted = Tables::LOCAL;
        let told = list(&Request { tables: Tables::PORTS, counted, ..Request::default() }).unwrap();
        let unix = listing().sockets.iter().filter(|s| s.family == Family::Unix).count();
        assert!(told.unlisted.contains(&(Table::Unix, unix)), "{:?}", told.unlisted);
    });
}

#[test]
fn people_see_unix_sockets_when_they_ask_and_programs_always() {
    in_namespace(|| {
        let place = tempfile::tempdir().unwrap();
        let at = place.path().join("app.sock");
        let _listener = UnixListener::bind(&at).unwrap();
        let _tcp = std::net::TcpListener::bind("127.0.0.1:7001").unwrap();
        let run = |args: &[&str]| {
            let output = sockpit().arg("ports").args(args).output().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (text(output.stdout), text(output.stderr), output.status.code())
        };
        let (table, notes, _) = run(&[]);
        assert!(table.contains("127.0.0.1:7001") && !table.contains("app.sock"), "{table}");
        assert!(notes.contains("1 UNIX socket is not listed; family:unix lists it"), "{notes}");

        // Both are ours: the one that is left out is counted.
        let (table, notes, _) = run(&["state:listen"]);
        assert!(table.contains("127.0.0.1:7001") && !table.contains("app.sock"), "{table}");
        assert!(notes.contains("1 UNIX socket that matches is not listed"), "{notes}");

        let by_path = format!("addr:{}", at.display());
        for query in ["family:unix", "proto:stream", "proto:u_str", "app.sock", &by_path] {
            let (table, notes, code) = run(&[query]);
            assert!(table.contains("app.sock"), "{query}: {table}");
            assert!(!notes.contains("UNIX"), "{query}: {notes}");
            assert_eq!(code, Some(0));
        }
        for format in ["--json", "--jsonl", "--csv"] {
            let (text, notes, _) = run(&[format]);
            assert!(text.contains("app.sock") && text.contains("7001"), "{format}");
            assert!(!notes.contains("UNIX"), "{format}: {notes}");
        }
        let (_, _, code) = run(&["family:unix", "port:7001"]);
        assert_eq!(code, Some(1), "a UNIX socket certainly has no port");
    });
}

#[test]
fn a_unix_socket_is_not_closed_and_the_reason_is_said() {
    in_namespace(|| {
        let (left, _right) = UnixStream::pair().unwrap();
        let query = format!("inode:{}", inode(&left));
        let output = sockpit().args(["close", &query, "--yes"]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(0));
        assert!(stderr.contains("cannot close a UNIX socket from outside"), "{stderr}");
        (&left).write_all(b"still open").unwrap();
    });
}
