//! `sockpit packets` beside traffic of which every packet is known.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use sockpit::collect::packets::{self, CaptureOptions};

use crate::support::{in_namespace, run, sockpit, wait_for};

/// A capture that has begun: packets sent from now on are counted.
pub(crate) struct Capture(Child);

impl Capture {
    pub(crate) fn start(options: &[&str]) -> Self {
        let before = running_captures();
        Self::start_where(options, || running_captures() > before)
    }

    /// The same where something else tells that it has begun.
    pub(crate) fn start_where(options: &[&str], has_begun: impl Fn() -> bool) -> Self {
        let mut command = sockpit();
        command.args(["packets", "--json"]).args(options);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut capture = Self(child);
        wait_for("the capture to begin", || {
            if capture.0.try_wait().unwrap().is_some() {
                panic!("it ended: {}", capture.stderr());
            }
            has_begun().then_some(())
        });
        capture
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn stop(self) -> Value {
        self.signal(Signal::INT);
        self.end()
    }

    fn end(self) -> Value {
        let output = self.0.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

/// Packet sockets of this namespace that are bound and running.
pub(crate) fn running_captures() -> usize {
    let table = fs::read_to_string("/proc/thread-self/net/packet").unwrap();
    // sk RefCnt Type Proto Iface R Rmem User Inode
    table.lines().skip(1).filter(|line| line.split_whitespace().nth(5) == Some("1")).count()
}

fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}

pub(crate) const HERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
pub(crate) const THERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// The far end of a veth pair, in a network namespace of its own. The near end is `near` here;
/// the neighbours know each other, and nothing speaks IPv6.
pub(crate) struct Far {
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    done: mpsc::Receiver<()>,
}

impl Far {
    pub(crate) fn new() -> Self {
        ip("link add near type veth peer name far");
        let (jobs, todo) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (finished, done) = mpsc::channel();
        let (tell, thread_id) = mpsc::channel();
        thread::spawn(move || {
            // SAFETY: a network namespace of its own takes no memory and no descriptor from
            // the other threads.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
            tell.send(gettid()).unwrap();
            while let Ok(job) = todo.recv() {
                job();
                finished.send(()).unwrap();
            }
        });
        let thread_id = thread_id.recv().unwrap();
        ip(&format!("link set far netns {}", thread_id.as_raw_nonzero()));
        let far = Self { jobs, done };
        set_up("near", HERE, NEAR_MAC, THERE, FAR_MAC);
        far.run(|| set_up("far", THERE, FAR_MAC, HERE, NEAR_MAC));
        // A veth has a carrier once both ends are up.
        wait_for("the pair to be up", || {
            let state = run(Command::new("ip").args(["link", "show", "near"]));
            state.contains("LOWER_UP").then_some(())
        });
        far
    }

    /// Packet sockets that run there.
    pub(crate) fn running_captures(&self) -> usize {
        let (tell, told) = mpsc::channel();
        self.run(move || tell.send(running_captures()).unwrap());
        told.recv().unwrap()
    }

    /// Does `job` there, and waits until it is done.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.jobs.send(Box::new(job)).unwrap();
        self.done.recv().unwrap();
    }
}

const NEAR_MAC: &str = "02:00:00:00:00:01";
const FAR_MAC: &str = "02:00:00:00:00:02";

fn set_up(name: &str, own: Ipv4Addr, own_mac: &str, other: Ipv4Addr, other_mac: &str) {
    fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1").unwrap();
    ip(&format!("link set {name} address {own_mac}"));
    ip(&format!("addr add {own}/24 dev {name}"));
    ip(&format!("link set {name} up"));
    ip(&format!("neigh add {other} lladdr {other_mac} dev {name} nud permanent"));
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// Packets and bytes of the line of a list that `is` it; zeros when there is none.
fn line(list: &Value, is: impl Fn(&Value) -> bool) -> (u64, u64) {
    let found = list.as_array().unwrap().iter().find(|line| is(line));
    found.map_or((0, 0), |line| (number(&line["packets"]), number(&line["bytes"])))
}

fn protocol(counts: &Value, name: &str) -> (u64, u64) {
    line(&counts["protocols"], |line| line["name"] == name)
}

pub(crate) fn port(counts: &Value, port: u16) -> (u64, u64) {
    line(&counts["ports"], |line| line["port"] == port)
}

/// Bytes of the headers of a UDP datagram on Ethernet.
const UDP_HEADERS: u64 = 14 + 20 + 8;

fn assert_nothing_lost(counts: &Value) {
    for loss in ["kernel", "ring", "truncated", "undecoded", "flow_table"] {
        assert_eq!(counts["losses"][loss], 0, "{loss}");
    }
}

/// Sends `count` datagrams of `size` bytes to `to` from a socket that is gone afterwards.
pub(crate) fn send(from: Ipv4Addr, to: SocketAddr, count: usize, size: usize) -> u16 {
    let sender = UdpSocket::bind((from, 0)).unwrap();
    for _ in 0..count {
        sender.send_to(&vec![7; size], to).unwrap();
    }
    sender.local_addr().unwrap().port()
}

#[test]
fn datagrams_between_hosts_are_counted_exactly() {
    in_namespace(|| {
        let far = Far::new();
        let receiver = UdpSocket::bind((HERE, 7000)).unwrap();
        let capture = Capture::start(&["-i", "near"]);
        far.run(|| {
            let sender = UdpSocket::bind((THERE, 7001)).unwrap();
            for _ in 0..1000 {
                sender.send_to(&[7; 100], (HERE, 7000)).unwrap();
            }
        });
        // Nobody has this port any more: one ICMP message comes back, with the datagram in it.
        receiver.send_to(&[8; 300], (THERE, 7001)).unwrap();
        let counts = capture.stop();

        let there = 1000 * (100 + UDP_HEADERS);
        let back = 300 + UDP_HEADERS;
        let unreachable = 14 + 20 + 8 + 20 + 8 + 300;
        assert_eq!(number(&counts["packets"]), 1002);
        assert_eq!(number(&counts["bytes"]), there + back + unreachable);
        assert_eq!(protocol(&counts, "ipv4"), (1002, there + back + unreachable));
        assert_eq!(protocol(&counts, "udp"), (1001, there + back));
        assert_eq!(protocol(&counts, "icmp"), (1, unreachable));
        assert_eq!(port(&counts, 7000), (1001, there + back));
        assert_eq!(port(&counts, 7001), (0, 0), "a flow counts for the port that serves");
        assert_eq!(
            line(&counts["interfaces"], |line| line["name"] == "near"),
            (1002, there + back + unreachable)
        );
        let flow = &counts["flows"][0];
        assert_eq!(
            (&flow["a"]["addr"], &flow["b"]["addr"]),
            (&"10.9.0.1".into(), &"10.9.0.2".into())
        );
        assert_eq!((number(&flow["packets_a_to_b"]), number(&flow["bytes_a_to_b"])), (1, back));
        assert_eq!((number(&flow["packets_b_to_a"]), number(&flow["bytes_b_to_a"])), (1000, there));
        let message = &counts["icmp"][0];
        assert_eq!(
            (&message["type"], &message["code"], &message["packets"]),
            (&3.into(), &3.into(), &1.into())
        );
        assert_eq!(counts["source"], "near");
        assert_nothing_lost(&counts);
    });
}

#[test]
fn pings_and_their_answers_are_counted_exactly() {
    in_namespace(|| {
        let far = Far::new();
        let capture = Capture::start(&["-i", "near"]);
        far.run(|| {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).unwrap();
            socket.connect(&SocketAddr::from((HERE, 0)).into()).unwrap();
            for sequence in 0..25u8 {
                // Type 8, code 0, checksum, identifier 1, sequence.
                let check = u16::MAX - (0x0800 + 1 + u16::from(sequence));
                let [high, low] = check.to_be_bytes();
                socket.send(&[8, 0, high, low, 0, 1, 0, sequence]).unwrap();
                (&socket).read_exact(&mut [0; 28]).unwrap();
            }
        });
        let counts = capture.stop();
        let bytes = 50 * (14 + 20 + 8);
        assert_eq!((number(&counts["packets"]), number(&counts["bytes"])), (50, bytes));
        assert_eq!(protocol(&counts, "icmp"), (50, bytes));
        for (kind, name) in [(8, "echo request"), (0, "echo reply")] {
            let lines = counts["icmp"].as_array().unwrap();
            let line = lines.iter().find(|line| line["type"] == kind).unwrap();
            assert_eq!((&line["name"], &line["packets"]), (&name.into(), &25.into()));
        }
        assert_eq!(counts["flows"].as_array().unwrap().len(), 1);
        assert!(counts["ports"].as_array().unwrap().is_empty());
        assert_nothing_lost(&counts);
    });
}

#[test]
fn flags_of_a_connection_are_counted() {
    in_namespace(|| {
        let far = Far::new();
        let listener = TcpListener::bind((HERE, 8000)).unwrap();
        let capture = Capture::start(&["-i", "near"]);
        far.run(|| {
            // One is opened and closed in order, two are refused.
            let mut stream = TcpStream::connect((HERE, 8000)).unwrap();
            stream.write_all(b"hello").unwrap();
            for _ in 0..2 {
                TcpStream::connect((HERE, 8001)).unwrap_err();
            }
        });
        let mut received = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"hello");
        wait_for("both FINs to be acknowledged", || {
            let table = fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
            let established = table.lines().skip(1).filter(|line| line.contains(":1F40")).count();
            (established == 1).then_some(())
        });
        let counts = capture.stop();
        let flags = &counts["tcp_flags"];
        assert_eq!(flags, &serde_json::json!({"syn": 3, "syn_ack": 1, "fin": 2, "rst": 2}));
        assert_eq!(port(&counts, 8001).0, 4);
        assert_nothing_lost(&counts);
    });
}

#[test]
fn loopback_is_counted_once() {
    in_namespace(|| {
        let _four = UdpSocket::bind("127.0.0.1:7000").unwrap();
        let six = UdpSocket::bind("[::1]:7000").unwrap();
        for options in [&["-i", "lo"][..], &[]] {
            let capture = Capture::start(options);
            send(Ipv4Addr::LOCALHOST, "127.0.0.1:7000".parse().unwrap(), 50, 58);
            for _ in 0..20 {
                six.send_to(&[7; 38], "[::1]:7000").unwrap();
            }
            let counts = capture.stop();
            assert_eq!((number(&counts["packets"]), number(&counts["bytes"])), (70, 7000));
            assert_eq!(protocol(&counts, "ipv4"), (50, 5000));
            assert_eq!(protocol(&counts, "ipv6"), (20, 2000));
            assert_eq!(port(&counts, 7000), (70, 7000));
            assert_eq!(line(&counts["interfaces"], |line| line["name"] == "lo"), (70, 7000));
            assert_nothing_lost(&counts);
        }
    });
}

#[test]
fn packets_are_put_down_to_their_process() {
    in_namespace(|| {
        let far = Far::new();
        let pid = std::process::id();
        let receiver = UdpSocket::bind((HERE, 7000)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:8000").unwrap();
        let mut client = TcpStream::connect("127.0.0.1:8000").unwrap();
        let _server = listener.accept().unwrap();
        let capture = Capture::start(&["-i", "near", "-i", "lo"]);
        client.write_all(b"hello").unwrap();
        far.run(|| {
            send(THERE, SocketAddr::from((HERE, 7000)), 20, 100);
            // Nobody here has this port.
            send(THERE, SocketAddr::from((HERE, 7009)), 1, 100);
        });
        let counts = capture.stop();
        drop(receiver);
        let owner = |port: u16| {
            let flows = counts["flows"].as_array().unwrap();
            let flow =
                flows.iter().find(|flow| flow["a"]["port"] == port || flow["b"]["port"] == port);
            flow.unwrap()["owner"]["pid"].as_u64()
        };
        assert_eq!(owner(7000), Some(pid.into()));
        assert_eq!(owner(8000), Some(pid.into()));
        assert_eq!(owner(7009), None);
        let processes = counts["processes"].as_array().unwrap();
        assert_eq!(processes.len(), 1, "{processes:?}");
        assert_eq!(processes[0]["pid"], pid);
        // The datagrams, the data and its acknowledgement: once, though both ends are ours.
        assert_eq!(processes[0]["packets"], 22);
        // The datagram to nobody, and the answer that says so.
        assert_eq!(counts["unattributed"]["packets"], 2, "{counts}");
    });
}

/// A Python server that takes one connection, reads it to its end, and ends itself.
fn serve_once(port: u16) -> Child {
    let script = format!(
        "import socket
s = socket.create_server(('127.0.0.1', {port}))
print('ready', flush=True)
c, _ = s.accept()
while c.recv(4096): pass"
    );
    let mut python = Command::new("python3");
    let mut child = python.args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    child
}

#[test]
fn a_process_that_ends_before_the_capture_keeps_its_packets() {
    in_namespace(|| {
        let capture = Capture::start(&["-i", "lo"]);
        let mut first = serve_once(8000);
        let mut client = TcpStream::connect("127.0.0.1:8000").unwrap();
        // Long enough for a look at the sockets, and no longer.
        let begin = std::time::Instant::now();
        wait_for("the connection to be looked at", || {
            client.write_all(b"hello").unwrap();
            thread::sleep(Duration::from_millis(50));
            (begin.elapsed() > Duration::from_millis(1_500)).then_some(())
        });
        drop(client);
        first.wait().unwrap();
        // Its port has another server when the capture ends.
        let mut second = serve_once(8000);
        let counts = capture.stop();
        second.kill().unwrap();
        second.wait().unwrap();
        let names: Vec<_> = counts["processes"].as_array().unwrap().iter().collect();
        assert!(names.iter().any(|line| line["pid"] == first.id()), "{counts}");
        assert!(names.iter().all(|line| line["pid"] != second.id()), "{counts}");
        let flow = &counts["flows"][0];
        assert_eq!(flow["owner"]["pid"], first.id(), "{flow}");
        let ends = [&flow["owner_a"]["pid"], &flow["owner_b"]["pid"]];
        assert!(ends.contains(&&std::process::id().into()), "both ends are named: {flow}");
    });
}

#[test]
fn a_packet_on_several_interfaces_counts_once() {
    in_namespace(|| {
        let far = Far::new();
        for words in [
            "link add bridge type bridge",
            "link set bridge address 02:00:00:00:00:03",
            "addr del 10.9.0.1/24 dev near",
            "link set near master bridge",
            "addr add 10.9.0.1/24 dev bridge",
            "link set bridge up",
            "neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev bridge nud permanent",
        ] {
            ip(words);
        }
        far.run(|| ip("neigh replace 10.9.0.1 lladdr 02:00:00:00:00:03 dev far nud permanent"));
        let receiver = UdpSocket::bind((HERE, 7000)).unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // The bridge forwards once its port does.
        far.run(|| {
            let sender = UdpSocket::bind((THERE, 7001)).unwrap();
            wait_for("the bridge to forward", || sender.send_to(b"?", (HERE, 7000)).ok());
        });
        wait_for("the bridge to forward", || {
            far.run(|| {
                send(THERE, SocketAddr::from((HERE, 7000)), 1, 1);
            });
            receiver.recv_from(&mut [0; 8]).ok()
        });
        let capture = Capture::start(&["-i", "any"]);
        // The same bytes again and again: each is a packet of its own.
        far.run(|| {
            send(THERE, SocketAddr::from((HERE, 7000)), 200, 100);
        });
        let counts = capture.stop();
        let bytes = 200 * (100 + UDP_HEADERS);
        assert_eq!(port(&counts, 7000), (200, bytes), "{counts}");
        for name in ["near", "bridge"] {
            let seen = line(&counts["interfaces"], |line| line["name"] == name);
            assert!(seen.0 >= 200, "{name} {counts}");
        }
        assert!(number(&counts["sightings"]["packets"]) >= 200, "{counts}");
        let flows = counts["flows"].as_array().unwrap();
        let flow = flows.iter().find(|flow| flow["packets"] == 200).unwrap();
        assert_eq!(flow["interfaces"], serde_json::json!(["near", "bridge"]));
        assert_eq!(counts["source"], "any");
    });
}

#[test]
fn a_signal_to_end_prints_the_summary() {
    in_namespace(|| {
        let capture = Capture::start(&["-i", "lo"]);
        send(Ipv4Addr::LOCALHOST, "127.0.0.1:7000".parse().unwrap(), 5, 58);
        capture.signal(Signal::TERM);
        assert_eq!(number(&capture.end()["packets"]), 10, "five, and five ICMP errors");
    });
}

#[test]
fn the_feed_captures_only_while_it_is_resumed() {
    in_namespace(|| {
        let (mut feed, steering) =
            packets::spawn(CaptureOptions::default(), Duration::from_millis(20), None).unwrap();
        let watched = feed.clone();
        let control = watched.control();
        let traffic = || send(Ipv4Addr::LOCALHOST, "127.0.0.1:7000".parse().unwrap(), 10, 10);
        let mut wait_for_udp = |what: &str, packets: u64| {
            wait_for(what, || {
                let sample = feed.latest();
                let protocols = sample.value.as_ref().map(|counts| counts.protocols.clone());
                let udp = protocols?.into_iter().find(|line| line.name == "udp");
                (udp.map_or(0, |line| line.count.packets) == packets).then_some(())
            });
        };
        let rings = |count: usize| {
            wait_for("the ring", || (running_captures() == count).then_some(()));
        };
        assert_eq!(running_captures(), 0);
        traffic();
        control.resume();
        rings(1);
        traffic();
        wait_for_udp("what came while it captured", 10);
        control.pause();
        rings(0);
        traffic();
        control.resume();
        rings(1);
        traffic();
        wait_for_udp("counts to go on where they were", 20);
        steering.restart();
        wait_for_udp("counts to begin anew", 0);
        rings(1);
    });
}

#[test]
fn only_the_named_interfaces_are_counted() {
    in_namespace(|| {
        let _far = Far::new();
        ip("link add idle type veth peer name idle2");
        let traffic = || {
            send(HERE, SocketAddr::from((THERE, 7000)), 10, 10);
            send(Ipv4Addr::LOCALHOST, "127.0.0.1:7000".parse().unwrap(), 20, 10);
        };
        let udp = |options: &[&str]| {
            let capture = Capture::start(options);
            traffic();
            protocol(&capture.stop(), "udp").0
        };
        assert_eq!(udp(&["-i", "lo"]), 20);
        assert_eq!(udp(&["-i", "near", "-i", "idle"]), 10);
        assert_eq!(udp(&["-i", "near", "-i", "lo", "-i", "near"]), 30);
        assert_eq!(udp(&[]), 30);
    });
}

#[test]
fn counting_ends_after_so_many_packets_or_so_much_time() {
    in_namespace(|| {
        let capture = Capture::start(&["--count", "30"]);
        send(Ipv4Addr::LOCALHOST, "127.0.0.1:7000".parse().unwrap(), 100, 10);
        let counts = capture.end();
        assert_eq!(number(&counts["packets"]), 30);

        let counts = Capture::start(&["--duration", "300ms"]).end();
        assert_eq!(number(&counts["packets"]), 0);
        let duration = number(&counts["duration_ms"]);
        assert!((300..5_000).contains(&duration), "{duration} ms");
    });
}

#[test]
fn a_line_a_second_is_printed() {
    in_namespace(|| {
        let mut command = sockpit();
        command.args(["packets", "--jsonl", "--duration", "2500ms"]);
        let output = command.output().unwrap();
        let lines: Vec<Value> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line["schema"] == "sockpit.packets/1"));
        assert!(lines.is_sorted_by_key(|line| number(&line["duration_ms"])));
    });
}

#[test]
fn what_the_kernel_drops_is_reported() {
    in_namespace(|| {
        const SENT: u64 = 60_000;
        let _receiver = UdpSocket::bind("127.0.0.1:7000").unwrap();
        let capture = Capture::start(&["-i", "lo"]);
        // The reader stands still until the ring has run over.
        capture.signal(Signal::STOP);
        send(Ipv4Addr::LOCALHOST, "127.0.0.1:7000".parse().unwrap(), SENT as usize, 200);
        capture.signal(Signal::CONT);
        let counts = capture.stop();
        let dropped = number(&counts["losses"]["kernel"]);
        assert!(dropped > 0);
        assert!(number(&counts["losses"]["ring"]) > 0);
        assert_eq!(number(&counts["packets"]) + dropped, SENT);
        assert_eq!(counts["health"][0]["state"], "degraded");
    });
}

#[test]
fn without_the_right_to_capture_the_remedy_is_named() {
    in_namespace(|| {
        let output = Command::new("setpriv")
            .args(["--bounding-set", "-net_raw", "--"])
            .arg(sockpit().get_program())
            .args(["packets", "--json"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(output.stdout.is_empty());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("not permitted to capture packets"), "{error}");
        assert!(error.contains("setcap cap_net_raw+ep"), "{error}");
    });
}

#[test]
fn an_interface_that_goes_away_ends_the_capture_with_its_counts() {
    in_namespace(|| {
        let _far = Far::new();
        let capture = Capture::start(&["-i", "near"]);
        send(HERE, SocketAddr::from((THERE, 7000)), 10, 10);
        ip("link set near down");
        ip("link del near");
        let output = capture.0.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(protocol(&counts, "udp").0, 10);
        assert_eq!(
            line(&counts["interfaces"], |line| line["name"] == "near").0,
            number(&counts["packets"])
        );
        assert!(String::from_utf8(output.stderr).unwrap().contains("broke off"));
    });
}

#[test]
fn a_tag_that_the_system_took_off_is_counted_with_its_bytes() {
    in_namespace(|| {
        let far = Far::new();
        let vlan = |name: &str, addr: &str| {
            ip(&format!("link add link {name} name tagged type vlan id 5"));
            fs::write("/proc/sys/net/ipv6/conf/tagged/disable_ipv6", "1").unwrap();
            ip(&format!("addr add {addr}/24 dev tagged"));
            ip("link set tagged up");
        };
        let made = Command::new("ip")
            .args(["link", "add", "probe", "link", "near", "type", "vlan", "id", "9"])
            .output()
            .unwrap();
        if !made.status.success() {
            return eprintln!("this kernel has no VLAN devices: {made:?}");
        }
        ip("link del probe");
        vlan("near", "10.8.0.1");
        far.run(move || vlan("far", "10.8.0.2"));
        ip(&format!("neigh add 10.8.0.2 lladdr {FAR_MAC} dev tagged nud permanent"));
        let capture = Capture::start(&["-i", "near"]);
        send("10.8.0.1".parse().unwrap(), "10.8.0.2:7000".parse().unwrap(), 10, 100);
        let counts = capture.stop();
        let tagged = 10 * (100 + UDP_HEADERS + 4);
        assert_eq!(protocol(&counts, "udp"), (10, tagged));
        assert!(protocol(&counts, "vlan").0 >= 10);
    });
}
