//! `sockpit probe` from another place: a port of one's own, options, another network namespace, all
//! addresses of a name at once.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

use crate::probe::{assert_fails, ip, lonely_link, probe, replace_in_etc};
use crate::probe_lies::nft;
use crate::support::{in_namespace, in_namespace_with, sockpit, wait_for};

fn listener(address: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn a_source_port_and_options_are_those_that_the_peer_meets() {
    in_namespace(|| {
        let (listener, address) = listener("127.0.0.1:0");
        let target = format!("tcp://{address}");
        let args = [
            target.as_str(),
            "--source",
            "127.0.0.9:40001",
            "--set",
            "TCP_MAXSEG=600",
            "--interface",
            "lo",
        ];
        let (code, document) = probe(&args);
        assert_eq!(code, 0, "{document}");
        for attempt in document["attempts"].as_array().unwrap() {
            let stages = attempt["stages"].as_array().unwrap();
            let connect = stages.iter().find(|stage| stage["name"] == "connect").unwrap();
            assert_eq!(connect["detail"]["local"], "127.0.0.9:40001", "{document}");
            assert!(connect["detail"]["mss"].as_u64().unwrap() <= 600, "{document}");
        }
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer.to_string(), "127.0.0.9:40001");
        let (code, document) = probe(&[&target, "--set", "IP_TTL=900"]);
        assert_eq!(code, 1, "{document}");
        let text = document["verdict"]["text"].as_str().unwrap();
        assert!(text.contains("IP_TTL cannot be set"), "{text}");
        assert_eq!(document["verdict"]["side"], "local", "{document}");
    });
}

#[test]
fn whether_the_peer_speaks_mptcp_is_told() {
    in_namespace(|| {
        let (_plain, plain) = listener("127.0.0.1:0");
        let both = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)).unwrap();
        both.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        both.listen(8).unwrap();
        let both = (both.local_addr().unwrap().as_socket().unwrap(), both);
        for (address, expected) in [(plain, false), (both.0, true)] {
            let (code, document) = probe(&[&format!("tcp://{address}"), "--mptcp"]);
            assert_eq!(code, 0, "{document}");
            let stages = document["attempts"][0]["stages"].as_array().unwrap();
            let connect = stages.iter().find(|stage| stage["name"] == "connect").unwrap();
            assert_eq!(connect["detail"]["mptcp"], expected, "{document}");
        }
    });
}

#[test]
fn a_listener_of_another_network_namespace_is_reached_there() {
    in_namespace(|| {
        // A process that lives in a network of its own, with a server.
        let mut server = Command::new("unshare")
            .args(["--net", "sh", "-c"])
            .arg("ip link set lo up && exec \"$0\" serve tcp 127.0.0.1:4711")
            .arg(sockpit().get_program())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let door = format!("/proc/{}/ns/net", server.id());
        let target = "tcp://127.0.0.1:4711";
        let document = wait_for("the server in the other namespace", || {
            let (code, document) = probe(&[target, "--netns", &door]);
            (code == 0).then_some(document)
        });
        assert_eq!(document["verdict"]["outcome"], "ok", "{document}");
        let (code, document) = probe(&[target]);
        assert_eq!(code, 1, "it is not here: {document}");
        server.kill().unwrap();
        server.wait().unwrap();
        let output = sockpit().args(["probe", target, "--netns", "nowhere"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("/run/netns/nowhere"), "{said}");
    });
}

#[test]
fn every_address_is_tried_and_the_one_that_a_client_would_use_is_told() {
    in_namespace(|| {
        lonely_link();
        ip("neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
        let (_listener, address) = listener("127.0.0.5:0");
        let names = "127.0.0.3 both.test\n127.0.0.5 both.test\n10.9.0.2 both.test\n";
        let _hosts = replace_in_etc("hosts", names);
        let target = format!("tcp://both.test:{}", address.port());
        let (code, document) = probe(&[&target, "--every-address", "--timeout", "1s"]);
        assert_eq!(code, 0, "{document}");
        let attempts = document["attempts"].as_array().unwrap();
        let mut outcomes: Vec<_> =
            attempts.iter().map(|it| it["verdict"]["outcome"].as_str().unwrap()).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["ok", "refused", "timeout"], "{document}");
        let picked = &document["happy_eyeballs"]["picked"];
        assert_eq!(*picked, address.to_string(), "{document}");
        assert!(document["happy_eyeballs"]["after_us"].is_u64(), "{document}");
    });
}

/// Answers each request on 127.0.0.1:9080, and takes data that comes with the SYN (`tcp(7)`,
/// TCP_FASTOPEN).
const FAST_SERVER: &str = "
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
s.bind(('127.0.0.1', 9080))
s.listen(8)
print('ready', flush=True)
while True:
    c, _ = s.accept()
    c.settimeout(0.5)
    try:
        c.recv(4096)
        c.sendall(b'HTTP/1.0 204 No Content\\r\\n\\r\\n')
    except OSError:
        pass
    c.close()
";

#[test]
fn fast_open_tells_of_the_cookie_and_of_the_data() {
    in_namespace_with(&["nft", "python3"], || {
        std::fs::write("/proc/sys/net/ipv4/tcp_fastopen", "3").unwrap();
        let mut server = Command::new("python3")
            .args(["-c", FAST_SERVER])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        std::io::Read::read_exact(server.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let fast = "--fast-open";
        let told = |document: &Value, attempt: usize| {
            let stages = document["attempts"][attempt]["stages"].as_array().unwrap();
            let connect = stages.iter().find(|stage| stage["name"] == "connect").unwrap();
            let found = &connect["detail"]["fast_open"];
            (found["cookie"].as_bool(), found["accepted"].as_bool())
        };
        let target = "http://127.0.0.1:9080/";
        let (code, document) = probe(&[target, fast, "--count", "2", "--interval", "1ms"]);
        assert_eq!(code, 0, "{document}");
        assert_eq!(told(&document, 0), (Some(false), None), "{document}");
        assert_eq!(told(&document, 1), (Some(true), Some(true)), "{document}");
        // Who only listens has nothing to send, and connects all the same.
        let (code, document) = probe(&["tcp://127.0.0.1:9080", fast]);
        assert_eq!((code, told(&document, 0)), (0, (Some(true), None)), "{document}");
        // The cookie is one of the address: another port need not take the data, or listen at all.
        let (listener, address) = listener("127.0.0.1:0");
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
            std::io::Write::write_all(&mut stream, b"HTTP/1.0 204 No Content\r\n\r\n").unwrap();
        });
        let (code, document) = probe(&[&format!("http://{address}/"), fast]);
        assert_eq!((code, told(&document, 0)), (0, (Some(true), Some(false))), "{document}");
        answering.join().unwrap();
        let closed = ["http://127.0.0.1:9081/", fast];
        assert_fails(&closed, "refused", "peer", Some("ECONNREFUSED"));
        nft("table inet f { chain i { type filter hook input priority 0; tcp dport 9080 drop }}");
        let lost = [target, fast, "--timeout", "500ms"];
        let document = assert_fails(&lost, "timeout", "local", None);
        let text = document["verdict"]["text"].as_str().unwrap();
        assert!(text.contains("drops what comes in there"), "{document}");
        server.kill().unwrap();
        server.wait().unwrap();
        let refused = sockpit().args(["probe", "udp://127.0.0.1:9080", fast]).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    });
}
