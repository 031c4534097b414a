//! Whether `sockpit why` says what a bind then really gets, beside the sockets that make the
//! kernel's rule about them hard to guess.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::kill::Server;
use crate::support::{in_namespace, run, sockpit, wait_for};
use crate::why::{document, error, finding, kinds, why};

const PLAIN: [bool; 2] = [false, false];

/// Runs a finding's remedy of this program as it is given.
fn follow(json: &Value, kind: &str, program: [&str; 2]) -> i32 {
    let remedies = finding(json, kind)["remedies"].as_array().unwrap();
    let argv = remedies.iter().map(|it| it["argv"].as_array().unwrap());
    let argv: Vec<Vec<&str>> =
        argv.map(|argv| argv.iter().map(|word| word.as_str().unwrap()).collect()).collect();
    let found = argv.iter().find(|argv| argv.starts_with(&program));
    let argv = found.unwrap_or_else(|| panic!("no {program:?}: {argv:?}"));
    let mut command = sockpit();
    command.args(&argv[1..]).arg("--yes").stdin(Stdio::null());
    command.output().unwrap().status.code().unwrap()
}

fn has_remedy(json: &Value, kind: &str, word: &str) -> bool {
    finding(json, kind)["remedies"].to_string().contains(&format!("\"{word}\""))
}

#[test]
fn what_the_holder_shares_is_told() {
    in_namespace(|| {
        let _one = Server::start("s = tcp(); ready()");
        let json = why(&["8080"]).1;
        let listener = finding(&json, "listener");
        let expected = json!({ "reuse_addr": true, "reuse_port": false });
        assert_eq!(listener["reuse"], expected, "{json}");
        let text = listener["text"].as_str().unwrap();
        assert!(text.ends_with(", with SO_REUSEADDR, without SO_REUSEPORT"), "{text}");
        // Who may not duplicate its descriptor claims nothing.
        let output = Command::new("setpriv")
            .args(["--bounding-set", "-all", "--inh-caps", "-all", "--"])
            .arg(env!("CARGO_BIN_EXE_sockpit"))
            .args(["why", "8080", "--json"])
            .output()
            .unwrap();
        let json = document(&output).1;
        let unknown = json!({ "reuse_addr": null, "reuse_port": null });
        assert_eq!(finding(&json, "listener")["reuse"], unknown);
    });
}

#[test]
fn a_udp_group_is_known_without_a_trial() {
    in_namespace(|| {
        let _group = Server::start(
            "
for _ in range(2):
    u = socket.socket(type=socket.SOCK_DGRAM)
    u.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    u.bind(('0.0.0.0', 5300)); globals()['u%d' % _] = u
ready()
",
        );
        let (code, json) = why(&["5300/udp"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener", "reuse_port_group"]), "{json}");
        assert!(json["trial"].as_array().unwrap().iter().all(|trial| {
            trial["tried"] == (trial["reuse_addr"] == false && trial["reuse_port"] == false)
        }));
        let text = finding(&json, "reuse_port_group")["text"].as_str().unwrap();
        assert!(text.starts_with("2 sockets have SO_REUSEPORT there, of root"), "{text}");
    });
}

#[test]
fn another_users_group_cannot_be_joined() {
    in_namespace(|| {
        let _group = Server::start("s = tcp(reuse_port=True); t = tcp(reuse_port=True); ready()");
        // Another user of this namespace; the kernel compares the numbers. One user alone is
        // mapped, so this needs a range: without one there is nobody else here.
        let output = Command::new("setpriv")
            .args(["--reuid", "1", "--clear-groups", "--", env!("CARGO_BIN_EXE_sockpit")])
            .args(["why", "8080", "--addr", "127.0.0.1", "--json"])
            .output()
            .unwrap();
        if !output.status.success() && output.stdout.is_empty() {
            let json = why(&["8080", "--addr", "127.0.0.1"]).1;
            assert!(finding(&json, "reuse_port_group")["text"].to_string().contains("joins"));
            return;
        }
        let json = document(&output).1;
        let text = finding(&json, "reuse_port_group")["text"].as_str().unwrap();
        assert!(text.contains("does not join"), "{text}");
    });
}

#[test]
fn closing_what_is_in_time_wait_frees_the_port() {
    in_namespace(|| {
        let mut server = Server::start_unready(
            "s = tcp(); c = socket.create_connection(('127.0.0.1', 8080)); a, _ = s.accept()
a.close(); c.recv(1); c.close(); s.close(); ready()",
        );
        server.read_pid();
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (1, vec!["time_wait"]), "{json}");
        assert_eq!(follow(&json, "time_wait", ["sockpit", "close"]), 0);
        assert_eq!(why(&["8080"]).0, 0, "the kernel gives it again");
    });
}

#[test]
fn closing_connections_frees_the_port_and_is_offered_only_then() {
    in_namespace(|| {
        // The listener has gone, what it accepted has not: and half of that is half-closed.
        let mut server = Server::start_unready(
            "s = tcp(); c = [socket.create_connection(('127.0.0.1', 8080)) for _ in range(2)]
a = [s.accept()[0] for _ in c]; c[0].shutdown(socket.SHUT_WR); a[0].recv(1)
signal.signal(signal.SIGUSR1, lambda *_: (s.close(), tell()))
ready()",
        );
        let pid = server.read_pid().to_string();
        let json = why(&["8080"]).1;
        assert!(!has_remedy(&json, "connected_local", "close"), "a listener holds it: {json}");
        run(Command::new("kill").args(["-USR1", &pid]));
        server.read_pid();
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (1, vec!["connected_local"]), "{json}");
        assert_eq!(finding(&json, "connected_local")["sockets"].as_array().unwrap().len(), 2);
        assert_eq!(follow(&json, "connected_local", ["sockpit", "close"]), 0);
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (0, vec![]), "{json}");
        assert!(server.is_alive());
    });
}

#[test]
fn the_kernels_leftovers_can_be_closed() {
    in_namespace(|| {
        // An orphan in FIN_WAIT_2: its process is gone, its peer does not close.
        let mut peer = Server::start_unready(
            "s = tcp(port=9090); c = socket.create_connection(('127.0.0.1', 9090),
    source_address=('127.0.0.1', 8080)); a, _ = s.accept(); c.close(); a.recv(1); ready()",
        );
        peer.read_pid();
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (1, vec!["kernel_socket"]), "{json}");
        assert_eq!(follow(&json, "kernel_socket", ["sockpit", "close"]), 0);
        assert_eq!(why(&["8080"]).0, 0);
    });
}

#[test]
fn a_source_port_chosen_late_is_found() {
    in_namespace(|| {
        let mut client = Server::start_unready(
            "IP_BIND_ADDRESS_NO_PORT = 24; s = tcp(port=9090); c = socket.socket()
c.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1); c.bind(('127.0.0.1', 0))
c.connect(('127.0.0.1', 9090)); a, _ = s.accept(); os.write(1, b'%d\\n' % c.getsockname()[1]); ready()",
        );
        let port = client.read_pid().to_string();
        client.read_pid();
        let (code, json) = why(&[&port]);
        assert_eq!((code, kinds(&json)), (1, vec!["connected_local", "ephemeral_range"]), "{json}");
        assert_eq!(follow(&json, "connected_local", ["sockpit", "close"]), 0);
        let (code, json) = why(&[&port]);
        assert_eq!((code, kinds(&json)), (0, vec!["ephemeral_range"]), "{json}");
    });
}

#[test]
fn families_meet_as_v6_only_has_it() {
    in_namespace(|| {
        let _v6_only = Server::start(
            "s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind(('::', 8080)); s.listen(); ready()",
        );
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener"]), "{json}");
        assert!(error(&json, "0.0.0.0", None, PLAIN).is_null());
        assert_eq!(error(&json, "::", Some(true), PLAIN), "EADDRINUSE");
        assert_eq!(why(&["8080", "--addr", "0.0.0.0"]).0, 0);
        assert_eq!(why(&["8080", "--addr", "127.0.0.1"]).0, 0);
        assert_eq!(why(&["8080", "--addr", "::ffff:127.0.0.1"]).0, 0, "IPv4 in IPv6's clothes");
        assert_eq!(why(&["8080", "--addr", "::1"]).0, 1);
        let _v4 = TcpListener::bind("127.0.0.1:9090").unwrap();
        let (code, json) = why(&["9090", "--addr", "::ffff:127.0.0.1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener"]), "{json}");
    });
}

#[test]
fn a_host_without_ipv6_is_asked_about_ipv4_alone() {
    in_namespace(|| {
        run(Command::new("sh").args(["-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"]));
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (0, vec![]), "`::` still binds: {json}");
        let (code, json) = why(&["8080", "--addr", "::1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["addr_not_local"]), "{json}");
        assert_eq!(json["trial"][0]["error"], "EADDRNOTAVAIL");
    });
}

#[test]
fn a_link_local_address_has_an_interface() {
    in_namespace(|| {
        run(Command::new("ip").args("-6 address add fe80::7/64 dev lo nodad".split(' ')));
        assert_eq!(why(&["8080", "--addr", "fe80::7%lo"]).0, 0);
        assert_eq!(why(&["8080", "--addr", "[fe80::7%1]"]).0, 0);
        let _server = Server::start(
            "s = socket.socket(socket.AF_INET6); s.bind(('fe80::7', 8080, 0, socket.if_nametoindex('lo'))); s.listen(); ready()",
        );
        let (code, json) = why(&["8080", "--addr", "fe80::7%lo"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener"]), "{json}");
        for wrong in ["fe80::7", "fe80::7%nosuch", "::1%lo", "127.0.0.1%lo"] {
            let output = sockpit().args(["why", "8080", "--addr", wrong]).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{wrong}: {output:?}");
        }
        let output = sockpit().args(["why", "8080", "--addr", "fe80::7%nosuch"]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("no interface `nosuch`"));
    });
}

#[test]
fn a_device_of_its_own_is_in_the_way_of_those_without() {
    in_namespace(|| {
        let _bound = Server::start(
            "s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo')
s.bind(('0.0.0.0', 8080)); s.listen(); ready()",
        );
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener"]), "{json}");
        let text = finding(&json, "listener")["text"].as_str().unwrap();
        assert!(text.contains("0.0.0.0%lo:8080: "), "{text}");
        assert_eq!(error(&json, "0.0.0.0", None, PLAIN), "EADDRINUSE");
    });
}

#[test]
fn who_is_bound_without_listening_lets_reuse_addr_in() {
    in_namespace(|| {
        let _bound = Server::start("s = tcp(listen=False); ready()");
        let (code, json) = why(&["8080", "--addr", "127.0.0.1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["bound_not_listening"]), "{json}");
        assert_eq!(error(&json, "127.0.0.1", None, PLAIN), "EADDRINUSE");
        assert!(error(&json, "127.0.0.1", None, [true, false]).is_null(), "{json}");
        assert_eq!(finding(&json, "bound_not_listening")["reuse"]["reuse_addr"], true);
    });
}

#[test]
fn an_mptcp_listener_holds_a_tcp_port() {
    in_namespace(|| {
        let server = Server::start(
            "
try: s = socket.socket(proto=262)
except OSError: s = socket.socket()
s.bind(('0.0.0.0', 8080)); s.listen(); ready()
",
        );
        let (code, json) = why(&["8080"]);
        assert_eq!(code, 1, "{json}");
        let listener = finding(&json, "listener");
        assert_eq!(listener["sockets"][0]["owners"][0]["pid"], server.pid(), "{json}");
    });
}

#[test]
fn systemds_listener_is_told_apart() {
    in_namespace(|| {
        // Process 1 of a PID namespace of its own, by that name.
        let script = format!(
            "
import ctypes, socket, subprocess, sys
ctypes.CDLL(None).prctl(15, b'systemd', 0, 0, 0)
s = socket.socket(); s.bind(('127.0.0.1', 8080)); s.listen()
sys.exit(subprocess.run(['{}', 'why', '8080', '--json']).returncode)",
            env!("CARGO_BIN_EXE_sockpit")
        );
        let output = Command::new("unshare")
            .args(["--pid", "--fork", "--mount-proc", "python3", "-c", &script])
            .output()
            .unwrap();
        let (code, json) = document(&output);
        let expected = vec!["listener", "socket_activation", "specific_conflict"];
        assert_eq!((code, kinds(&json)), (1, expected), "{json}");
        for kind in ["listener", "socket_activation"] {
            let argv = &finding(&json, kind)["remedies"][0]["argv"];
            assert!(argv[0] == "systemctl", "nobody kills process 1: {argv}");
        }
    });
}

#[test]
fn trials_leave_nothing_behind() {
    in_namespace(|| {
        for port in ["8080", "8080/udp"] {
            assert_eq!(why(&[port]).0, 0);
        }
        wait_for("an empty table", || {
            run(Command::new("ss").args(["-Htuna"])).is_empty().then_some(())
        });
    });
}
