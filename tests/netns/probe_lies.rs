//! Answers that are none, and what this host's own tables know of a failure: each case is set up
//! in a network of its own, with another host behind a link where one is needed.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};
use serde_json::Value;

use crate::probe::{assert_fails, ip, lonely_link, probe};
use crate::support::{in_namespace, in_namespace_with, run, wait_for};

type Work = Box<dyn FnOnce() + Send>;

/// A host with 10.77.0.2/24 and fd77::2/64 behind the link `vA`, where this one has 10.77.0.1 and
/// fd77::1. It is a thread in a network namespace of its own.
pub(crate) struct OtherHost {
    work: Sender<Work>,
}

impl OtherHost {
    /// A host without any link, and the number of its thread: `ip link … netns` takes that.
    pub(crate) fn unlinked() -> (Self, Pid) {
        let (work, orders) = channel::<Work>();
        let (tell, told) = channel();
        thread::spawn(move || {
            // SAFETY: the thread shares no file descriptors with others by this.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
            tell.send(gettid()).unwrap();
            orders.into_iter().for_each(|work| work());
        });
        (Self { work }, told.recv().unwrap())
    }

    pub(crate) fn new() -> Self {
        let (host, tid) = Self::unlinked();
        ip(&format!("link add vA type veth peer name vB netns {}", tid.as_raw_nonzero()));
        host.within(|| {
            ip("link set lo up");
            ip("addr add 10.77.0.2/24 dev vB");
            ip("-6 addr add fd77::2/64 dev vB nodad");
            ip("link set vB up");
        });
        ip("addr add 10.77.0.1/24 dev vA");
        ip("-6 addr add fd77::1/64 dev vA nodad");
        ip("link set vA up");
        host
    }

    /// Does something on that host, and waits for it.
    pub(crate) fn within<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        self.work.send(Box::new(move || tell.send(work()).unwrap())).unwrap();
        told.recv().unwrap()
    }
}

/// Loads rules of nftables.
pub(crate) fn nft(rules: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    // The end of a block must begin a line or follow a semicolon.
    fs::write(file.path(), rules.replace('}', "\n}")).unwrap();
    run(Command::new("nft").arg("-f").arg(file.path()));
}

fn text(document: &Value) -> &str {
    document["verdict"]["text"].as_str().unwrap()
}

fn connect_of(document: &Value) -> &Value {
    let attempts = document["attempts"].as_array().unwrap();
    let stages = attempts.last().unwrap()["stages"].as_array().unwrap();
    &stages.iter().find(|stage| stage["name"] == "connect").unwrap()["detail"]
}

#[test]
fn a_connection_to_itself_is_no_answer() {
    in_namespace(|| {
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40006").unwrap();
        for port in 40000..=40006 {
            for host in ["127.0.0.1", "[::1]"] {
                let target = format!("{host}:{port}");
                let document = assert_fails(&[&target], "refused", "peer", Some("ECONNREFUSED"));
                assert_eq!(document["summary"]["min_us"], Value::Null, "{document}");
            }
        }
        // Among them was at least one that met itself: the kernel begins with even ones.
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000").unwrap();
        let document = assert_fails(&["127.0.0.1:40000"], "local_error", "local", None);
        assert!(text(&document).contains("connects only to itself"), "{document}");
        assert!(connect_of(&document)["self_connects"].as_u64().unwrap() > 0, "{document}");
    });
}

#[test]
fn a_sweep_finds_every_listener_and_never_itself() {
    in_namespace(|| {
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40100").unwrap();
        let _listener = TcpListener::bind("127.0.0.1:39999").unwrap();
        let (code, document) = probe(&["tcp://127.0.0.1:39950-40110"]);
        assert_eq!(code, 1);
        let reports = document.as_array().unwrap();
        assert_eq!(reports.len(), 161);
        for (report, port) in reports.iter().zip(39950..) {
            assert_eq!(report["target"], format!("tcp://127.0.0.1:{port}"));
            let outcome = if port == 39999 { "ok" } else { "refused" };
            assert_eq!(report["verdict"]["outcome"], outcome, "{report}");
        }
        let output = crate::support::sockpit()
            .args(["probe", "127.0.0.1:39950-40110", "--concurrency", "10"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let all_refused = crate::support::sockpit()
            .args(["probe", "tcp://127.0.0.1:39800-39900", "--expect", "outcome=refused"])
            .output()
            .unwrap();
        assert_eq!(all_refused.status.code(), Some(0), "{all_refused:?}");
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("127.0.0.1: of 161 ports 1 can be connected to"), "{said}");
    });
}

#[test]
fn a_refusal_is_an_answer_and_no_loss() {
    in_namespace(|| {
        let (code, document) = probe(&["127.0.0.1:7", "--count", "3", "--interval", "1ms"]);
        assert_eq!(code, 1);
        let summary = &document["summary"];
        assert_eq!((&summary["sent"], &summary["lost"]), (&3.into(), &0.into()), "{document}");
    });
}

/// A child that listens on 127.0.0.1 and never accepts.
struct Deaf {
    child: Child,
    port: u16,
}

impl Deaf {
    fn new() -> Self {
        let script = "import socket,sys\n\
                      s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(5)\n\
                      print(s.getsockname()[1], flush=True)\n\
                      sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        let _ = kill_process(self.pid(), Signal::CONT);
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_that_never_accepts_and_one_that_is_stopped_are_named() {
    in_namespace(|| {
        let deaf = Deaf::new();
        let pid = deaf.child.id();
        let target = format!("127.0.0.1:{}", deaf.port);
        let (code, document) = probe(&[&target]);
        assert_eq!((code, &document["verdict"]["outcome"]), (0, &"ok".into()), "{document}");
        let waits = format!("{pid} has not accepted the connection yet (");
        assert!(text(&document).contains(&waits), "{document}");
        kill_process(deaf.pid(), Signal::STOP).unwrap();
        wait_for("the server to stop", || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit_once(')').unwrap().1.trim_start().starts_with('T').then_some(())
        });
        let (code, document) = probe(&[&target]);
        assert_eq!((code, &document["verdict"]["outcome"]), (0, &"ok".into()), "{document}");
        assert!(text(&document).contains(&format!("{pid} is stopped (SIGSTOP")), "{document}");
    });
}

#[test]
fn icmp_errors_tell_who_rejects_and_why() {
    in_namespace_with(&["nft"], || {
        let other = OtherHost::new();
        other.within(|| {
            nft("table inet f { chain i { type filter hook input priority 0;
                 tcp dport 102 reject with icmpx type port-unreachable
                 tcp dport 103 reject with tcp reset
                 tcp dport 104 reject with icmpx type admin-prohibited
                 tcp dport 105 reject with icmpx type host-unreachable
                 tcp dport 106 reject with icmpx type no-route
                 }}");
        });
        for host in ["10.77.0.2", "[fd77::2]"] {
            for (port, outcome, word) in [
                (102, "refused", "ICMP port unreachable"),
                (104, "unreachable", "ICMP administratively prohibited"),
                (105, "unreachable", "ICMP host unreachable"),
                (106, "unreachable", if host == "10.77.0.2" { "network" } else { "no route" }),
            ] {
                let target = format!("{host}:{port}");
                let (code, document) = probe(&[&target]);
                let verdict = &document["verdict"];
                assert_eq!((code, &verdict["outcome"]), (1, &outcome.into()), "{document}");
                assert_eq!(verdict["side"], "peer", "{document}");
                assert!(text(&document).contains(word), "{port}: {document}");
                let from = connect_of(&document)["icmp"][0]["from"].as_str().unwrap();
                assert_eq!(from, host.trim_matches(['[', ']']), "{document}");
            }
            let closed =
                assert_fails(&[&format!("{host}:103")], "refused", "peer", Some("ECONNREFUSED"));
            assert_eq!(connect_of(&closed)["icmp"], serde_json::json!([]), "{closed}");
        }
    });
}

#[test]
fn a_rule_of_this_hosts_own_firewall_is_named_in_either_direction() {
    in_namespace_with(&["nft"], || {
        let other = OtherHost::new();
        let _listener = other.within(|| TcpListener::bind("10.77.0.2:204").unwrap());
        nft("table inet f {
             chain o { type filter hook output priority 0;
             tcp dport 201 drop
             tcp dport 202 reject
             tcp dport 203 reject with tcp reset
             tcp dport 205 reject with icmpx type admin-prohibited }
             chain i { type filter hook input priority 0; tcp sport 204 drop }}");
        for (port, outcome, word) in [
            (201, "timeout", "drops what goes there"),
            (202, "refused", "rejects what goes to"),
            (203, "refused", "rejects what goes to"),
            (204, "timeout", "drops its answer"),
            (205, "unreachable", "rejects what goes to"),
        ] {
            let target = format!("10.77.0.2:{port}");
            let (code, document) = probe(&[&target, "--timeout", "1500ms"]);
            let verdict = &document["verdict"];
            assert_eq!((code, &verdict["outcome"]), (1, &outcome.into()), "{document}");
            assert_eq!(verdict["side"], "local", "{document}");
            assert!(text(&document).contains(word), "{port}: {document}");
            assert!(text(&document).contains("table inet f, chain "), "{port}: {document}");
        }
        // An address that nobody has: still nothing but this host's own rule has spoken.
        ip("route add default via 10.77.0.2");
        let document = assert_fails(&["192.0.2.55:203"], "refused", "local", Some("ECONNREFUSED"));
        assert!(!text(&document).contains("192.0.2.55 is there"), "{document}");
    });
}

#[test]
fn a_rule_on_the_way_to_oneself_is_this_hosts() {
    in_namespace_with(&["nft"], || {
        let _listener = TcpListener::bind("127.0.0.1:301").unwrap();
        nft("table inet f { chain i { type filter hook input priority 0;
             iifname \"lo\" tcp dport 301 drop
             iif lo tcp dport 302 reject with icmpx type admin-prohibited }}");
        let args = ["127.0.0.1:301", "--timeout", "300ms"];
        let document = assert_fails(&args, "timeout", "local", None);
        assert!(text(&document).contains("drops what comes in there"), "{document}");
        let args = ["127.0.0.1:302"];
        let document = assert_fails(&args, "unreachable", "local", Some("EHOSTUNREACH"));
        assert!(text(&document).contains("chain i, handle"), "{document}");
    });
}

#[test]
fn a_first_syn_that_is_rejected_is_not_the_last_word() {
    in_namespace_with(&["nft"], || {
        let _listener = TcpListener::bind("127.0.0.1:310").unwrap();
        // One packet a minute passes the limit's burst; that one is rejected.
        nft("table inet f { chain o { type filter hook output priority 0;
             tcp dport 310 tcp flags & (syn|ack) == syn limit rate 1/minute burst 1 packets \
             reject with icmpx type host-unreachable }}");
        let (code, document) = probe(&["127.0.0.1:310"]);
        assert_eq!((code, &document["verdict"]["outcome"]), (0, &"ok".into()), "{document}");
        assert_eq!(connect_of(&document)["retransmits"], 1, "{document}");
        assert!(text(&document).contains("answered with ICMP host unreachable"), "{document}");
    });
}

#[test]
fn a_redirect_to_this_host_is_named() {
    in_namespace_with(&["nft"], || {
        let _other = OtherHost::new();
        ip("route add default via 10.77.0.2");
        nft("table ip n { chain o { type nat hook output priority -100;
             ip daddr != 10.77.0.0/24 tcp dport 443 redirect to :1081
             ip daddr != 10.77.0.0/24 tcp dport 80 redirect to :1082 }}");
        let _listener = TcpListener::bind("0.0.0.0:1081").unwrap();
        let (code, document) = probe(&["tcp://192.0.2.55:443"]);
        assert_eq!(code, 0, "{document}");
        let said = text(&document);
        assert!(said.contains("redirect") && said.contains("0.0.0.0:1081"), "{document}");
        assert!(said.contains(&std::process::id().to_string()), "{document}");
        let document = assert_fails(&["192.0.2.55:80"], "refused", "peer", Some("ECONNREFUSED"));
        assert!(text(&document).contains("redirect of this host"), "{document}");
        assert!(text(&document).contains("1082, where nothing listens"), "{document}");
    });
}

#[test]
fn routes_and_addresses_that_lead_nowhere_are_told_apart() {
    in_namespace(|| {
        lonely_link();
        for (target, word) in
            [("10.9.0.255:80", "broadcast address"), ("127.255.255.255:80", "broadcast address")]
        {
            let document = assert_fails(&[target], "unreachable", "local", None);
            assert!(text(&document).contains(word), "{document}");
        }
        let args = ["10.9.0.2:80", "--source", "127.0.0.1"];
        let document = assert_fails(&args, "local_error", "local", Some("EINVAL"));
        assert!(text(&document).contains("from a loopback address"), "{document}");
        let document = assert_fails(&["[fe80::1%99]:80"], "local_error", "local", Some("ENXIO"));
        assert!(text(&document).contains("no interface"), "{document}");
        ip("-6 addr add fe80::99/64 dev v0 nodad");
        ip("link set v1 addrgenmode none");
        ip("-6 addr flush dev v1");
        let document = assert_fails(&["[fe80::1]:80"], "local_error", "local", Some("EINVAL"));
        assert!(text(&document).contains("[fe80::1%v0]:80"), "{document}");
        ip("route add blackhole 192.0.2.3");
        let document = assert_fails(&["192.0.2.3:80"], "unreachable", "local", Some("EINVAL"));
        assert!(text(&document).contains("blackhole"), "{document}");
    });
}

#[test]
fn a_silent_neighbour_is_told_from_a_prohibition() {
    in_namespace(|| {
        lonely_link();
        let args = ["10.9.0.3:80", "--timeout", "20s"];
        let document = assert_fails(&args, "unreachable", "path", Some("EHOSTUNREACH"));
        assert!(text(&document).contains("asked for in vain"), "{document}");
        // Before the kernel has given up it is silence.
        let args = ["10.9.0.4:80", "--timeout", "300ms"];
        let document = assert_fails(&args, "timeout", "path", None);
        assert!(text(&document).contains("nobody on v0 answers"), "{document}");
    });
}

#[test]
fn a_crowded_source_still_connects() {
    in_namespace(|| {
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001").unwrap();
        // Every port of the range is taken, by connections to another peer.
        let elsewhere = TcpListener::bind("127.0.0.1:50001").unwrap();
        let taken: Vec<TcpStream> =
            (0..2).map(|_| TcpStream::connect(elsewhere.local_addr().unwrap()).unwrap()).collect();
        let listener = TcpListener::bind("127.0.0.1:50002").unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let (code, document) = probe(&[&target, "--source", "127.0.0.1"]);
        assert_eq!((code, &document["verdict"]["outcome"]), (0, &"ok".into()), "{document}");
        // With as many to one peer as the range has there is none left. The last peer has one in
        // TIME_WAIT, which may be used again.
        let listener = TcpListener::bind("127.0.0.1:50003").unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let more: Vec<TcpStream> =
            (0..2).map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap()).collect();
        let errno = Some("EADDRNOTAVAIL");
        let args = [target.as_str(), "--source", "127.0.0.1"];
        let document = assert_fails(&args, "local_error", "local", errno);
        assert!(text(&document).contains("no port of 127.0.0.1 is free"), "{document}");
        let document = assert_fails(&[&target], "local_error", "local", errno);
        assert!(text(&document).contains("outgoing ports are taken"), "{document}");
        drop((taken, more));
    });
}

#[test]
fn a_remote_host_without_an_answer_may_have_a_full_queue() {
    in_namespace(|| {
        let _other = OtherHost::new();
        ip("neigh replace 10.77.0.9 lladdr 02:00:00:00:99:99 dev vA nud permanent");
        let args = ["10.77.0.9:80", "--timeout", "200ms"];
        let document = assert_fails(&args, "timeout", "path", None);
        assert!(text(&document).contains("accept queue is full"), "{document}");
    });
}
