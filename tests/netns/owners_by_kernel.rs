//! Owners that a BPF program in the kernel tells, beside those that `/proc` tells.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sockpit::collect::ports::Ports;
use sockpit::inspect::sockets::{self, Detail, Request};
use sockpit::model::health::{Health, Source};
use sockpit::model::owner::{ProcessKey, Through};
use sockpit::model::socket::Socket;

use crate::kill::Server;
use crate::owner_cache::{compare_by, seed};
use crate::support::{in_namespace, in_namespace_of_root, sockpit, wait_for};

/// A collector that reads the kernel's own tables; where it may look up 20 descriptors in `/proc`.
fn by_kernel() -> Ports {
    let mut ports = Ports::new(None).limited(Some(20));
    wait_for("the kernel to tell who holds what", || {
        let (_, health) = ports.look().unwrap();
        health.contains(&Health::ready(Source::Bpf)).then_some(())
    });
    ports
}

#[test]
fn both_ways_agree_on_processes_that_do_everything_to_confuse_them() {
    in_namespace_of_root(|| {
        let seed = seed();
        let seen = compare_by(by_kernel(), Duration::from_secs(5), seed);
        eprintln!("seed {seed}: {seen:?}");
        assert!(seen.certain > 0 && seen.uncertain == 0, "{seen:?}");
    });
}

/// Who holds TCP sockets with a local port in 8000..9000, by what.
fn held<'a>(sockets: impl Iterator<Item = &'a Socket>) -> BTreeSet<Held> {
    let held = sockets.filter_map(|socket| {
        let port = socket.local.port.filter(|port| (8000..9000).contains(port))?;
        Some(socket.owners.iter().map(move |owner| {
            (port, owner.process.key(), owner.process.name.to_string(), owner.fd, owner.through)
        }))
    });
    held.flatten().collect()
}

type Held = (u16, ProcessKey, String, Option<i32>, Through);

#[test]
fn both_ways_agree_on_sockets_that_no_descriptor_of_the_first_thread_has() {
    in_namespace_of_root(|| {
        const C: &str = "import ctypes, threading\nlibc = ctypes.CDLL(None)\n";
        // A ring's direct descriptor: io_uring_setup, io_uring_register, IORING_REGISTER_FILES.
        let mut ring = Server::start_unready(&format!(
            "{C}
ring = libc.syscall(425, 8, ctypes.create_string_buffer(256))
s = tcp(port=8001)
if ring >= 0: libc.syscall(427, ring, 2, (ctypes.c_int * 1)(s.fileno()), 1); s.close()
ready()"
        ));
        // A thread with a table of its own, CLONE_FILES.
        let mut thread = Server::start_unready(&format!(
            "{C}
def alone():
    libc.unshare(0x400)
    s = tcp(port=8002)
    ready()
threading.Thread(target=alone).start()
time.sleep(600)"
        ));
        // A process whose first thread has ended, and several others share its table.
        let mut headless = Server::start_unready(&format!(
            "{C}
s = tcp(port=8003)
def later():
    while open('/proc/%d/stat' % os.getpid()).read().split(') ')[1][0] != 'Z': time.sleep(.01)
    ready()
for _ in range(3): threading.Thread(target=time.sleep, args=(600,)).start()
threading.Thread(target=later).start()
libc.syscall({{'x86_64': 60}}.get(os.uname().machine, 93), 0)"
        ));
        // Workers that all accept on one listener.
        let mut workers = Server::start_unready(
            "
s = tcp(port=8004)
for _ in range(40):
    if os.fork() == 0: s.accept()
ready()",
        );
        for server in [&mut ring, &mut thread, &mut headless, &mut workers] {
            server.read_pid();
        }
        let mut ports = by_kernel();
        let (table, health) = ports.look().unwrap();
        assert!(health.contains(&Health::ready(Source::Bpf)), "{health:?}");
        let told = held(table.rows.iter().map(|row| &row.socket));
        let truth = sockets::list(&Request { detail: Detail::Bare, ..Request::default() }).unwrap();
        assert_eq!(told, held(truth.sockets.iter()));
        let count = |wanted: u16| told.iter().filter(|(port, ..)| *port == wanted).count();
        assert_eq!([8001, 8002, 8003, 8004].map(count), [1, 1, 1, 41], "{told:#?}");
    });
}

#[test]
fn whoever_may_ask_the_kernel_need_not_be_able_to_read_proc() {
    in_namespace_of_root(|| {
        let _listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        let mut child = Command::new("setpriv")
            .args(["--bounding-set", "-all,+bpf,+perfmon", "--inh-caps=-all", "--"])
            .arg(sockpit().get_program())
            .args(["ports", "--watch=0.2", "--jsonl", "lport:7001"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        // The first look reads /proc, which shows only those who have no more rights than it.
        let mut owners = events.map(|event| event["socket"]["owners"].clone());
        assert_eq!(owners.next(), Some(Value::Array(Vec::new())));
        let told = owners.next().unwrap();
        assert_eq!(told[0]["pid"], std::process::id(), "{told}");
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn what_a_ring_holds_that_may_not_be_read_is_hidden() {
    in_namespace_of_root(|| {
        let mut server = Server::start_unready(
            "import ctypes
libc = ctypes.CDLL(None)
ring = libc.syscall(425, 8, ctypes.create_string_buffer(256))
s = tcp(port=7003)
if ring >= 0: libc.syscall(427, ring, 2, (ctypes.c_int * 1)(s.fileno()), 1); s.close()
ready()",
        );
        server.read_pid();
        // The first look reads /proc, the next one the kernel's own tables.
        let mut watch = Command::new("setpriv")
            .args(["--bounding-set", "-all,+bpf,+perfmon", "--inh-caps=-all", "--"])
            .arg(sockpit().get_program())
            .args(["ports", "--watch=0.2", "--jsonl"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
        let mut events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        // Ours is seen when the kernel tells; by then that of the ring was looked at, too.
        let listener = TcpListener::bind("127.0.0.1:7004").unwrap();
        let mut told = Value::Null;
        events.find(|event| {
            let socket = &event["socket"];
            if socket["local"]["port"] == 7003 {
                told = socket.clone();
            }
            socket["local"]["port"] == 7004 && socket["owners"][0]["pid"] == std::process::id()
        });
        drop(listener);
        watch.kill().unwrap();
        watch.wait().unwrap();
        assert_eq!(told["ownership"]["kind"], "hidden", "{told}");
        assert_eq!(told["owners_complete"], false, "{told}");
    });
}

#[test]
fn without_the_right_proc_tells() {
    in_namespace(|| {
        let _listener = TcpListener::bind("127.0.0.1:7002").unwrap();
        let mut ports = Ports::new(None);
        for _ in 0..5 {
            let (table, health) = ports.look().unwrap();
            assert!(health.iter().all(|line| line.source != Source::Bpf), "{health:?}");
            let row = table.rows.iter().find(|row| row.socket.local.port == Some(7002)).unwrap();
            assert_eq!(row.socket.owners[0].process.pid, std::process::id());
        }
    });
}
