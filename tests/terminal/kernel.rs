//! What the kernel tells the dashboard: dropped packets and resets with their reasons, and
//! connections that are over before any look.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::pty::Terminal;
use crate::support::{cannot_run, in_namespace_of_root, run};
use crate::wait_for_panes;

/// Opens the view of drops and resets on the whole screen.
fn open_drops(terminal: &mut Terminal) {
    wait_for_panes(terminal);
    terminal.wait_for("pkt/s");
    terminal.send("2z");
    terminal.wait_gone("1 Ports ─");
    terminal.send(&"v".repeat(9));
    terminal.wait_for("drops and resets");
}

#[test]
fn drops_and_resets_are_listed_with_their_reasons_rates_and_flows() {
    in_namespace_of_root(|| {
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        open_drops(&mut terminal);
        terminal.wait_for("since ");
        for _ in 0..3 {
            TcpStream::connect("127.0.0.1:7040").unwrap_err();
        }
        terminal.wait_row(&["3 ", "reset sent NO_SOCKET"]);
        terminal.wait_row(&["3 ", "dropped NO_SOCKET"]);
        terminal.wait_row(&["3 ", "reset received"]);
        terminal.wait_for("no socket has this address and port");
        terminal.wait_row(&["1 ", "tcp 127.0.0.1:7040 - 127.0.0.1:", " ago"]);
        terminal.wait_row(&["0.0  reset sent NO_SOCKET"]);
        terminal.send("q");
        assert!(terminal.wait_exit().success());
    });
}

/// Has this kernel tell of itself that it has no such tracepoint: another name of the same length
/// stands in the description of its types that this mount namespace sees.
fn hide(tracepoint: &str, types: &tempfile::NamedTempFile) {
    const TYPES: &str = "/sys/kernel/btf/vmlinux";
    let mut bytes = fs::read(TYPES).unwrap();
    let name = format!("\0btf_trace_{tracepoint}\0").into_bytes();
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at + 1] = b'x';
    fs::write(types.path(), bytes).unwrap();
    run(Command::new("mount").args(["--bind", types.path().to_str().unwrap(), TYPES]));
}

#[test]
fn a_kernel_without_a_hook_is_told_and_the_rest_goes_on() {
    in_namespace_of_root(|| {
        let types = tempfile::NamedTempFile::new().unwrap();
        hide("tcp_send_reset", &types);
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        open_drops(&mut terminal);
        terminal.wait_row(&["! bpf: resets that are sent are not seen"]);
        TcpStream::connect("127.0.0.1:7041").unwrap_err();
        let screen = terminal.wait_for("dropped NO_SOCKET");
        assert!(!screen.contains("reset sent"), "{screen}");
        terminal.wait_for("reset received");
        terminal.send("q");
        assert!(terminal.wait_exit().success());
    });
}

/// Forks processes that connect, reset the connection and end; prints the pid of each.
const SHORT_LIVED: &str = "
import os, socket, struct
for _ in range(100):
    pid = os.fork()
    if pid == 0:
        client = socket.create_connection(('127.0.0.1', 7042))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.close()
        os._exit(0)
    os.waitpid(pid, 0)
    print(pid)
";

#[test]
fn connections_of_processes_that_live_for_milliseconds_are_in_the_history() {
    in_namespace_of_root(|| {
        if Command::new("python3").arg("--version").output().is_err() {
            return cannot_run("no python3 (see .ci/install)");
        }
        let listener = TcpListener::bind("127.0.0.1:7042").unwrap();
        let server = std::thread::spawn(move || {
            for _ in 0..100 {
                drop(listener.accept().unwrap());
            }
        });
        let mut terminal = Terminal::sockpit(140, 60, &[]);
        wait_for_panes(&terminal);
        crate::support::wait_for("the programs to be attached", || {
            let links = fs::read_dir(format!("/proc/{}/fd", terminal.pid())).ok()?.flatten();
            let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
            let links = targets.filter(|target| target.to_string_lossy().contains("bpf_link"));
            (links.count() >= 4).then_some(())
        });
        let told = run(Command::new("python3").args(["-c", SHORT_LIVED]));
        server.join().unwrap();
        let truth: BTreeSet<u32> = told.lines().map(|pid| pid.parse().unwrap()).collect();
        terminal.send("zH/rport:7042\r");
        terminal.wait_row(&["100 of "]);
        // Page by page, each process is there.
        let mut seen = BTreeSet::new();
        for _ in 0..4 {
            let screen = terminal.text();
            let words = screen.split_whitespace().filter_map(|word| word.parse().ok());
            seen.extend(words.filter(|pid| truth.contains(pid)));
            terminal.send("\x1b[6~");
            terminal.wait_until("the next page", |text| text != screen || seen.len() == 100);
        }
        assert_eq!(seen, truth);
        terminal.send("q");
        assert!(terminal.wait_exit().success());
    });
}
