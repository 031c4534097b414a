//! A process of a real supervisor: the dashboard has the words of the command line for it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::pty::Terminal;
use crate::support::{self, in_namespace_with, sockpit, wait_for};

/// A service of runit's: its directory goes with the value, and its supervisor is ended.
struct Service {
    runsv: Child,
    directory: tempfile::TempDir,
}

impl Service {
    /// One that listens on 127.0.0.1:8080.
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let run = directory.path().join("run");
        let serve = "import socket, time\ns = socket.socket()\n\
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
            s.bind(('127.0.0.1', 8080))\ns.listen()\nwhile True: time.sleep(600)";
        fs::write(&run, format!("#!/usr/bin/python3\n{serve}\n")).unwrap();
        fs::set_permissions(&run, Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("runsv");
        let runsv = command.arg(directory.path()).stdin(Stdio::null()).spawn().unwrap();
        let service = Self { runsv, directory };
        wait_for("a listener", || {
            std::net::TcpStream::connect(("127.0.0.1", 8080)).is_ok().then_some(())
        });
        service
    }

    fn command(&self) -> String {
        format!("sv down {}", self.directory.path().display())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = Command::new("sv").arg("exit").arg(self.directory.path()).status();
        let _ = self.runsv.wait();
    }
}

/// What the command line says in the field `text` of one of `list`, with this command.
fn said(args: &[&str], list: &str, command: &str) -> String {
    let output = sockpit().args(args).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = document.pointer(list).unwrap().as_array().unwrap().iter();
    let mut lines = lines.filter_map(|line| line.as_str().or(line["text"].as_str()));
    let line = lines.find(|line| line.contains(command));
    let line = line.unwrap_or_else(|| panic!("no {command} in {document:#}"));
    line.trim_end_matches('.').to_owned()
}

/// The characters alone: where a line is broken, and what frames it, is the screen's business.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii() && !c.is_whitespace()).collect()
}

#[test]
fn the_dashboard_tells_of_a_keeper_what_the_command_line_does() {
    in_namespace_with(&["runsv", "sv"], || {
        if fs::metadata(Path::new("/usr/bin")).unwrap().uid() != 0 {
            return support::cannot_run_without_root("only root makes programs that sockpit asks");
        }
        let service = Service::start();
        let command = service.command();
        let planned = said(&["kill", "8080", "--dry-run", "--json"], "/plan/warnings", &command);
        assert!(planned.contains("starts it again; this stops only that: "), "{planned}");
        assert_eq!(said(&["why", "8080", "--json"], "/findings", &command), planned);

        let mut terminal = Terminal::sockpit(84, 50, &[]);
        terminal.wait_row(&["▶", "127.0.0.1:8080"]);
        let shows = |text: &str| bare(text).contains(&bare(&planned));
        terminal.send("\r");
        terminal.wait_until(&format!("the details with: {planned}"), shows);
        terminal.send("\x1b");
        terminal.wait_until("the end of the details", |text| !shows(text));
        terminal.send("K");
        let dialog = terminal.wait_until(&format!("the dialog with: {planned}"), shows);
        assert!(dialog.contains(" down "), "{dialog}");
    });
}
