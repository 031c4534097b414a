//! Servers that a test starts, shows in the dashboard, and ends.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

/// Listens on 127.0.0.1 with SO_REUSEADDR set, and says so. `{prepare}` runs before.
const SCRIPT: &str = "
import os, socket, time
{prepare}
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', {port}))
s.listen()
print('ready', flush=True)
while True: time.sleep(600)
";

/// A process with a listening socket.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts one that listens when this returns. The port is the test's choice: in a namespace
    /// of its own nobody else has it.
    pub(crate) fn start(port: u16) -> Self {
        Self::start_with(port, "", &[])
    }

    /// Starts one that runs `prepare` (Python) first and has more arguments.
    pub(crate) fn start_with(port: u16, prepare: &str, args: &[&str]) -> Self {
        let script = SCRIPT.replace("{prepare}", prepare).replace("{port}", &port.to_string());
        let mut child = Command::new("python3")
            .args(["-c", &script])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { child, port }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its address as Ports shows it.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The signal that has ended it; `None` while it lives.
    pub(crate) fn ended_by(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().and_then(|status| status.signal())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
