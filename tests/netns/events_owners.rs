//! Whose the events of `sockpit events` are, where that is easily mistaken; and what watching them
//! leaves behind.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sockpit::collect::events::{Events, Scope, Watched};

use crate::events::{Watch, of_kind, wait_for_programs};
use crate::kill::Server;
use crate::support::{WithoutTracepoint, in_namespace_of_root, sockpit, wait_for};

/// Connects, and reads what the server says of itself: by the port of this end.
fn ask(port: u16) -> (u64, u64) {
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let own = client.local_addr().unwrap().port();
    let mut pid = String::new();
    client.read_to_string(&mut pid).unwrap();
    (own.into(), pid.trim().parse().unwrap())
}

/// The pid of each event of this kind, by the port of the other end.
fn pids(events: &[Value], kind: &str) -> BTreeMap<u64, u64> {
    let pair = |event: &&Value| Some((event["remote"]["port"].as_u64()?, event["pid"].as_u64()?));
    of_kind(events, kind).iter().filter_map(pair).collect()
}

#[test]
fn of_many_workers_on_one_listener_the_one_that_accepts_is_named() {
    in_namespace_of_root(|| {
        let mut server = Server::start_unready(
            "
s = tcp(port=7030)
for _ in range(16):
    if os.fork() == 0:
        while True:
            c, _ = s.accept()
            c.sendall(b'%d' % os.getpid())
            c.close()
ready()",
        );
        server.read_pid();
        let watch = Watch::start(&["lport:7030"]);
        let truth: BTreeMap<u64, u64> = (0..300).map(|_| ask(7030)).collect();
        let (code, events, said) = watch.finish();
        assert_eq!(code, 0, "{said}");
        assert_eq!(pids(&events, "accept"), truth);
        let workers: std::collections::BTreeSet<&u64> = truth.values().collect();
        assert!(!workers.contains(&u64::from(server.pid())), "only the children accept");
    });
}

#[test]
fn a_connection_that_is_passed_on_stays_with_who_accepted_it() {
    in_namespace_of_root(|| {
        let mut server = Server::start_unready(
            "
s = tcp(port=7031)
here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
if os.fork() == 0:
    while True:
        _, fds, _, _ = socket.recv_fds(there, 8, 1)
        c = socket.socket(fileno=fds[0])
        c.sendall(b'%d' % os.getppid())
        c.close()
def serve():
    while True:
        c, _ = s.accept()
        socket.send_fds(here, [b'x'], [c.fileno()])
        c.close()
import threading
threading.Thread(target=serve).start()
ready()",
        );
        let pid = u64::from(server.read_pid());
        let watch = Watch::start(&["lport:7031"]);
        let truth: BTreeMap<u64, u64> = (0..20).map(|_| ask(7031)).collect();
        let (code, events, said) = watch.finish();
        assert_eq!(code, 0, "{said}");
        assert!(truth.values().all(|acceptor| *acceptor == pid), "{truth:?}");
        assert_eq!(pids(&events, "accept"), truth);
    });
}

#[test]
fn two_at_once_both_see_everything() {
    in_namespace_of_root(|| {
        let watches = [Watch::start(&[]), Watch::start(&[])];
        TcpStream::connect("127.0.0.1:7032").unwrap_err();
        for watch in watches {
            let (code, events, said) = watch.finish();
            assert_eq!(code, 0, "{said}");
            let [failed] = of_kind(&events, "failed")[..] else { panic!("{events:#?}") };
            assert_eq!(
                (&failed["pid"], &failed["remote"]["port"]),
                (&json!(std::process::id()), &json!(7032))
            );
        }
    });
}

#[test]
fn each_missing_right_is_named() {
    in_namespace_of_root(|| {
        for missing in ["-bpf,-sys_admin", "-perfmon,-sys_admin"] {
            for command in ["events", "trace"] {
                let pid = format!("pid:{}", std::process::id());
                let mut setpriv = Command::new("setpriv");
                setpriv.args(["--bounding-set", missing, "--inh-caps=-all", "--"]);
                setpriv.arg(sockpit().get_program()).args([command, "--duration", "1s"]);
                let output = setpriv.args((command == "trace").then_some(pid)).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), Some(3), "{missing}: {said}");
                assert!(said.contains("CAP_BPF") && said.contains("CAP_PERFMON"), "{said}");
            }
        }
    });
}

/// Each hook, the sentence on what is missing without it, and the events that only it tells.
const HOOKS: [(&str, &str, &[&str]); 8] = [
    (
        "inet_sock_set_state",
        "how TCP connections begin and end is not seen",
        // Whose an accepted connection is follows from how it began.
        &["connect", "established", "accept", "failed", "closed"],
    ),
    ("sys_exit", "who accepts a connection is not seen", &["accept"]),
    ("tcp_send_reset", "resets that are sent are not seen", &["reset_sent"]),
    ("tcp_receive_reset", "resets that arrive are not seen", &["reset_received"]),
    ("tcp_retransmit_skb", "retransmissions are not seen", &[]),
    ("sock_send_length", "UDP is not seen", &["first_send"]),
    ("sock_recv_length", "who receives over UDP is not seen", &["first_receive"]),
    ("kfree_skb", "dropped packets are not seen", &["dropped"]),
];

/// Makes one of every event but a retransmission, whose kind `events` tells.
fn make_events() {
    let listener = TcpListener::bind("127.0.0.1:7035").unwrap();
    drop(TcpStream::connect("127.0.0.1:7035").unwrap());
    drop(listener.accept().unwrap());
    TcpStream::connect("127.0.0.1:7036").unwrap_err();
    let [one, other] = [7037, 7038].map(|port| UdpSocket::bind(("127.0.0.1", port)).unwrap());
    one.send_to(b"hello", "127.0.0.1:7038").unwrap();
    other.recv(&mut [0; 8]).unwrap();
}

#[test]
fn without_one_of_the_hooks_only_its_own_events_are_missing_and_one_line_says_so() {
    in_namespace_of_root(|| {
        let all = [
            "connect",
            "established",
            "accept",
            "failed",
            "closed",
            "reset_sent",
            "reset_received",
            "first_send",
            "first_receive",
            "dropped",
        ];
        for (hook, sentence, its) in HOOKS {
            let kernel = WithoutTracepoint::named(hook);
            let watch = Watch::start_with(7, &[]);
            make_events();
            let (code, events, said) = watch.finish();
            drop(kernel);
            assert_eq!(code, 0, "{hook}: {said}");
            assert_eq!(said.lines().count(), 1, "{hook}: {said}");
            assert!(said.contains(sentence), "{hook}: {said}");
            for kind in all {
                let is_missing = of_kind(&events, kind).is_empty();
                assert_eq!(is_missing, its.contains(&kind), "{kind} without {hook}: {events:#?}");
            }
        }
    });
}

/// Open files, and resident memory in bytes.
fn footprint() -> (usize, usize) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
    (files, pages * rustix::param::page_size())
}

#[test]
fn on_and_off_a_hundred_times_leaves_nothing_behind() {
    in_namespace_of_root(|| {
        let watch = |times: usize| {
            for _ in 0..times {
                let scope = Scope { all_namespaces: false, watched: Watched::DropsAndResets };
                drop(Events::open(scope).unwrap());
            }
        };
        watch(20);
        // What is given back late is given back.
        let (files, memory) = footprint();
        watch(80);
        wait_for("the files to be closed", || (footprint().0 <= files).then_some(()));
        let grown = footprint().1.saturating_sub(memory);
        assert!(grown < 4 << 20, "{grown} bytes more after 80 times");
    });
}

#[test]
fn who_watches_has_given_up_the_right_to_load_more() {
    in_namespace_of_root(|| {
        const PERFMON_AND_BPF: u64 = 1 << 38 | 1 << 39;
        let watch = Watch::start(&[]);
        let tasks = format!("/proc/{}/task", watch.pid().as_raw_nonzero());
        wait_for("the rights to be given up", || {
            let statuses = std::fs::read_dir(&tasks).unwrap().map(|task| {
                std::fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default()
            });
            let held = |status: String| {
                let line = |name: &str| -> u64 {
                    let value = status.lines().find_map(|line| line.strip_prefix(name));
                    value.map_or(0, |value| u64::from_str_radix(value.trim(), 16).unwrap())
                };
                line("CapPrm:") | line("CapEff:") | line("CapInh:")
            };
            statuses.map(held).all(|held| held & PERFMON_AND_BPF == 0).then_some(())
        });
        TcpStream::connect("127.0.0.1:7033").unwrap_err();
        let (code, events, said) = watch.finish();
        assert_eq!((code, of_kind(&events, "failed").len()), (0, 1), "{said}");
    });
}

#[test]
fn a_summary_counts_what_happened_by_its_reason() {
    in_namespace_of_root(|| {
        let mut child = sockpit()
            .args(["events", "--summary", "port:7034"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_programs(child.id(), 8);
        for _ in 0..3 {
            TcpStream::connect("127.0.0.1:7034").unwrap_err();
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let mut told = String::new();
        child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(child.wait().unwrap().success(), "{told}");
        let line = |event: &str| told.lines().find(|line| line.contains(event)).unwrap_or_default();
        for (event, reason) in
            [("failed", ""), ("reset_sent", "NO_SOCKET: no socket"), ("dropped", "NO_SOCKET: no")]
        {
            assert!(
                line(event).starts_with("3 ") && line(event).contains(reason),
                "{event}: {told}"
            );
        }
    });
}
