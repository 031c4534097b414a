//! `sockpit kill` against servers that the test starts, in a namespace of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

use crate::support::{self, in_namespace, sockpit};

/// What every script begins with.
const PRELUDE: &str = "
import os, signal, socket, subprocess, sys, time
def tcp(addr='127.0.0.1', port=8080, listen=True, reuse_port=False):
    s = socket.socket(socket.AF_INET6 if ':' in addr else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((addr, port))
    if listen: s.listen()
    return s
def tell():
    os.write(1, b'%d\\n' % os.getpid())
def ready():
    tell()
    while True: time.sleep(600)
";

/// A process that the test started and ends.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Runs a script and waits until it calls `ready`.
    pub(crate) fn start(script: &str) -> Self {
        let mut server = Self::start_unready(script);
        assert_eq!(server.read_pid(), server.pid(), "the script called ready itself");
        server
    }

    pub(crate) fn start_unready(script: &str) -> Self {
        Self::spawn(Command::new("python3"), script)
    }

    /// The same under a program that becomes the one that it starts (`unshare`, `nsenter`).
    pub(crate) fn start_under(wrapper: &[&str], script: &str) -> Self {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).arg("python3");
        let mut server = Self::spawn(command, script);
        assert_eq!(server.read_pid(), server.pid(), "the script called ready itself");
        server
    }

    fn spawn(mut command: Command, script: &str) -> Self {
        let mut child = command
            .args(["-c", &format!("{PRELUDE}{script}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next pid that a script printed.
    pub(crate) fn read_pid(&mut self) -> u32 {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().parse().unwrap_or_else(|_| panic!("no pid: {line:?}"))
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The signal that ended it.
    pub(crate) fn signal(&mut self) -> Option<i32> {
        self.child.wait().unwrap().signal()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(args: &[&str]) -> Output {
    sockpit().arg("kill").args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs `sockpit kill … --yes --json`: its exit code and its document.
fn kill_json(args: &[&str]) -> (i32, Value) {
    let output = kill(&[args, &["--yes", "--json"]].concat());
    (output.status.code().unwrap(), document(&output))
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_listener_ends_and_its_port_is_free() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(); ready()");
        let (code, json) = kill_json(&["8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(server.signal(), Some(15));
        assert_eq!(json["schema"], "sockpit.kill/1");
        assert_eq!(json["target"], "8080");
        let victim = &json["victims"][0];
        assert_eq!(victim["pid"], server.pid());
        assert_eq!(victim["name"], "python3");
        assert_eq!(victim["signals"], serde_json::json!(["TERM"]));
        assert_eq!(victim["exited"], true);
        assert!(victim["exit_after_ms"].is_u64(), "{json}");
        assert_eq!(json["spared"], serde_json::json!([]));
        assert_eq!(json["port_free"], true);
        assert_eq!(json["respawned"], Value::Null);
        TcpListener::bind("127.0.0.1:8080").unwrap();
    });
}

#[test]
fn clients_of_the_port_survive() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(); ready()");
        let mut client =
            Server::start("c = socket.create_connection(('127.0.0.1', 8080)); ready()");
        let (code, json) = kill_json(&["8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(json["victims"].as_array().unwrap().len(), 1);
        assert_eq!(server.signal(), Some(15));
        assert!(client.is_alive());
    });
}

#[test]
fn a_port_whose_connections_linger_is_free_for_a_restart_alone() {
    in_namespace(|| {
        let mut server = Server::start_unready("s = tcp(); c, _ = s.accept(); ready()");
        let _client = support::wait_for("the server", || TcpStream::connect("127.0.0.1:8080").ok());
        server.read_pid();
        let (code, json) = kill_json(&["8080"]);
        assert_eq!(server.signal(), Some(15));
        assert_eq!((code, &json["port_free"]), (1, &false.into()), "{json}");
        assert_eq!(json["proof"], "bind_reuse_addr");
        let reason = json["port_reason"].as_str().unwrap();
        assert!(reason.contains("SO_REUSEADDR"), "{reason}");
        assert!(TcpListener::bind("127.0.0.1:8080").is_ok(), "Rust's own sets SO_REUSEADDR");
    });
}

#[test]
fn a_udp_socket_is_a_victim_and_tcp_on_the_same_port_is_not() {
    in_namespace(|| {
        let mut server = Server::start(
            "u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('0.0.0.0', 5300)); ready()",
        );
        let mut other = Server::start("s = tcp(port=5300); ready()");
        let (code, json) = kill_json(&["5300/udp"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(server.signal(), Some(15));
        assert!(other.is_alive());
        UdpSocket::bind("0.0.0.0:5300").unwrap();
    });
}

#[test]
fn a_bound_socket_that_does_not_listen_is_a_victim() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(listen=False); ready()");
        let (code, json) = kill_json(&["8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(server.signal(), Some(15));
    });
}

#[test]
fn an_address_narrows() {
    in_namespace(|| {
        let mut one = Server::start("s = tcp('127.0.0.1'); ready()");
        let mut two = Server::start("s = tcp('127.0.0.2'); ready()");
        let (code, json) = kill_json(&["8080", "--addr", "127.0.0.2"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(two.signal(), Some(15));
        assert!(one.is_alive());
        let (code, json) = kill_json(&["8080", "--addr", "127.0.0.3"]);
        assert_eq!((code, &json["victims"]), (1, &serde_json::json!([])));
        assert!(one.is_alive());
    });
}

#[test]
fn term_may_be_ignored_and_kill_may_not() {
    in_namespace(|| {
        let mut server =
            Server::start("signal.signal(signal.SIGTERM, signal.SIG_IGN); s = tcp('::'); ready()");
        let output = kill(&["8080", "--yes", "--timeout", "200ms", "--json"]);
        let json = document(&output);
        assert_eq!(output.status.code(), Some(1), "{json}");
        assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
        assert_eq!(json["victims"][0]["exited"], false);
        assert_eq!(json["victims"][0]["exit_after_ms"], Value::Null);
        assert_eq!(json["port_free"], false);
        assert!(server.is_alive());

        let (code, json) = kill_json(&["8080", "--timeout", "200ms", "--force"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(json["victims"][0]["signals"], serde_json::json!(["TERM", "KILL"]));
        assert_eq!(server.signal(), Some(9));
    });
}

#[test]
fn a_stopped_process_is_named_as_such() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(); ready()");
        let pid = server.pid().to_string();
        support::run(Command::new("kill").args(["-STOP", &pid]));
        support::wait_for("the stop", || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.contains(") T ").then_some(())
        });
        let output = kill(&["8080", "--yes", "--timeout", "100ms"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(&format!("kill -CONT {pid}")), "{}", stderr(&output));
        // The signal waits for the process.
        support::run(Command::new("kill").args(["-CONT", &pid]));
        assert_eq!(server.signal(), Some(15));
    });
}

#[test]
fn another_first_signal_can_be_chosen() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(); ready()");
        let (code, json) = kill_json(&["8080", "--signal", "sigusr1"]);
        assert_eq!((code, &json["victims"][0]["signals"][0]), (0, &Value::from("USR1")));
        assert_eq!(server.signal(), Some(10));
    });
}

#[test]
fn every_process_that_shares_the_socket_is_named() {
    in_namespace(|| {
        let mut parent = Server::start_unready(
            "s = tcp()\nif os.fork(): signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nready()",
        );
        let mut pids = [parent.read_pid(), parent.read_pid()];
        pids.sort_unstable();
        let plan = document(&kill(&["8080", "--dry-run", "--json"]));
        let mut planned: Vec<u64> = plan["plan"]["victims"]
            .as_array()
            .unwrap()
            .iter()
            .map(|victim| victim["pid"].as_u64().unwrap())
            .collect();
        planned.sort_unstable();
        assert_eq!(planned, pids.map(u64::from));
        let (code, json) = kill_json(&["8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(json["victims"].as_array().unwrap().len(), 2);
        assert_eq!(parent.signal(), Some(15));
    });
}

#[test]
fn both_sockets_of_a_reuse_port_group_are_freed() {
    in_namespace(|| {
        let mut one = Server::start("s = tcp(reuse_port=True); ready()");
        let mut two = Server::start("s = tcp(reuse_port=True); ready()");
        let plan = document(&kill(&["8080", "--dry-run", "--json"]));
        assert!(plan["plan"]["warnings"].to_string().contains("SO_REUSEPORT"), "{plan}");
        let (code, json) = kill_json(&["8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!((one.signal(), two.signal()), (Some(15), Some(15)));
    });
}

#[test]
fn whoever_takes_the_port_again_is_reported() {
    in_namespace(|| {
        let mut keeper = Server::start_unready(
            "
child = 0
def leave(*_):
    os.kill(child, signal.SIGKILL)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
while True:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        s = tcp()
        ready()
    os.waitpid(child, 0)
",
        );
        let first = keeper.read_pid();
        let (code, json) = kill_json(&["8080"]);
        let second = keeper.read_pid();
        assert_eq!(code, 1, "{json}");
        assert_eq!(json["victims"][0]["pid"], first);
        assert_eq!(json["victims"][0]["exited"], true);
        assert_eq!(json["port_free"], false);
        assert_eq!(json["respawned"]["pid"], second);
        assert_eq!(json["respawned"]["supervisor"], format!("python3 {}", keeper.pid()));
        // The keeper ends its child, too.
        support::run(Command::new("kill").arg(keeper.pid().to_string()));
        keeper.child.wait().unwrap();
    });
}

#[test]
fn whoever_was_passed_the_socket_is_named_and_not_the_dead() {
    in_namespace(|| {
        let mut server = Server::start_unready(
            "
def pass_on(*_):
    if os.fork() == 0:
        ready()
    os._exit(0)
s = tcp()
signal.signal(signal.SIGTERM, pass_on)
ready()
",
        );
        let first = server.read_pid();
        let (code, json) = kill_json(&["8080"]);
        let heir = server.read_pid();
        assert_eq!(code, 1, "{json}");
        assert_eq!(json["victims"][0]["pid"], first);
        assert_eq!(json["victims"][0]["exited"], true);
        assert_eq!((&json["port_free"], &json["respawned"]["pid"]), (&false.into(), &heir.into()));
        let reason = format!("python3 {heir} has taken over 127.0.0.1:8080");
        assert_eq!(json["port_reason"], reason, "the dead hold nothing");
        support::run(Command::new("kill").args(["-KILL", &heir.to_string()]));
    });
}

#[test]
fn a_wildcard_that_was_there_before_has_not_taken_the_port_again() {
    in_namespace(|| {
        let mut one = Server::start("s = tcp('127.0.0.1', reuse_port=True); ready()");
        let mut all = Server::start("s = tcp('0.0.0.0', reuse_port=True); ready()");
        for addr in ["127.0.0.1", "::ffff:127.0.0.1"] {
            let plan = String::from_utf8(kill(&["8080", "--addr", addr, "--dry-run"]).stdout);
            assert!(plan.unwrap().contains("covers it, and stays"));
        }
        let (code, json) = kill_json(&["8080", "--addr", "127.0.0.1"]);
        assert_eq!(one.signal(), Some(15));
        assert!(all.is_alive());
        assert_eq!((code, &json["port_free"]), (1, &false.into()), "{json}");
        assert_eq!(json["respawned"], Value::Null);
        let holder = format!("0.0.0.0:8080 is still held by python3 {}", all.pid());
        assert_eq!(json["port_reason"], holder);
    });
}

#[test]
fn a_mapped_address_is_proven_by_a_bind_of_ipv4() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(); ready()");
        let (code, json) = kill_json(&["8080", "--addr", "::ffff:127.0.0.1"]);
        assert_eq!(server.signal(), Some(15));
        assert_eq!((code, &json["proof"]), (0, &"bind".into()), "{json}");
    });
}

#[test]
fn two_orphans_have_no_supervisor_in_common() {
    in_namespace(|| {
        let mut server = Server::start_unready(
            "
def orphan(serve):
    if os.fork() == 0:
        if os.fork() == 0:
            serve()
        os._exit(0)
    os.wait()
def first():
    s = tcp()
    ready()
orphan(first)
time.sleep(600)
",
        );
        let first = server.read_pid();
        let mut taker = Server::start_unready(
            "
if os.fork() == 0:
    while os.getppid() != 1: time.sleep(.01)
    tell()
    while True:
        try:
            s = tcp()
            break
        except OSError:
            time.sleep(.01)
    ready()
os._exit(0)
",
        );
        let second = taker.read_pid();
        let (code, json) = kill_json(&["8080"]);
        support::run(Command::new("kill").args(["-KILL", &second.to_string()]));
        assert_eq!((code, &json["victims"][0]["pid"]), (1, &first.into()), "{json}");
        assert_eq!(json["respawned"]["pid"], second, "{json}");
        assert_eq!(json["respawned"]["supervisor"], Value::Null, "{json}");
    });
}

#[test]
fn nothing_happens_unasked() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(); ready()");
        let output = kill(&["8080"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
        assert!(stderr(&output).contains(&server.pid().to_string()), "the plan is shown");
        assert!(server.is_alive());
    });
}

#[test]
fn a_dry_run_shows_the_plan_and_sends_nothing() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(); other = tcp(port=9100); ready()");
        let output = kill(&["8080", "--dry-run", "--yes", "--json", "--force"]);
        assert_eq!(output.status.code(), Some(0));
        let json = document(&output);
        assert_eq!(json["schema"], "sockpit.kill/1");
        let victim = &json["plan"]["victims"][0];
        assert_eq!(victim["pid"], server.pid());
        assert_eq!(victim["signals"], serde_json::json!(["TERM", "KILL"]));
        assert_eq!(victim["holds"][0]["local"]["port"], 8080);
        assert_eq!(json["plan"]["blast_radius"]["other_listeners"][0]["local"]["port"], 9100);
        assert_eq!(json["plan"]["protected"], false);

        let text = kill(&["8080", "--dry-run"]);
        assert_eq!(text.status.code(), Some(0));
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        assert!(text.contains(&format!("python3 {}", server.pid())), "{text}");
        assert!(text.contains("127.0.0.1:9100"), "{text}");
        assert!(server.is_alive());
    });
}

#[test]
fn nothing_to_kill_is_a_no() {
    in_namespace(|| {
        let output = kill(&["8080", "--yes"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("nothing holds 8080/tcp"), "{}", stderr(&output));
        let (code, json) = kill_json(&["8080"]);
        assert_eq!((code, &json["port_free"]), (1, &Value::Bool(true)));
        let output = kill(&["pid:4000000", "--yes"]);
        assert_eq!(output.status.code(), Some(1));
    });
}

#[test]
fn a_process_can_be_named_by_its_pid() {
    in_namespace(|| {
        let mut server = Server::start("ready()");
        let (code, json) = kill_json(&[&format!("pid:{}", server.pid())]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(server.signal(), Some(15));
        assert_eq!(json["port_free"], Value::Null);
    });
}

#[test]
fn descendants_come_along_when_asked() {
    in_namespace(|| {
        let mut server = Server::start_unready(
            "
if os.fork() == 0:
    ready()
s = tcp()
ready()
",
        );
        let pids = [server.read_pid(), server.read_pid()];
        let child = *pids.iter().find(|pid| **pid != server.pid()).unwrap();
        let (code, json) = kill_json(&["8080", "--tree"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(server.signal(), Some(15));
        assert_eq!(json["victims"][1]["pid"], child);
        assert_eq!(json["victims"][1]["exited"], true);
    });
}

#[test]
fn what_sockpit_runs_under_needs_more_than_yes() {
    in_namespace(|| {
        let script = |extra: &str| {
            let program = env!("CARGO_BIN_EXE_sockpit");
            format!(
                "s = tcp(); subprocess.run(['{program}', 'kill', '8080', '--yes', '--json'{extra}])"
            )
        };
        let mut spared = Server::start_unready(&script(""));
        let mut json = String::new();
        spared.stdout.read_to_string(&mut json).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["victims"], serde_json::json!([]));
        assert_eq!(json["spared"][0]["pid"], spared.pid());
        assert_eq!(json["port_free"], false);
        assert_eq!(spared.signal(), None, "it ended by itself");

        let mut ended = Server::start_unready(&script(", '--protected'"));
        let mut json = String::new();
        ended.stdout.read_to_string(&mut json).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["victims"][0]["pid"], ended.pid());
        assert_eq!(ended.signal(), Some(15));
    });
}

#[test]
fn pid_one_is_protected_also_by_name() {
    in_namespace(|| {
        assert_eq!(std::process::id(), 1, "the test is the namespace's first process");
        let (code, json) = kill_json(&["pid:1"]);
        assert_eq!(code, 1, "{json}");
        assert_eq!(json["spared"][0]["pid"], 1);
        let output = kill(&["pid:1", "--yes"]);
        assert!(stderr(&output).contains("--protected"), "{}", stderr(&output));
    });
}

#[test]
fn a_hidden_holder_is_a_matter_of_rights() {
    in_namespace(|| {
        // Not dumpable: only CAP_SYS_PTRACE may read its descriptors.
        let mut server = Server::start(
            "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); s = tcp(); ready()",
        );
        let output = Command::new("setpriv")
            .args(["--bounding-set=-all", "--inh-caps=-all", env!("CARGO_BIN_EXE_sockpit")])
            .args(["kill", "8080", "--yes"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert!(server.is_alive());
    });
}

#[test]
fn a_terminal_is_asked() {
    in_namespace(|| {
        let mut server = Server::start("s = tcp(); ready()");
        assert_eq!(support::answered(&["kill", "8080"], "n"), 1);
        assert!(server.is_alive());
        assert_eq!(support::answered(&["kill", "8080"], "y"), 0);
        assert_eq!(server.signal(), Some(15));
    });
}

#[test]
fn a_parent_that_is_there_to_restart_is_named_before_the_kill() {
    in_namespace(|| {
        // A process is told by the name that it gives itself, as any such program.
        let mut keeper = Server::start_unready(
            "open('/proc/self/comm', 'w').write('nodemon')
if os.fork() == 0:
    s = tcp(); ready()
while True: time.sleep(600)",
        );
        let child = keeper.read_pid();
        let output = kill(&["8080", "--dry-run", "--json"]);
        let plan = &document(&output)["plan"];
        assert_eq!(plan["supervisors"][0]["kind"], "parent", "{plan}");
        assert_eq!(plan["supervisors"][0]["pid"], child);
        let command = format!("sockpit kill pid:{} --tree", keeper.pid());
        assert_eq!(plan["keepers"][0]["kind"], "watcher", "{plan}");
        let warnings = plan["warnings"].as_array().unwrap();
        assert!(warnings.iter().any(|line| line.as_str().unwrap().contains(&command)), "{plan}");
    });
}

#[test]
fn a_zombie_that_held_the_socket_is_no_victim() {
    in_namespace(|| {
        // The child held it, too, and ended; nobody has asked how.
        let mut server = Server::start_unready(
            "
s = tcp()
child = os.fork()
if child == 0: os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
ready()
",
        );
        server.read_pid();
        let (code, json) = kill_json(&["8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(json["victims"].as_array().unwrap().len(), 1, "{json}");
        assert_eq!(json["victims"][0]["pid"], server.pid());
        assert_eq!(server.signal(), Some(15));
    });
}

#[test]
fn a_holder_in_a_pid_namespace_of_its_own_is_a_victim() {
    in_namespace(|| {
        // There it is process 1, for which TERM is nothing unless it asks for it.
        let mut server = Server::start_unready(
            "
script = 's = tcp(); signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); ready()'
prelude = open('/proc/self/cmdline').read().split(chr(0))[2].split('script =')[0]
subprocess.run(['unshare', '--pid', '--fork', 'python3', '-c', prelude + script])
",
        );
        assert_eq!(server.read_pid(), 1, "its own idea of its number");
        let (code, json) = kill_json(&["8080"]);
        assert_eq!(code, 0, "{json}");
        let pid = json["victims"][0]["pid"].as_u64().unwrap();
        assert!(pid > 1 && pid != u64::from(server.pid()), "{json}");
        assert_eq!(json["victims"][0]["exited"], true);
        server.child.wait().unwrap();
    });
}

#[test]
fn a_process_whose_first_thread_has_ended_is_not_called_free() {
    in_namespace(|| {
        let mut server = Server::start_unready(
            "
import ctypes, threading
s = tcp()
def stay():
    while open('/proc/self/stat').read().rpartition(') ')[2][0] != 'Z': time.sleep(0.01)
    tell()
    time.sleep(600)
threading.Thread(target=stay).start()
ctypes.CDLL(None).syscall(60, 0)
",
        );
        if cfg!(not(target_arch = "x86_64")) {
            return;
        }
        assert_eq!(server.read_pid(), server.pid());
        let (code, json) = kill_json(&["8080"]);
        // Its descriptors are to be seen at the threads that are left.
        let victims = json["victims"].as_array().unwrap();
        if victims.is_empty() {
            assert_ne!(code, 0, "{json}");
            assert_ne!(json["port_free"], true, "{json}");
        } else {
            assert_eq!((code, &victims[0]["pid"]), (0, &server.pid().into()), "{json}");
            assert_eq!(json["port_free"], true, "{json}");
        }
    });
}
