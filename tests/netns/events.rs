//! `sockpit events`, beside connections of which the test knows what they did.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use socket2::SockRef;

use crate::support::{
    cannot_run, in_namespace, in_namespace_of_root, programs_of, run, sockpit, wait_for,
};

/// `sockpit events --jsonl` while it watches.
pub(crate) struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watch {
    /// Watches from when this returns on.
    pub(crate) fn start(query: &[&str]) -> Self {
        Self::start_with(8, query)
    }

    /// The same on a kernel that has room for so many programs.
    pub(crate) fn start_with(programs: usize, query: &[&str]) -> Self {
        let mut child = sockpit()
            .args(["events", "--jsonl"])
            .args(query)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let watch = Self { child, lines };
        wait_for_programs(watch.child.id(), programs);
        watch
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends it as Ctrl-C does: its exit code, every event, and what it said.
    pub(crate) fn finish(mut self) -> (i32, Vec<Value>, String) {
        kill_process(self.pid(), Signal::INT).unwrap();
        let lines = self.lines.lines().map(|line| line.unwrap());
        let events = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().unwrap(), events, said)
    }
}

/// Waits until so many programs are attached.
pub(crate) fn wait_for_programs(pid: u32, count: usize) {
    wait_for("the programs to be attached", || (programs_of(pid) >= count).then_some(()));
}

pub(crate) fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

#[test]
fn a_connection_is_told_from_connect_to_close_on_both_sides() {
    in_namespace_of_root(|| {
        let watch = Watch::start(&[]);
        let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        let mut client = TcpStream::connect("127.0.0.1:7001").unwrap();
        let port = client.local_addr().unwrap().port();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[1; 300]).unwrap();
        server.read_exact(&mut [0; 300]).unwrap();
        server.write_all(&[2; 50]).unwrap();
        client.read_exact(&mut [0; 50]).unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
        drop(server);
        let (code, events, _) = watch.finish();
        assert_eq!(code, 0);

        let own = std::process::id();
        assert!(events.iter().all(|it| it["pid"].is_null() || it["pid"] == own), "{events:#?}");
        let [connect] = of_kind(&events, "connect")[..] else { panic!("{events:#?}") };
        assert_eq!(connect["pid"], own);
        assert_eq!(connect["local"]["port"], json!(null), "the kernel chooses it afterwards");
        assert_eq!(
            connect["remote"],
            json!({"addr": "127.0.0.1", "port": 7001, "path": null,
            "scope": null, "name": null})
        );
        let [accept] = of_kind(&events, "accept")[..] else { panic!("{events:#?}") };
        assert_eq!((&accept["pid"], &accept["remote"]["port"]), (&json!(own), &json!(port)));
        assert_eq!(of_kind(&events, "established").len(), 2);
        let bytes: HashMap<u64, (u64, u64)> = of_kind(&events, "closed")
            .into_iter()
            .map(|closed| {
                let number = |name: &str| closed[name].as_u64().unwrap();
                let local = closed["local"]["port"].as_u64().unwrap();
                (local, (number("bytes_sent"), number("bytes_received")))
            })
            .collect();
        assert_eq!(bytes, HashMap::from([(port.into(), (300, 50)), (7001, (50, 300))]));
        for event in &events {
            assert_eq!(event["netns"], netns(), "{event}");
        }
    });
}

fn netns() -> u64 {
    let link = std::fs::read_link("/proc/self/ns/net").unwrap();
    let name = link.to_string_lossy().into_owned();
    name.trim_start_matches("net:[").trim_end_matches(']').parse().unwrap()
}

#[test]
fn a_refusal_names_its_error_and_who_sent_the_reset_and_why() {
    in_namespace_of_root(|| {
        let watch = Watch::start(&[]);
        TcpStream::connect("127.0.0.1:7002").unwrap_err();
        let (_, events, _) = watch.finish();
        let [failed] = of_kind(&events, "failed")[..] else { panic!("{events:#?}") };
        assert_eq!(
            (&failed["errno"], &failed["pid"]),
            (&json!("ECONNREFUSED"), &json!(std::process::id()))
        );
        let [sent] = of_kind(&events, "reset_sent")[..] else { panic!("{events:#?}") };
        assert_eq!(sent["local"]["port"], 7002);
        assert_eq!(sent["remote"]["port"], failed["local"]["port"]);
        assert_eq!((&sent["reason"], &sent["pid"]), (&json!("NO_SOCKET"), &json!(null)));
        assert_eq!(of_kind(&events, "reset_received").len(), 1);
    });
}

/// Forks a thousand processes that connect and end; prints the pid of each and its port.
const SHORT_LIVED: &str = "
import os, socket
for _ in range(1000):
    pid = os.fork()
    if pid == 0:
        client = socket.create_connection(('127.0.0.1', 7003))
        os.write(1, b'%d %d\\n' % (os.getpid(), client.getsockname()[1]))
        client.close()
        os._exit(0)
    os.waitpid(pid, 0)
";

#[test]
fn a_thousand_processes_that_end_at_once_each_have_their_connection() {
    in_namespace_of_root(|| {
        let listener = TcpListener::bind("127.0.0.1:7003").unwrap();
        let server = thread::spawn(move || {
            for _ in 0..1000 {
                drop(listener.accept().unwrap());
            }
        });
        let watch = Watch::start(&["rport:7003"]);
        let told = run(Command::new("python3").args(["-c", SHORT_LIVED]));
        server.join().unwrap();
        let (code, events, said) = watch.finish();
        assert_eq!(code, 0, "{said}");
        // A port can come back; a pid does not so soon.
        let truth: BTreeMap<u64, u64> = told
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(pid, port)| (pid.parse().unwrap(), port.parse().unwrap()))
            .collect();
        let established = of_kind(&events, "established");
        let seen: BTreeMap<u64, u64> = established
            .iter()
            .map(|it| (it["pid"].as_u64().unwrap(), it["local"]["port"].as_u64().unwrap()))
            .collect();
        assert_eq!(truth.len(), 1000);
        assert_eq!(established.len(), 1000);
        assert_eq!(seen, truth);
    });
}

#[test]
fn a_query_narrows_by_process_and_port() {
    in_namespace_of_root(|| {
        let listener = TcpListener::bind("127.0.0.1:7004").unwrap();
        let own = format!("pid:{}", std::process::id());
        let watch = Watch::start(&[&own, "rport:7004"]);
        let _client = TcpStream::connect("127.0.0.1:7004").unwrap();
        TcpStream::connect("127.0.0.1:7005").unwrap_err();
        let (_, events, _) = watch.finish();
        let kinds: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
        assert_eq!(kinds, ["connect", "established"]);
        drop(listener);
    });
}

#[test]
fn what_finds_no_room_is_counted() {
    in_namespace_of_root(|| {
        let watch = Watch::start(&[]);
        kill_process(watch.pid(), Signal::STOP).unwrap();
        // Each leaves at least four records of 136 bytes in a ring of 1 MiB, and all as many.
        for _ in 0..2500 {
            TcpStream::connect("127.0.0.1:7006").unwrap_err();
        }
        kill_process(watch.pid(), Signal::CONT).unwrap();
        let (code, events, said) = watch.finish();
        assert_eq!(code, 1, "{said}");
        let lost: usize = said.split(' ').find_map(|word| word.parse().ok()).unwrap();
        assert!(
            lost > 0 && (events.len() + lost).is_multiple_of(2500),
            "{} and {lost}",
            events.len()
        );
    });
}

#[test]
fn who_may_not_watch_is_told_what_it_takes() {
    in_namespace(|| {
        let output = sockpit().args(["events", "--duration", "1s"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("CAP_BPF") && said.contains("CAP_PERFMON"), "{said}");
    });
}

#[test]
fn who_wants_nothing_in_the_kernel_has_no_events() {
    let output = sockpit().args(["events", "--no-bpf", "--duration", "1s"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("--no-bpf was given"), "{said}");
}

#[test]
fn udp_names_who_sends_first_and_who_receives_first() {
    in_namespace_of_root(|| {
        let watch = Watch::start(&["port:7010"]);
        let server = UdpSocket::bind("127.0.0.1:7010").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect("127.0.0.1:7010").unwrap();
        for _ in 0..3 {
            client.send(b"hello").unwrap();
            server.recv(&mut [0; 8]).unwrap();
        }
        let (_, events, _) = watch.finish();
        let port = client.local_addr().unwrap().port();
        let [sent] = of_kind(&events, "first_send")[..] else { panic!("{events:#?}") };
        assert_eq!((&sent["protocol"], &sent["local"]["port"]), (&json!("udp"), &json!(port)));
        assert_eq!(
            (&sent["pid"], &sent["remote"]["port"]),
            (&json!(std::process::id()), &json!(7010))
        );
        let [received] = of_kind(&events, "first_receive")[..] else { panic!("{events:#?}") };
        assert_eq!((&received["local"]["port"], &received["pid"]), (&json!(7010), &sent["pid"]));
    });
}

#[test]
fn a_packet_that_finds_no_room_is_dropped_with_its_reason_and_ends() {
    in_namespace_of_root(|| {
        let watch = Watch::start(&["port:7011"]);
        let server = UdpSocket::bind("127.0.0.1:7011").unwrap();
        SockRef::from(&server).set_recv_buffer_size(1).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..50 {
            client.send_to(&[7; 1000], "127.0.0.1:7011").unwrap();
        }
        let (_, events, _) = watch.finish();
        let dropped = of_kind(&events, "dropped");
        assert!(!dropped.is_empty(), "{events:#?}");
        for event in dropped {
            let port = client.local_addr().unwrap().port();
            assert_eq!(
                (&event["reason"], &event["protocol"]),
                (&json!("SOCKET_RCVBUFF"), &json!("udp"))
            );
            assert_eq!(
                (&event["local"]["port"], &event["remote"]["port"]),
                (&json!(7011), &json!(port))
            );
        }
    });
}

#[test]
fn a_rule_that_drops_packets_is_told_by_the_kernel_and_by_a_probe() {
    in_namespace_of_root(|| {
        if Command::new("nft").arg("--version").output().is_err() {
            return cannot_run("no nft (see .ci/install)");
        }
        crate::probe_lies::nft(
            "table inet f { chain i { type filter hook input priority 0;
             iifname \"lo\" tcp dport 7012 drop }}",
        );
        let watch = Watch::start(&["port:7012"]);
        let output =
            sockpit().args(["probe", "127.0.0.1:7012", "--timeout", "3s"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("NETFILTER_DROP"), "{said}");
        let (_, events, _) = watch.finish();
        let dropped = of_kind(&events, "dropped");
        assert!(!dropped.is_empty(), "{events:#?}");
        for event in dropped {
            assert_eq!(
                (&event["reason"], &event["local"]["port"]),
                (&json!("NETFILTER_DROP"), &json!(7012))
            );
        }
    });
}
