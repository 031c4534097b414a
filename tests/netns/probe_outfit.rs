//! `sockpit probe` from another place: a port of one's own, options, another network namespace, all
//! addresses of a name at once.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use socket2::{Domain, Protocol, Socket, Type};

use crate::probe::{ip, lonely_link, probe, replace_in_etc};
use crate::support::{in_namespace, sockpit, wait_for};

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
