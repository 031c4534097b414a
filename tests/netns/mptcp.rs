//! MPTCP: connections that share a cookie, queues that the record does not tell, and a close that
//! ends no more than subflows.

use std::collections::HashSet;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::fs::MetadataExt;

use serde_json::Value;
use socket2::{Domain, Protocol as Number, SockAddr, Socket as RawSocket, Type};
use sockpit::collect::ports::Ports;
use sockpit::model::socket::{Protocol, Socket, SocketKey, State};

use crate::kill::Server;
use crate::support::{cannot_run, in_namespace, sockpit, wait_for};

/// A listener and five connections to it, the listener having been looked at before: from then
/// on the accepted sockets have its cookie. Each pair is client, accepted.
fn with_one_cookie() -> Option<(RawSocket, Vec<[RawSocket; 2]>)> {
    let new = || RawSocket::new(Domain::IPV4, Type::STREAM, Some(Number::from(262)));
    let listener = new().ok()?;
    let at = SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 7001)));
    listener.bind(&at).unwrap();
    listener.listen(8).unwrap();
    table();
    let connect = |_| {
        let client = new().unwrap();
        client.connect(&at).unwrap();
        [client, listener.accept().unwrap().0]
    };
    let pairs = (0..5).map(connect).collect();
    Some((listener, pairs))
}

fn table() -> Vec<(SocketKey, Socket)> {
    look(&mut Ports::new(None))
}

fn look(ports: &mut Ports) -> Vec<(SocketKey, Socket)> {
    let (table, _) = ports.look().unwrap();
    let rows = table.rows.iter().filter(|row| row.socket.protocol == Protocol::Mptcp);
    rows.map(|row| (row.key, row.socket.clone())).collect()
}

fn inode(socket: &impl AsFd) -> u64 {
    let fd = socket.as_fd().as_raw_fd();
    std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().st_ino()
}

fn json(args: &[&str]) -> (i32, Value) {
    let output = sockpit().args(args).arg("--json").output().unwrap();
    let told = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), told.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

#[test]
fn sockets_with_one_cookie_are_rows_of_their_own() {
    in_namespace(|| {
        let Some((listener, mut pairs)) = with_one_cookie() else {
            return cannot_run("this kernel has no MPTCP");
        };
        let (code, told) = json(&["ports", "proto:mptcp", "lport:7001"]);
        let inodes: HashSet<u64> = told["sockets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|socket| socket["inode"].as_u64().unwrap())
            .collect();
        let accepted = pairs.iter().map(|[_, accepted]| inode(accepted));
        assert_eq!((code, inodes), (0, accepted.chain([inode(&listener)]).collect()), "{told}");

        let mut ports = Ports::new(None);
        let at_port = |rows: Vec<(SocketKey, Socket)>| -> Vec<(SocketKey, Socket)> {
            rows.into_iter().filter(|(_, socket)| socket.local.port == Some(7001)).collect()
        };
        let before = at_port(look(&mut ports));
        assert_eq!(before.len(), 6);
        let [client, accepted] = pairs.pop().unwrap();
        let held = inode(&accepted);
        let (key, _) = before.iter().find(|(_, socket)| socket.inode == Some(held)).unwrap();
        // Its peer goes on, so that it stays without a descriptor: the same row all the same.
        drop(accepted);
        let after = at_port(look(&mut ports));
        let orphan = after.iter().find(|(_, socket)| socket.inode == Some(0));
        if let Some((orphan, _)) = orphan {
            assert_eq!(orphan, key);
        }
        drop(client);
        assert!(after.iter().all(|(now, _)| before.iter().any(|(then, _)| then == now)));
    });
}

#[test]
fn options_are_those_of_the_socket_that_was_named() {
    in_namespace(|| {
        let Some((listener, pairs)) = with_one_cookie() else {
            return cannot_run("this kernel has no MPTCP");
        };
        let pid = std::process::id();
        for socket in pairs.iter().flatten().chain([&listener]) {
            let (code, told) = json(&["opts", &format!("{pid}/{}", socket.as_raw_fd())]);
            assert_eq!((code, &told["access"]), (0, &"full".into()), "{told}");
            let row = &told["socket"];
            assert_eq!(row["protocol"], "mptcp", "{told}");
            assert_eq!(row["inode"], inode(socket), "{told}");
            assert_eq!(
                row["local"]["port"],
                socket.local_addr().unwrap().as_socket().unwrap().port()
            );
        }
        let (code, told) = json(&["opts", "7001"]);
        let reports = told.as_array().unwrap();
        let is_full = |report: &&Value| report["access"] == "full";
        let full: Vec<_> = reports.iter().filter(is_full).collect();
        assert_eq!((code, full.len()), (0, 6), "{told}");
        assert!(full.iter().all(|report| report["socket"]["protocol"] == "mptcp"), "{told}");
        let subflows = reports.iter().filter(|report| report["socket"]["protocol"] == "tcp");
        for subflow in subflows {
            assert!(subflow["reason"].as_str().unwrap().contains("subflow"), "{subflow}");
        }
    });
}

#[test]
fn queues_are_bytes_or_unknown() {
    in_namespace(|| {
        let Some((_listener, pairs)) = with_one_cookie() else {
            return cannot_run("this kernel has no MPTCP");
        };
        let [client, accepted] = &pairs[0];
        let row = |socket: &RawSocket| {
            let held = inode(socket);
            table().into_iter().find(|(_, socket)| socket.inode == Some(held)).unwrap().1
        };
        assert_eq!((row(client).send_q, row(accepted).recv_q), (Some(0), Some(0)));
        (&*client).write_all(b"x").unwrap();
        let arrived = || row(accepted).mptcp.filter(|told| told.bytes_received == Some(1));
        wait_for("the byte to arrive", arrived);
        assert_eq!(row(accepted).recv_q, None, "its memory is known, not its bytes");
        client.set_nonblocking(true).unwrap();
        let mut sent = 1;
        while let Ok(count) = (&*client).write(&[0; 65_536]) {
            sent += count as u64;
        }
        wait_for("the window to fill", || {
            let (client, accepted) = (row(client), row(accepted));
            let arrived = accepted.mptcp?.bytes_received?;
            (u64::from(client.send_q?) == sent - arrived).then_some(())
        });
        assert!(row(client).send_q > Some(0));
    });
}

#[test]
fn a_closed_subflow_is_no_closed_connection() {
    in_namespace(|| {
        let script = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
s.bind(('127.0.0.1', 8080)); s.listen()
c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); c.connect(('127.0.0.1', 8080))
a, _ = s.accept()
ready()
";
        if RawSocket::new(Domain::IPV4, Type::STREAM, Some(Number::from(262))).is_err() {
            return cannot_run("this kernel has no MPTCP");
        }
        let _server = Server::start(script);
        let (code, told) = json(&["close", "rport:8080", "--yes"]);
        let closed = &told["closed"];
        assert_eq!((code, closed.as_array().unwrap().len()), (1, 1), "{told}");
        assert_eq!(
            (&closed[0]["protocol"], &closed[0]["remote"]["port"]),
            (&"tcp".into(), &8080.into())
        );
        let failed = &told["failed"][0];
        assert_eq!(failed["socket"]["protocol"], "mptcp", "{told}");
        assert!(failed["reason"].as_str().unwrap().contains("ESTABLISHED"), "{told}");
        // Which is so.
        let living = table().into_iter().filter(|(_, socket)| socket.state == State::Established);
        assert_eq!(living.count(), 2);
    });
}
