//! Holders that `/proc/PID/fd` does not show: rings, threads with a table of their own, processes
//! without their first thread, the kernel; and what processes are called.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::kill::Server;
use crate::support::{cannot_run, in_namespace, in_namespace_with, run, sockpit, wait_for};

/// `python3` with what the scripts need of the C library.
const C: &str = "
import ctypes, threading
libc = ctypes.CDLL(None, use_errno=True)
";

fn json(args: &[&str]) -> (i32, Value) {
    let output = sockpit().args(args).arg("--json").output().unwrap();
    let told = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), told.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

/// The rows at a local port.
fn rows(port: &str) -> Vec<Value> {
    let (_, mut told) = json(&["ports", &format!("lport:{port}")]);
    std::mem::take(told["sockets"].as_array_mut().unwrap())
}

fn text(args: &[&str]) -> String {
    let output = sockpit().args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Whether `kill` ends this holder of port 8080, by the plan and in fact.
#[track_caller]
fn assert_is_killed(server: &mut Server) {
    let (code, plan) = json(&["kill", "8080", "--dry-run"]);
    assert_eq!((code, &plan["plan"]["victims"][0]["pid"]), (0, &server.pid().into()), "{plan}");
    let (code, told) = json(&["kill", "8080", "--yes"]);
    assert_eq!((code, &told["victims"][0]["exited"]), (0, &true.into()), "{told}");
    assert_eq!(told["port_free"], true, "{told}");
    server.child.wait().unwrap();
}

#[test]
fn a_direct_descriptor_of_io_uring_holds_its_socket() {
    in_namespace(|| {
        // io_uring_setup and io_uring_register, IORING_REGISTER_FILES.
        let mut server = Server::start_unready(&format!(
            "{C}
ring = libc.syscall(425, 8, ctypes.create_string_buffer(256))
if ring < 0: os.write(1, b'0\\n'); sys.exit()
s = tcp()
files = (ctypes.c_int * 2)(-1, s.fileno())
if libc.syscall(427, ring, 2, files, 2) < 0: os.write(1, b'0\\n'); sys.exit()
s.close()
ready()"
        ));
        if server.read_pid() == 0 {
            return cannot_run("this kernel has no io_uring, or none for us");
        }
        let row = &rows("8080")[0];
        let owner = &row["owners"][0];
        assert_eq!(
            (&row["ownership"]["kind"], &owner["pid"]),
            (&"owned".into(), &server.pid().into())
        );
        assert_eq!((&owner["fd"], &owner["through"]["kind"]), (&Value::Null, &"io_uring".into()));
        assert_eq!(owner["through"]["slot"], 1);
        let why = text(&["why", "8080"]);
        assert!(why.contains(&format!("python3 {}", server.pid())), "{why}");
        let opts = text(&["opts", "8080"]);
        assert!(opts.contains("io_uring"), "{opts}");
        assert_is_killed(&mut server);
    });
}

#[test]
fn a_thread_with_a_table_of_its_own_holds_what_is_in_there() {
    in_namespace(|| {
        let mut server = Server::start_unready(&format!(
            "{C}
def alone():
    libc.unshare(0x400)  # CLONE_FILES
    s = tcp()
    tell()
    time.sleep(600)
threading.Thread(target=alone).start()
time.sleep(600)"
        ));
        assert_eq!(server.read_pid(), server.pid());
        let row = &rows("8080")[0];
        let owner = &row["owners"][0];
        assert_eq!(owner["pid"], server.pid(), "{row}");
        assert_eq!(owner["through"]["kind"], "thread", "{row}");
        let (tid, fd) = (&owner["through"]["tid"], &owner["fd"]);
        assert!(
            std::path::Path::new(&format!("/proc/{}/task/{tid}/fd/{fd}", server.pid())).exists()
        );
        let (code, opts) = json(&["opts", "8080"]);
        if opts[0]["access"] == "full" {
            assert_eq!((code, &opts[0]["socket"]["local"]["port"]), (0, &8080.into()), "{opts}");
        }
        assert!(text(&["why", "8080"]).contains(&format!("python3 {}", server.pid())));
        assert_is_killed(&mut server);
    });
}

#[test]
fn a_process_without_its_first_thread_holds_what_its_others_do() {
    in_namespace(|| {
        let mut server = Server::start_unready(&format!(
            "{C}
s = tcp()
def later():
    while open('/proc/%d/stat' % os.getpid()).read().split(') ')[1][0] != 'Z': time.sleep(.01)
    ready()
threading.Thread(target=later).start()
libc.syscall({{'x86_64': 60}}.get(os.uname().machine, 93), 0)  # exit: this thread alone"
        ));
        assert_eq!(server.read_pid(), server.pid());
        let row = &rows("8080")[0];
        let owner = &row["owners"][0];
        assert_eq!(owner["pid"], server.pid(), "{row}");
        assert_eq!(
            (&owner["name"], &owner["through"]["kind"]),
            (&"python3".into(), &"thread".into())
        );
        let (_, opts) = json(&["opts", "8080"]);
        assert_ne!(opts[0]["socket"]["local"]["port"], Value::Null, "{opts}");
        assert_is_killed(&mut server);
    });
}

#[test]
fn the_port_of_a_tunnel_is_the_kernels_and_the_device_is_named() {
    in_namespace(|| {
        run(Command::new("ip").args(["link", "add", "va", "type", "veth", "peer", "name", "vb"]));
        run(Command::new("ip").args(["link", "set", "va", "up"]));
        let add =
            ["link", "add", "vx0", "type", "vxlan", "id", "42", "dstport", "4789", "dev", "va"];
        let added = Command::new("ip").args(add).output().unwrap();
        if !added.status.success() {
            return cannot_run(&format!("no VXLAN here: {added:?}"));
        }
        run(Command::new("ip").args(["link", "set", "vx0", "up"]));
        for row in rows("4789") {
            let ownership = &row["ownership"];
            assert_eq!(ownership["kind"], "kernel", "{row}");
            assert_eq!(
                (&ownership["detail"], &ownership["device"]),
                (&"vxlan".into(), &"vx0".into())
            );
        }
        assert!(text(&["ports", "lport:4789"]).contains("vxlan vx0"));
        assert!(text(&["ports", "vx0"]).contains(":4789"));
        for args in [&["why", "4789/udp"][..], &["kill", "4789/udp", "--dry-run"]] {
            let told = text(args);
            assert!(told.contains("vxlan device vx0"), "{told}");
            assert!(told.contains("kernel"), "{told}");
        }
        assert_is_freed("4789/udp");
    });
}

/// Runs the command that `why` offers for this port of the kernel, after which a bind succeeds.
fn assert_is_freed(port: &str) {
    let (_, told) = json(&["why", port]);
    let findings = told["findings"].as_array().unwrap();
    let own = findings.iter().find(|finding| finding["kind"] == "kernel_socket");
    let argv = own.map(|own| own["remedies"][0]["argv"].clone());
    let argv: Vec<String> = serde_json::from_value(argv.unwrap_or_default()).unwrap_or_default();
    let Some((program, args)) = argv.split_first() else { panic!("no command: {told}") };
    run(Command::new(program).args(args));
    let (_, after) = json(&["why", port]);
    assert_eq!(after["bindable"], true, "{argv:?}: {after}");
}

#[test]
fn an_mptcp_endpoint_with_a_port_is_the_kernels() {
    in_namespace(|| {
        let endpoint =
            ["mptcp", "endpoint", "add", "127.0.0.1", "id", "5", "port", "7777", "signal"];
        let added = Command::new("ip").args(endpoint).output().unwrap();
        if !added.status.success() {
            return cannot_run(&format!("no MPTCP endpoints here: {added:?}"));
        }
        let rows = rows("7777");
        assert!(rows.iter().any(|row| row["protocol"] == "tcp"), "{rows:?}");
        for row in rows {
            let ownership = &row["ownership"];
            assert_eq!(
                (&ownership["kind"], &ownership["detail"]),
                (&"kernel".into(), &"mptcp_endpoint".into()),
                "{row}"
            );
            assert!(ownership["reason"].as_str().unwrap().contains("id 5"), "{row}");
        }
        assert!(text(&["why", "7777"]).contains("MPTCP endpoint 5"));
        assert_is_freed("7777");
    });
}

#[test]
fn a_process_is_named_by_its_program_and_found_by_every_name() {
    in_namespace(|| {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap();
        let mut server = Server::start_unready(&format!(
            "{C}
s = tcp()
libc.prctl(15, b'MainThread', 0, 0, 0)
os.chdir({path:?})
ready()"
        ));
        assert_eq!(server.read_pid(), server.pid());
        let owner = &rows("8080")[0]["owners"][0];
        assert_eq!((&owner["name"], &owner["comm"]), (&"python3".into(), &"MainThread".into()));
        assert_eq!(owner["cwd"], path.to_str().unwrap());
        let place = path.file_name().unwrap().to_str().unwrap();
        for query in ["name:python3", "name:MainThread", &format!("cwd:{place}"), "python3", place]
        {
            assert!(text(&["ports", query]).contains(":8080"), "{query}");
        }
        let shown = text(&["ports", "lport:8080", "--columns", "name,cwd"]);
        assert!(shown.contains("python3") && shown.contains(place), "{shown}");
        assert!(!text(&["ports", "name:nginx"]).contains(":8080"));
    });
}

/// Debian 12 has redis-server 7.0 as a link to redis-check-rdb, and it gives itself a title.
#[test]
fn a_server_that_is_a_link_to_another_program_has_the_name_that_it_was_called_by() {
    in_namespace_with(&["redis-server"], || {
        let mut redis = Command::new("redis-server");
        redis.args(["--port", "6379", "--save", "", "--bind", "127.0.0.1"]).stdout(Stdio::null());
        let mut redis = redis.spawn().unwrap();
        let names = wait_for("redis with its title", || {
            let row = rows("6379").pop()?;
            let owner = &row["owners"][0];
            let is_titled = owner["cmdline"][0].as_str()?.contains("127.0.0.1:6379");
            is_titled.then(|| (owner["name"].clone(), owner["exe"].clone()))
        });
        redis.kill().unwrap();
        redis.wait().unwrap();
        assert_eq!(names.0, "redis-server", "{names:?}");
    });
}

#[test]
fn a_listener_that_its_server_left_to_a_program_is_told_from_one_that_is_served() {
    in_namespace(|| {
        let mut server = Server::start_unready(
            "
s = tcp()
os.set_inheritable(s.fileno(), True)
heir = subprocess.Popen(['sleep', '600'], close_fds=False)
os.write(1, b'%d\\n' % heir.pid)
s.accept()",
        );
        let heir = server.read_pid();
        let why = text(&["why", "8080"]);
        assert!(!why.contains("accepts on it"), "it is served: {why}");
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        let said = format!("accepts on it: sleep {heir} has it without close-on-exec");
        let why = text(&["why", "8080"]);
        assert!(why.contains(&said), "{why}");
        run(Command::new("kill").arg(heir.to_string()));
    });
}
