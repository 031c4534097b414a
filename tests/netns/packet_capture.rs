//! How `sockpit packets` captures: by which way, with how much room, where.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::packets::{Capture, Far, HERE, THERE, number, port, running_captures, send};

const LOCAL: &str = "127.0.0.1:7000";

#[test]
fn packets_read_one_by_one_are_those_of_a_ring() {
    crate::support::in_namespace(|| {
        let _receiver = UdpSocket::bind(LOCAL).unwrap();
        for (backend, name) in [("ring", "ring"), ("socket", "socket")] {
            let capture = Capture::start(&["-i", "lo", "--backend", backend]);
            send(Ipv4Addr::LOCALHOST, LOCAL.parse().unwrap(), 40, 1_000);
            let counts = capture.stop();
            assert_eq!(port(&counts, 7000), (40, 40 * 1_042), "{counts}");
            assert_eq!(counts["losses"]["kernel"], 0);
            assert_eq!(counts["backend"]["name"], name);
            assert_eq!(counts["backend"]["reason"], serde_json::Value::Null);
            assert!(!counts["first_at"].is_null(), "{counts}");
        }
    });
}

/// What runs over is reported to the packet, whatever the room and the way.
#[test]
fn what_finds_no_room_is_reported() {
    crate::support::in_namespace(|| {
        const SENT: u64 = 5_000;
        let _receiver = UdpSocket::bind(LOCAL).unwrap();
        for options in [&["--ring-size", "64k"][..], &["--backend", "socket"]] {
            let capture = Capture::start(&[&["-i", "lo"], options].concat());
            capture.signal(Signal::STOP);
            send(Ipv4Addr::LOCALHOST, LOCAL.parse().unwrap(), SENT as usize, 200);
            capture.signal(Signal::CONT);
            let counts = capture.stop();
            let dropped = number(&counts["losses"]["kernel"]);
            assert!(dropped > 0, "{options:?}");
            assert_eq!(number(&counts["packets"]) + dropped, SENT, "{options:?}");
        }
    });
}

#[test]
fn interfaces_are_named_by_a_pattern() {
    crate::support::in_namespace(|| {
        let _far = Far::new();
        let capture = Capture::start(&["-i", "ne*"]);
        send(Ipv4Addr::LOCALHOST, LOCAL.parse().unwrap(), 10, 10);
        send(HERE, (THERE, 7000).into(), 7, 10);
        let counts = capture.stop();
        assert_eq!(counts["source"], "near");
        assert_eq!(port(&counts, 7000).0, 7, "{counts}");
        let output = crate::support::sockpit().args(["packets", "-i", "no*"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("no interface no*; there are"));
    });
}

#[test]
fn another_namespace_is_captured_in_and_its_processes_are_named() {
    crate::support::in_namespace(|| {
        let far = Far::new();
        let script = "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('0.0.0.0', 7000))
print('ready', flush=True)
while s.recv(9): pass";
        let (tell, told) = std::sync::mpsc::channel();
        far.run(move || {
            let mut python = Command::new("python3");
            let mut child = python.args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
            child.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
            tell.send(child).unwrap();
        });
        let mut server = told.recv().unwrap();
        let pid = server.id().to_string();
        let there = far.running_captures();
        let capture = Capture::start_where(&["--netns", &pid, "-i", "far"], || {
            far.running_captures() > there
        });
        assert_eq!(running_captures(), 0, "nothing is captured here");
        send(HERE, (THERE, 7000).into(), 5, 100);
        let counts = capture.stop();
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(port(&counts, 7000).0, 5, "{counts}");
        assert_eq!(counts["flows"][0]["owner"]["pid"], server.id(), "{counts}");

        let output = crate::support::sockpit()
            .args(["packets", "--netns", "no-such-namespace"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("network namespace no-such-namespace is gone"), "{error}");
    });
}

/// A socket that pings is known by the identifier of its echoes.
#[test]
fn a_ping_is_put_down_to_the_process_that_sends_it() {
    crate::support::in_namespace(|| {
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0").unwrap();
        let script = "import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
s.bind(('0.0.0.0', 4711))
print('ready', flush=True)
for line in sys.stdin:
    s.sendto(bytes([8, 0, 0, 0, 0, 0, 0, 1]) + b'hello', ('127.0.0.1', 0))
    s.recv(99)
    print('again', flush=True)";
        let mut python = Command::new("python3");
        let python = python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().unwrap();
        let mut said = child.stdout.take().unwrap();
        said.read_exact(&mut [0; 6]).unwrap();
        let capture = Capture::start(&["-i", "lo"]);
        child.stdin.as_mut().unwrap().write_all(b"ping\n").unwrap();
        said.read_exact(&mut [0; 6]).unwrap();
        let counts = capture.stop();
        child.kill().unwrap();
        child.wait().unwrap();
        let flow = &counts["flows"][0];
        assert_eq!(flow["icmp"]["ident"], 4711, "{counts}");
        // Both go from an address to itself.
        assert_eq!(flow["packets"], 2);
        assert_eq!(flow["owner"]["pid"], child.id(), "{flow}");
        assert_eq!(flow["icmp"]["a_to_b"]["name"], "echo reply");
    });
}
