//! Connections that are over before any look at the table: the history has them all the same, and
//! their packets are put down to who had them.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sockpit::collect::ports;
use sockpit::model::table::SocketTable;

use crate::events::wait_for_programs;
use crate::packets::Capture;
use crate::support::{in_namespace_of_root, run, wait_for};

/// Forks processes that connect and end; prints the pid of each and its port.
const SHORT_LIVED: &str = "
import os, socket
for _ in range(COUNT):
    pid = os.fork()
    if pid == 0:
        client = socket.create_connection(('127.0.0.1', PORT))
        os.write(1, b'%d %d\\n' % (os.getpid(), client.getsockname()[1]))
        client.close()
        os._exit(0)
    os.waitpid(pid, 0)
";

/// Runs that so often to this port, on which a server accepts and closes: the port of each process.
fn short_lived(count: usize, port: u16) -> BTreeMap<u32, u16> {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    // It ends with the test's process.
    thread::spawn(move || listener.incoming().for_each(drop));
    let script = SHORT_LIVED.replace("COUNT", &count.to_string());
    let script = script.replace("PORT", &port.to_string());
    let told = run(Command::new("python3").args(["-c", &script]));
    let lines = told.lines().map(|line| line.split_once(' ').unwrap());
    let truth: BTreeMap<u32, u16> =
        lines.map(|(pid, port)| (pid.parse().unwrap(), port.parse().unwrap())).collect();
    assert_eq!(truth.len(), count);
    truth
}

/// The client's end of each connection that is over, by the pid of its owner.
fn ended(table: &SocketTable) -> BTreeMap<u32, u16> {
    let clients = table.ended.iter().filter_map(|ended| {
        let socket = &ended.row.socket;
        let is_it = socket.remote.as_ref()?.port == Some(7040);
        Some((socket.owners.first().filter(|_| is_it)?.process.pid, socket.local.port?))
    });
    clients.collect()
}

#[test]
fn connections_too_short_for_a_look_are_in_the_history_with_their_process() {
    in_namespace_of_root(|| {
        let (mut feed, _) = ports::spawn(Duration::from_millis(200), None).unwrap();
        // One that tells who holds what, and three that tell of ends.
        wait_for_programs(std::process::id(), 4);
        let truth = short_lived(150, 7040);
        let mut seen = BTreeMap::new();
        wait_for("the history to have all of them", || {
            seen = ended(feed.latest().value.as_ref()?);
            (seen.len() >= truth.len()).then_some(())
        });
        assert_eq!(seen, truth);
        let sample = feed.latest();
        let table = sample.value.as_ref().unwrap();
        let rows = table.ended.iter().filter(|ended| {
            ended.row.socket.remote.as_ref().is_some_and(|remote| remote.port == Some(7040))
        });
        for ended in rows {
            let socket = &ended.row.socket;
            assert_eq!(&*socket.owners[0].process.name, "python3");
            let began = socket.first_seen.expect("its duration is known");
            assert!(began <= ended.ended_at);
            assert_eq!(socket.tcp.as_ref().unwrap().bytes_sent, Some(0));
        }
        feed.control().stop();
    });
}

#[test]
fn packets_of_such_a_connection_are_put_down_to_its_process() {
    in_namespace_of_root(|| {
        let capture = Capture::start(&[]);
        wait_for_programs(capture.pid(), 4);
        let truth = short_lived(5, 7041);
        let counts = capture.stop();
        let flows = counts["flows"].as_array().unwrap();
        for (pid, port) in truth {
            let ends =
                |flow: &&Value| [&flow["a"]["port"], &flow["b"]["port"]].contains(&&port.into());
            let flow = flows.iter().find(ends).unwrap_or_else(|| panic!("{port}: {counts}"));
            let owners = [&flow["owner_a"]["pid"], &flow["owner_b"]["pid"]];
            assert!(owners.contains(&&pid.into()), "{pid}: {flow}");
        }
    });
}
