//! `sockpit wait` on ports that the test itself takes and gives back, in a namespace of its own.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{in_namespace, run, sockpit, wait_for};

/// `sockpit wait` in the background, after its first look.
fn start(args: &[&str]) -> Child {
    let child =
        sockpit().arg("wait").args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap();
    // It sleeps between two looks: seen asleep, it has looked.
    wait_for("the first look", || {
        let at = format!("/proc/{}/wchan", child.id());
        std::fs::read_to_string(at).ok().filter(|wchan| wchan.contains("nanosleep"))
    });
    child
}

fn now(args: &[&str]) -> Output {
    sockpit().arg("wait").args(args).output().unwrap()
}

fn end(mut child: Child) -> (Option<i32>, String) {
    let status = child.wait().unwrap();
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    (status.code(), words)
}

#[test]
fn a_listener_ends_the_wait_for_one() {
    in_namespace(|| {
        let waiting = start(&["8080", "--listening"]);
        let _listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        assert_eq!(end(waiting), (Some(0), String::new()));
        let waiting = start(&["8080/udp", "--listening"]);
        let _datagrams = UdpSocket::bind("[::1]:8080").unwrap();
        assert_eq!(end(waiting), (Some(0), String::new()));
    });
}

#[test]
fn neither_a_client_nor_a_bound_socket_is_listening() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let port = client.local_addr().unwrap().port().to_string();
        let output = now(&[&port, "--listening", "--timeout", "100ms"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("nothing listens"), "{output:?}");
        drop(listener);
        let udp = UdpSocket::bind("127.0.0.1:9000").unwrap();
        udp.connect("127.0.0.1:9001").unwrap();
        assert_eq!(now(&["9000/udp", "--listening", "--timeout", "0"]).status.code(), Some(1));
    });
}

#[test]
fn a_port_is_free_when_its_last_socket_is_gone() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let v6 = TcpListener::bind("[::1]:8080").unwrap();
        let start_of = Instant::now();
        let output = now(&["8080", "--free", "--timeout", "200ms"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(start_of.elapsed() >= Duration::from_millis(200));
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("127.0.0.1:8080 LISTEN and 1 more hold it ("), "{words}");
        assert!(words.contains(&format!(" {})", std::process::id())), "who holds it: {words}");
        let mut waiting = start(&["8080", "--free"]);
        drop(listener);
        // A whole look of another one, which sees what this one sees.
        assert_eq!(now(&["8080", "--free", "--timeout", "0"]).status.code(), Some(1));
        assert!(waiting.try_wait().unwrap().is_none(), "the IPv6 listener still holds it");
        drop(v6);
        assert_eq!(end(waiting), (Some(0), String::new()));
        TcpListener::bind("0.0.0.0:8080").unwrap();
    });
}

#[test]
fn time_wait_counts_unless_the_bind_passes_over_it() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let (accepted, _) = listener.accept().unwrap();
        drop(accepted);
        let mut client = client;
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop((client, listener));
        wait_for("TIME_WAIT", || {
            let out = run(Command::new("ss").args(["-Htan", "sport = :8080"]));
            out.starts_with("TIME-WAIT").then_some(())
        });
        let output = now(&["8080", "--free", "--timeout", "0"]);
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(words.contains("TIME_WAIT") && words.contains("--reuse-addr"), "{words}");
        let output = now(&["8080", "--free", "--reuse-addr", "--timeout", "0"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    });
}

#[test]
fn one_of_the_two_has_to_be_named() {
    let without_meaning = ["8080", "--listening", "--reuse-addr"];
    for bad in
        [&["8080"][..], &["8080", "--free", "--listening"], &["x", "--free"], &without_meaning]
    {
        assert_eq!(now(bad).status.code(), Some(2), "{bad:?}");
    }
}
