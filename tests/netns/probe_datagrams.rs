//! `sockpit probe` by datagrams and echoes, whose silence has causes that this host knows.

use std::net::UdpSocket;
use std::process::Command;

use crate::probe::{assert_fails, ip, lonely_link, probe};
use crate::support::{in_namespace, run};

#[test]
fn a_silent_udp_server_of_this_host_is_named_and_no_fault_of_its_tables() {
    in_namespace(|| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = format!("udp://{}", server.local_addr().unwrap());
        let args = [target.as_str(), "--send", "hello", "--timeout", "300ms"];
        let document = assert_fails(&args, "timeout", "peer", None);
        let text = document["verdict"]["text"].as_str().unwrap();
        let own = std::process::id().to_string();
        assert!(text.contains(&own) && text.contains("does not answer"), "{text}");
    });
}

#[test]
fn a_datagram_that_the_own_firewall_drops_is_this_hosts() {
    in_namespace(|| {
        let rules = "add table inet t; add chain inet t in { type filter hook input priority 0; }; \
                     add rule inet t in udp dport 5300 drop";
        run(Command::new("nft").arg(rules));
        let args = ["udp://127.0.0.1:5300", "--send", "hello", "--timeout", "300ms"];
        let document = assert_fails(&args, "timeout", "local", None);
        let text = document["verdict"]["text"].as_str().unwrap();
        assert!(text.contains("own firewall"), "{text}");
    });
}

#[test]
fn an_echo_has_an_address_and_no_port() {
    in_namespace(|| {
        let (code, document) = probe(&["icmp://127.0.0.1"]);
        assert_eq!(code, 0, "{document}");
        assert_eq!(document["attempts"][0]["address"], "127.0.0.1", "{document}");
    });
}

#[test]
fn a_path_of_which_nothing_is_known_says_so() {
    in_namespace(|| {
        lonely_link();
        ip("neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
        for (target, word) in [
            ("10.9.0.2:80", "path to 10.9.0.2:80: no hop is known"),
            ("192.0.2.1:80", "no connect could be sent"),
            ("icmp://127.0.0.1", "there is no address with a port"),
        ] {
            let mut command = crate::support::sockpit();
            command.args(["probe", target, "--path", "--timeout", "200ms"]);
            let output = command.output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(said.contains(word), "{target}: {said}");
        }
    });
}
