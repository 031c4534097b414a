//! A systemd that a test boots for itself: pid 1 of namespaces of its own, over an overlay of
//! this machine's root file system (`box.sh`). It ends with the value, or with the test.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{cannot_run, needs_root, run, wait_for};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A server of one port that says its pid to everybody who connects: `serve PORT`, or the listener
/// that systemd hands over. It lets the client close first, whose side TIME_WAIT stays on then.
const SERVE: &str = r#"#!/usr/bin/python3
import os, socket, sys
if os.environ.get("LISTEN_FDS"):
    listener = socket.socket(fileno=3)
else:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(sys.argv[1])))
    listener.listen(16)
while True:
    client, _ = listener.accept()
    client.settimeout(5)
    try:
        client.sendall(b"%d\n" % os.getpid())
        while client.recv(1024):
            pass
    except OSError:
        pass
    client.close()
"#;

pub(crate) struct Booted {
    guard: Child,
    /// The pid of the box's systemd, from outside.
    init: u32,
    cgroup: PathBuf,
}

/// Boots a box for a test that runs these programs besides systemd. `None`, and said, where that
/// cannot be.
pub(crate) fn boot(programs: &[&str]) -> Option<Booted> {
    if !needs_root() {
        return None;
    }
    let is_there = |program: &str| PATH.split(':').any(|at| Path::new(at).join(program).exists());
    let systemd = ["systemctl", "dbus-daemon", "nsenter", "setpriv", "python3"];
    if let Some(missing) = systemd.iter().chain(programs).find(|program| !is_there(program)) {
        cannot_run(&format!("no {missing} (see .ci/install)"));
        return None;
    }
    match Booted::new() {
        Ok(booted) => Some(booted),
        Err(why) => {
            cannot_run(&format!("no systemd of its own: {why}"));
            None
        }
    }
}

impl Booted {
    fn new() -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keepers/box.sh");
        // A process group of its own: a Ctrl-C is not for the guard, which has to clean up.
        let mut guard = Command::new(script)
            .args([&std::process::id().to_string(), env!("CARGO_BIN_EXE_sockpit")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("box.sh: {error}"))?;
        let mut said = BufReader::new(guard.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (cgroup, init) = (said.next(), said.next().and_then(|pid| pid.parse().ok()));
        let mut complaint = guard.stderr.take().unwrap();
        let mut booted = Self { guard, init: 0, cgroup: cgroup.unwrap_or_default().into() };
        let Some(init) = init else {
            drop(booted);
            let mut why = String::new();
            complaint.read_to_string(&mut why).map_err(|error| error.to_string())?;
            return Err(why);
        };
        booted.init = init;
        wait_for("systemd to be up", || {
            let state = booted.command("systemctl").arg("is-system-running").output().unwrap();
            (state.stdout == b"running\n").then_some(())
        });
        booted.program("/usr/local/bin/serve", SERVE);
        Ok(booted)
    }

    /// A command of root's in the box, with a login's plain environment.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"echo $$ >"$0" && exec "$@""#])
            .arg(self.cgroup.join("test/cgroup.procs"))
            .args(["nsenter", "--target", &self.init.to_string()])
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
            .args(["env", "-C", "/", "-i", "TERM=xterm", "HOME=/root", "LANG=C.UTF-8"])
            .arg(format!("PATH={PATH}"))
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// Runs a shell's lines in the box, which must succeed, and returns what they print.
    pub(crate) fn sh(&self, lines: &str) -> String {
        run(self.command("bash").args(["-euo", "pipefail", "-c", lines]))
    }

    /// sockpit in the box, as root.
    pub(crate) fn sockpit(&self, args: &[&str]) -> Output {
        self.command("sockpit").args(args).output().unwrap()
    }

    /// Writes a file of the box, and the directories above it.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let outside = PathBuf::from(format!("/proc/{}/root{path}", self.init));
        fs::create_dir_all(outside.parent().unwrap()).unwrap();
        fs::write(outside, text).unwrap();
    }

    /// [`write`](Self::write) for what is run.
    pub(crate) fn program(&self, path: &str, text: &str) {
        self.write(path, text);
        run(self.command("chmod").args(["755", path]));
    }

    /// Writes units of the system's, `name` and text, and lets systemd read them.
    pub(crate) fn units(&self, units: &[(&str, &str)]) {
        for (name, text) in units {
            self.write(&format!("/etc/systemd/system/{name}"), text);
        }
        self.sh("systemctl daemon-reload");
    }

    /// Connects to a port of the box's 127.0.0.1, asks as one asks a web server, and reads the first
    /// line of the answer. `None` if it is refused.
    pub(crate) fn ask(&self, port: u16) -> Option<String> {
        let network = fs::File::open(format!("/proc/{}/ns/net", self.init)).unwrap();
        thread::spawn(move || {
            // A thread that enters another network namespace is of no use for anything else.
            let kind = rustix::thread::LinkNameSpaceType::Network;
            rustix::thread::move_into_link_name_space(network.as_fd(), Some(kind)).unwrap();
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut said = String::new();
            // A server that is ended meanwhile resets the connection: it did not answer.
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
            BufReader::new(stream).read_line(&mut said).ok()?;
            Some(said)
        })
        .join()
        .unwrap()
    }

    /// Waits until the port answers, with something, and returns it.
    pub(crate) fn wait_answer(&self, port: u16) -> String {
        let what = format!("an answer at {port}");
        wait_for(&what, || self.ask(port).filter(|said| !said.is_empty()))
    }

    /// Waits until the port does not answer.
    pub(crate) fn wait_silent(&self, port: u16) {
        let what = format!("silence at {port}");
        wait_for(&what, || self.ask(port).is_none_or(|said| said.is_empty()).then_some(()));
    }

    /// Fails if the port answers within that time from now on.
    pub(crate) fn stays_silent(&self, port: u16, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let said = self.ask(port);
            assert!(said.is_none_or(|said| said.is_empty()), "{port} answers again");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// What a command printed.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
