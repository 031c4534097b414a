//! `opts set`: what the kernel makes of a value, who else is hit, and the way back.

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockRef;

use crate::support::{answered, in_namespace, sockpit, wait_for};

/// `opts set` on a descriptor of this process, which sockpit runs under.
fn set(fd: &impl AsRawFd, wishes: &[&str]) -> (i32, Value, String) {
    let selector = format!("{}/{}", std::process::id(), fd.as_raw_fd());
    let mut command = sockpit();
    command.args(["opts", "set", &selector]).args(wishes);
    let output = command.args(["--yes", "--protected", "--json"]).output().unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), told, stderr)
}

fn one(fd: &impl AsRawFd, wish: &str) -> (i32, Value) {
    let (code, told, stderr) = set(fd, &[wish]);
    assert!(told["set"][0].is_object(), "{wish}: {stderr}");
    (code, told["set"][0].clone())
}

fn connected() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    (listener, client, accepted)
}

#[test]
fn what_the_kernel_made_of_a_value_is_read_back() {
    in_namespace(|| {
        let (listener, client, _accepted) = connected();
        let (code, told) = one(&client, "TCP_KEEPIDLE=5min");
        assert_eq!((code, &told["effect"]), (0, &json!("as_asked")));
        assert_eq!((&told["asked"], &told["after"]), (&json!(300), &json!(300)));
        assert_eq!(SockRef::from(&client).tcp_keepalive_time().unwrap(), Duration::from_secs(300));

        let (code, told) = one(&client, "SO_RCVBUF=64KiB");
        assert_eq!(
            (code, &told["effect"], &told["after"]),
            (0, &json!("doubled"), &json!(131_072))
        );
        let (code, told) = one(&client, "SO_RCVBUF=2GB");
        assert_eq!((code, &told["effect"]), (1, &json!("clamped")), "{told}");
        assert!(told["why"].as_str().unwrap().contains("net.core.rmem_max"), "{told}");

        // The kernel takes a size below 0 for the largest.
        let (code, told) = one(&client, "SO_RCVBUF=-1");
        let why = told["why"].as_str().unwrap();
        assert_eq!((code, &told["effect"]), (1, &json!("clamped")), "{told}");
        assert!(why.contains("below 0") && why.contains("net.core.rmem_max"), "{told}");

        let (code, told) = one(&listener, "TCP_DEFER_ACCEPT=5s");
        assert_eq!((code, &told["effect"], &told["after"]), (0, &json!("rounded"), &json!(7)));
        let (code, told) = one(&client, "TCP_MAXSEG=1000");
        assert_eq!((code, &told["effect"]), (1, &json!("ignored")), "{told}");

        let (code, told) = one(&client, "TCP_KEEPCNT=1000");
        assert_eq!(
            (code, &told["effect"], &told["errno"]),
            (1, &json!("refused"), &json!("EINVAL"))
        );
        let (code, told) = one(&client, "TCP_CONGESTION=nosuch");
        assert_eq!((code, &told["errno"]), (1, &json!("ENOENT")));
        assert!(told["why"].as_str().unwrap().contains("reno"), "{told}");
        // One that is refused does not spoil the others.
        let (code, told, _) = set(&client, &["TCP_KEEPCNT=1000", "TCP_NODELAY=on"]);
        assert_eq!((code, &told["set"][1]["effect"]), (1, &json!("as_asked")));
        assert!(client.nodelay().unwrap());
    });
}

#[test]
fn what_was_set_is_undone_by_the_command_that_is_told() {
    in_namespace(|| {
        let (_listener, client, _accepted) = connected();
        let socket = SockRef::from(&client);
        let before = (socket.recv_buffer_size().unwrap(), socket.linger().unwrap());
        let wishes = ["SO_RCVBUF=8KiB", "SO_LINGER=5s", "SO_RCVTIMEO=2500ms"];
        let (code, told, stderr) = set(&client, &wishes);
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(5)));
        assert_eq!(socket.read_timeout().unwrap(), Some(Duration::from_millis(2500)));
        for result in told["set"].as_array().unwrap() {
            let undo: Vec<&str> =
                result["undo"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            assert_eq!(undo[..3], ["sockpit", "opts", "set"]);
            let output =
                sockpit().args(&undo[1..]).args(["--yes", "--protected"]).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
        assert_eq!((socket.recv_buffer_size().unwrap(), socket.linger().unwrap()), before);
        assert_eq!(socket.read_timeout().unwrap(), None);
        // The buffer is tuned again.
        let selector = format!("{}/{}", std::process::id(), client.as_raw_fd());
        let output = sockpit().args(["opts", &selector, "--changed", "--json"]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["options"], json!([]));
    });
}

#[test]
fn what_cannot_be_unset_again_has_no_undo_and_says_so() {
    in_namespace(|| {
        let (listener, _client, _accepted) = connected();
        for wish in ["TCP_MAXSEG=1000", "TCP_WINDOW_CLAMP=5000"] {
            let selector = format!("{}/{}", std::process::id(), listener.as_raw_fd());
            let output = sockpit().args(["opts", "set", &selector, wish, "--dry-run"]).output();
            let plan = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
            assert!(plan.contains("nothing undoes it"), "{plan}");
            let (code, told) = one(&listener, wish);
            assert_eq!((code, &told["undo"]), (0, &json!([])), "{told}");
        }
    });
}

#[test]
fn what_could_hurt_is_refused_with_the_reason() {
    in_namespace(|| {
        let (_listener, client, _accepted) = connected();
        for (wish, word) in [
            ("SO_MARK=3", "routing"),
            ("SO_BINDTODEVICE=lo", "interface"),
            ("IP_TRANSPARENT=on", "not of this host"),
            ("TCP_REPAIR=on", "freezes"),
            ("SO_LOCK_FILTER=on", "filter"),
            ("TCP_ULP=tls", "stream"),
            ("IP_MULTICAST_TTL=3", "no tcp socket"),
            ("SO_TYPE=1", "the kernel sets it"),
            ("UDP_CORK=on", "no such option"),
            ("TCP_FASTOPEN=5", "before connect"),
        ] {
            let (code, _, stderr) = set(&client, &[wish]);
            assert_eq!(code, 1, "{wish}: {stderr}");
            assert!(stderr.contains(word), "{wish}: {stderr}");
        }
        for (wish, word) in [
            ("SO_NOSUCH=1", "SO_NOSUCH"),
            ("SO_KEEPALIVE=maybe", "on or off"),
            ("SO_KEEPALIVE=", "no value"),
        ] {
            let (code, _, stderr) = set(&client, &[wish]);
            assert_eq!(code, 2, "{wish}: {stderr}");
            assert!(stderr.contains(word), "{wish}: {stderr}");
        }
        for words in
            [&["opts", "set", "4/4"][..], &["opts", "set", "*", "SO_KEEPALIVE=on", "--yes"]]
        {
            assert_eq!(sockpit().args(words).output().unwrap().status.code(), Some(2), "{words:?}");
        }
        assert!(!SockRef::from(&client).keepalive().unwrap());
    });
}

#[test]
fn a_plan_changes_nothing_and_names_who_shares_the_socket() {
    in_namespace(|| {
        let (listener, client, _accepted) = connected();
        // Another process with the same socket: its stdin.
        let mut sharer = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::from(client.as_fd().try_clone_to_owned().unwrap()))
            .spawn()
            .unwrap();
        let port = client.local_addr().unwrap().port().to_string();
        let words = ["opts", "set", &format!("lport:{port}"), "SO_KEEPALIVE=on", "--dry-run"];
        let plan = wait_for("the plan", || {
            let output = sockpit().args(words).args(["--json", "--protected"]).output().unwrap();
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            let plan = told[0]["plan"].clone();
            (plan["shared_with"].as_array()?.len() == 1).then_some(plan)
        });
        sharer.kill().unwrap();
        sharer.wait().unwrap();
        let pids = [&plan["pid"], &plan["shared_with"][0]["pid"]];
        assert!(pids.contains(&&json!(sharer.id())), "{plan}");
        assert!(pids.contains(&&json!(std::process::id())), "{plan}");
        let warnings = plan["warnings"].to_string();
        assert!(warnings.contains("has the same socket"), "{warnings}");
        assert!(!SockRef::from(&client).keepalive().unwrap());

        // Nobody else has the listener, as far as this PID namespace shows.
        let own = format!("{}/{}", std::process::id(), listener.as_raw_fd());
        let words = ["opts", "set", &own, "SO_KEEPALIVE=on", "--dry-run", "--json"];
        let output = sockpit().args(words).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let warnings = told["plan"]["warnings"].to_string();
        assert!(warnings.contains("outside of sockpit's PID namespace"), "{warnings}");
        assert!(!warnings.contains("could be read"), "{warnings}");

        // An option that only matters earlier is said to.
        let selector = format!("{}/{}", std::process::id(), listener.as_raw_fd());
        let output =
            sockpit().args(["opts", "set", &selector, "SO_REUSEADDR=on", "--dry-run"]).output();
        let text = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
        assert!(text.contains("only matters before bind"), "{text}");
    });
}

#[test]
fn it_asks_and_guards_what_sockpit_runs_under() {
    in_namespace(|| {
        let (_listener, client, _accepted) = connected();
        let selector = format!("{}/{}", std::process::id(), client.as_raw_fd());
        let words = ["opts", "set", &selector, "TCP_NODELAY=on"];
        let protected = sockpit().args(words).arg("--yes").output().unwrap();
        assert_eq!(protected.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&protected.stderr).contains("--protected"));
        let unasked = sockpit().args(words).arg("--protected").stdin(Stdio::null()).output();
        assert_eq!(unasked.unwrap().status.code(), Some(2));
        assert!(!client.nodelay().unwrap());
        let asked = ["opts", "set", &selector, "TCP_NODELAY=on", "--protected"];
        assert_eq!(answered(&asked, "n"), 1);
        assert!(!client.nodelay().unwrap());
        assert_eq!(answered(&asked, "y"), 0);
        assert!(client.nodelay().unwrap());
    });
}

#[test]
fn without_the_right_nothing_is_set() {
    in_namespace(|| {
        let (_listener, client, _accepted) = connected();
        let selector = format!("{}/{}", std::process::id(), client.as_raw_fd());
        // Root without any capability may look at its own processes alone, and this one has them all.
        let output = Command::new("setpriv")
            .args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
            .arg(env!("CARGO_BIN_EXE_sockpit"))
            .args(["opts", "set", &selector, "TCP_NODELAY=on", "--yes", "--protected"])
            .output();
        let Ok(output) = output else {
            return crate::support::cannot_run("no setpriv (see .ci/install)");
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(!client.nodelay().unwrap());
    });
}

#[test]
fn connections_in_time_wait_do_not_stand_in_the_way_of_their_listener() {
    in_namespace(|| {
        let (listener, client, accepted) = connected();
        let port = listener.local_addr().unwrap().port().to_string();
        // Who closes first is in TIME_WAIT afterwards.
        drop(accepted);
        drop(client);
        let is_waiting = || {
            let output = sockpit().args(["ports", "--json", "state:time_wait"]).output().unwrap();
            let document: Value = serde_json::from_slice(&output.stdout).unwrap();
            (document["sockets"].as_array().unwrap().len() == 1).then_some(())
        };
        wait_for("TIME_WAIT", is_waiting);
        let mut command = sockpit();
        command.args(["opts", "set", &port, "TCP_USER_TIMEOUT=30s", "--yes", "--protected"]);
        let output = command.arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told.as_array().unwrap().len(), 1);
        assert_eq!(told[0]["socket"]["state"], "LISTEN");
        assert_eq!(told[0]["set"][0]["after"], 30_000);
    });
}

#[test]
fn a_name_that_is_no_options_is_wrong_usage() {
    let output = sockpit().args(["opts", "set", "1/3", "NOPE=1", "--yes"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("NOPE"), "{said}");
}
