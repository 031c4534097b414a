//! Units and containers: what systemd's or the runtime's own word permits, and what not.
//!
//! In the test's own mount namespace a script stands in place of `systemctl`, and a file in
//! place of a process's `/proc/PID/cgroup`. sockpit itself runs as it is.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::pty::Terminal;
use crate::server::Server;
use crate::support::{self, in_namespace, sockpit};

/// Answers as systemctl does for `app.service`, whose main process is `{pid}`, and notes each
/// call in `{log}`.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> {log}
case "$1" in
show) echo Id=app.service; echo LoadState=loaded; echo ActiveState=active; echo MainPID={pid}
      echo ControlGroup=/system.slice/app.service; echo Restart=always; echo RestartUSec=100ms;;
stop) {stop};;
esac
"#;

struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    /// Puts the script in systemctl's place, and the server into the cgroup `path`. `None`
    /// where programs are not root's own in here, so that sockpit would run none.
    fn set(server: &Server, path: &str, stop: &str) -> Option<Self> {
        if fs::metadata("/usr/bin").unwrap().uid() != 0 {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let stage = Self { directory };
        let (pid, log) = (server.pid().to_string(), stage.file("log"));
        let script = SYSTEMCTL
            .replace("{stop}", stop)
            .replace("{pid}", &pid)
            .replace("{log}", log.to_str().unwrap());
        let program = stage.file("systemctl");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let real = Path::new("/usr/bin/systemctl");
        if real.exists() {
            bind(&program, real);
        } else {
            let place = Path::new("/usr/local/sbin");
            support::run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(place));
            fs::copy(&program, place.join("systemctl")).unwrap();
        }
        let cgroup = stage.file("cgroup");
        fs::write(&cgroup, format!("0::{path}\n")).unwrap();
        bind(&cgroup, Path::new(&format!("/proc/{pid}/cgroup")));
        Some(stage)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What systemctl was called for.
    fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.file("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

fn bind(from: &Path, over: &Path) {
    support::run(Command::new("mount").arg("--bind").arg(from).arg(over));
}

fn plan(terminal: &mut Terminal) {
    terminal.wait_row(&["▶", "127.0.0.1:8080"]);
    terminal.send("K");
}

const NOT_ROOT: &str = "only root makes programs that sockpit would run";

#[test]
fn a_unit_that_systemd_confirms_is_stopped_from_the_dialog() {
    in_namespace(|| {
        let mut server = Server::start(8080);
        let Some(stage) = Stage::set(&server, "/system.slice/app.service", "kill {pid}") else {
            return support::cannot_run_without_root(NOT_ROOT);
        };
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        plan(&mut terminal);
        terminal.wait_row(&["app.service starts it again (Restart=always, after 100ms)"]);
        let stop = "stop -- app.service";
        terminal.wait_row(&["▸", "/systemctl ", stop]);
        terminal.wait_for("stops app.service for good (recommended)");
        assert!(stage.calls().iter().all(|call| call.starts_with("show ")), "{:?}", stage.calls());
        terminal.send("\r");
        terminal.wait_for("app.service was stopped");
        terminal.wait_for("the port is free");
        assert_eq!(support::wait_for("its end", || server.ended_by()), 15);
        let calls = stage.calls();
        let ran = "stop --no-ask-password -- app.service";
        assert_eq!(calls.last().map(String::as_str), Some(ran));
        // Asked for the plan, and once more right before.
        assert_eq!(calls.len(), 3, "{calls:?}");
        terminal.send("\x1b");
        terminal.wait_gone("Esc close");
        terminal.send("L");
        terminal.wait_row(&["$ ", "/systemctl stop --no-ask-password -- app.service"]);
    });
}

#[test]
fn a_refusal_to_stop_is_told_and_kills_nobody() {
    in_namespace(|| {
        let mut server = Server::start(8080);
        let refuse = "echo Failed to stop app.service: Access denied >&2; exit 4";
        let Some(_stage) = Stage::set(&server, "/system.slice/app.service", refuse) else {
            return support::cannot_run_without_root(NOT_ROOT);
        };
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        plan(&mut terminal);
        terminal.wait_for("(recommended)");
        terminal.send("\r");
        terminal.wait_row(&["✗ app.service was not stopped", "Access denied"]);
        assert_eq!(server.ended_by(), None);
    });
}

#[test]
fn a_forged_cgroup_path_offers_nothing_to_run() {
    in_namespace(|| {
        let server = Server::start(8080);
        // Claims the unit's name in a part of the tree that is the user's own.
        let forged = "/system.slice/app.service/../../home/app.service";
        let Some(stage) = Stage::set(&server, forged, "kill {pid}") else {
            return support::cannot_run_without_root(NOT_ROOT);
        };
        let script = fs::read_to_string(stage.file("systemctl")).unwrap();
        let elsewhere = script.replace("=/system.slice/app.service", "=/system.slice/app2.service");
        fs::write(stage.file("systemctl"), elsewhere).unwrap();
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        plan(&mut terminal);
        terminal.wait_for("not confirmed");
        terminal.wait_row(&["▸ TERM"]);
        assert!(!terminal.text().contains("recommended"));
    });
}

#[test]
fn the_command_line_says_whether_the_better_command_is_confirmed() {
    in_namespace(|| {
        let server = Server::start(8080);
        let Some(stage) = Stage::set(&server, "/system.slice/app.service", "kill {pid}") else {
            return support::cannot_run_without_root(NOT_ROOT);
        };
        let dry = |args: &[&str]| {
            let output = sockpit().args(["kill", "8080", "--dry-run"]).args(args).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let text = dry(&[]);
        assert!(
            text.contains("app.service starts it again (Restart=always, after 100ms)"),
            "{text}"
        );
        assert!(text.contains("this stops only that: "), "{text}");
        assert!(text.contains("systemctl stop -- app.service"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&dry(&["--json"])).unwrap();
        let word = &json["plan"]["supervisors"][0]["word"];
        assert_eq!((&word["confirmed"], &word["restart"]), (&true.into(), &"always".into()));
        let keeper = &json["plan"]["keepers"][0];
        assert_eq!((&keeper["kind"], &keeper["name"]), (&"systemd".into(), &"app.service".into()));
        assert_eq!((&keeper["delay_ms"], &keeper["confirmed"]), (&100.into(), &"asked".into()));
        assert_eq!(keeper["stop"].as_array().unwrap().last().unwrap(), "app.service");
        assert_eq!(json["plan"]["watch_ms"], 1_100);
        fs::write(stage.file("systemctl"), "#!/bin/sh\necho no such thing >&2; exit 1\n").unwrap();
        let text = dry(&[]);
        assert!(text.contains("not confirmed: systemctl says: no such thing"), "{text}");
    });
}
