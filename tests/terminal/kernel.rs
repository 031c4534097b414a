//! What the kernel tells the dashboard: dropped packets and resets with their reasons, connections
//! that are over before any look, the calls of a process.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use crate::pty::Terminal;
use crate::support::{
    WithoutTracepoint, are_there, in_namespace_of_root, programs_of, run, wait_for,
};
use crate::wait_for_panes;

/// Opens the view of drops and resets on the whole screen.
fn open_drops(terminal: &mut Terminal) {
    wait_for_panes(terminal);
    terminal.wait_for("pkt/s");
    terminal.send("2z");
    terminal.wait_gone("1 Ports ─");
    // One view after the other, until it is this one.
    let mut screen = terminal.text();
    while !screen.contains("drops and resets ─") {
        terminal.send("v");
        let before = title(&screen);
        screen = terminal.wait_until("the next view", |text| title(text) != before);
    }
}

/// The line in which the view is named.
fn title(screen: &str) -> String {
    screen.lines().find(|line| line.contains("╭─2 Packets")).unwrap_or_default().to_owned()
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

#[test]
fn a_kernel_without_a_hook_is_told_and_the_rest_goes_on() {
    in_namespace_of_root(|| {
        let _kernel = WithoutTracepoint::named("tcp_send_reset");
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
        if !are_there(&["python3"]) {
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:7042").unwrap();
        let server = std::thread::spawn(move || {
            for _ in 0..100 {
                drop(listener.accept().unwrap());
            }
        });
        // All of them have room.
        let mut terminal = Terminal::sockpit(140, 130, &[]);
        wait_for_panes(&terminal);
        wait_for("the programs to be attached", || {
            (programs_of(terminal.pid()) >= 4).then_some(())
        });
        let told = run(Command::new("python3").args(["-c", SHORT_LIVED]));
        server.join().unwrap();
        let truth: BTreeSet<u32> = told.lines().map(|pid| pid.parse().unwrap()).collect();
        terminal.send("zH/rport:7042\r");
        terminal.wait_row(&["100 of "]);
        terminal.wait_until("each process", |text| {
            let seen: BTreeSet<u32> =
                text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            seen.is_superset(&truth)
        });
        terminal.send("q");
        assert!(terminal.wait_exit().success());
    });
}

/// Listens, and for each line that it is given connects to where nobody listens.
const REFUSED: &str = "
import socket, sys
s = socket.create_server(('127.0.0.1', 7043))
print('ready', flush=True)
for line in sys.stdin:
    try: socket.create_connection(('127.0.0.1', 7044))
    except OSError: pass
";

#[test]
fn the_calls_of_a_rows_process_are_shown_while_they_are_looked_at() {
    in_namespace_of_root(|| {
        if !are_there(&["python3"]) {
            return;
        }
        let mut program = Command::new("python3")
            .args(["-c", REFUSED])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = program.stdin.take().unwrap();
        let mut ready = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        wait_for_panes(&terminal);
        terminal.send("/port:7043\r");
        terminal.wait_row(&["127.0.0.1:7043", "LISTEN", "python3"]);
        terminal.wait_row(&["1 of "]);
        // Those of the live table are attached by themselves.
        let programs = wait_for("the programs to be attached", || {
            Some(programs_of(terminal.pid())).filter(|count| *count >= 4)
        });
        terminal.send("T");
        terminal.wait_for(&format!("Calls ─ python3 {}", program.id()));
        terminal.wait_for("takes a little longer while this is open");
        terminal.wait_for("No socket call yet.");
        assert_eq!(programs_of(terminal.pid()), programs + 2);
        stdin.write_all(b"once\ntwice\n").unwrap();
        terminal.wait_row(&["2       2 ", "connect  2 x ECONNREFUSED ("]);
        terminal.wait_row(&["connect(", "127.0.0.1:7044) = ECONNREFUSED ("]);
        terminal.send("\x1b");
        terminal.wait_gone("Calls ─");
        wait_for("the programs to be taken out", || {
            (programs_of(terminal.pid()) == programs).then_some(())
        });
        terminal.send("T");
        terminal.wait_for("No socket call yet.");
        drop(stdin);
        program.wait().unwrap();
        terminal.wait_for("The process has ended.");
        terminal.send("\x1bq");
        assert!(terminal.wait_exit().success());
    });
}
