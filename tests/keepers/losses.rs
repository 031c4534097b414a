//! What a stop ends beside the holder, and what it sets going.

use std::time::Duration;

use serde_json::Value;

use crate::booted::{Booted, boot};

const UNITS: &[(&str, &str)] = &[
    (
        "pair.service",
        "[Service]\nRestart=always\n\
         ExecStart=/bin/sh -c '/usr/local/bin/serve 8001 & sleep 12345 & wait'\n",
    ),
    (
        "mux.service",
        "[Service]\nType=forking\nEnvironment=TERM=xterm SHELL=/bin/sh\n\
         ExecStart=/usr/bin/tmux -L test new-session -d '/usr/local/bin/serve 8002'\n\
         ExecStartPost=/usr/bin/tmux -L test new-window 'sleep 23456'\n",
    ),
    ("parent.service", "[Service]\nExecStart=/usr/local/bin/parent 8003\nRestart=always\n"),
    (
        "front.service",
        "[Service]\nType=forking\nRestart=always\n\
         ExecStart=/usr/sbin/nginx -c /srv/nginx.conf\n",
    ),
    ("inner.service", "[Service]\nExecStart=/usr/local/bin/serve 8005\nRestart=always\n"),
    (
        "middle.service",
        "[Unit]\nRequires=inner.service helper.service\n\
         [Service]\nExecStart=/usr/local/bin/serve 8006\n",
    ),
    (
        "outer.service",
        "[Unit]\nBindsTo=middle.service\n[Service]\nExecStart=/usr/local/bin/serve 8007\n",
    ),
    (
        "helper.service",
        "[Unit]\nStopWhenUnneeded=yes\n[Service]\nExecStart=/usr/local/bin/serve 8008\n",
    ),
    (
        "first.service",
        "[Unit]\nOnSuccess=second.service\n[Service]\nExecStart=/usr/local/bin/serve 8009\n",
    ),
    ("second.service", "[Service]\nExecStart=/usr/local/bin/serve 8009\n"),
    (
        "before.service",
        "[Unit]\nOnSuccess=after.service\nOnFailure=after.service\n\
         [Service]\nExecStart=/usr/local/bin/serve 8010\n",
    ),
    (
        "after.service",
        "[Service]\nExecStart=/bin/sh -c 'sleep 4; exec /usr/local/bin/serve 8010'\n",
    ),
];

/// A server with a child of another program.
const PARENT: &str = "#!/usr/bin/python3\nimport subprocess, sys\n\
    subprocess.Popen(['sleep', '34567'])\n\
    sys.argv = ['serve', sys.argv[1]]\nexec(open('/usr/local/bin/serve').read())\n";

/// Two workers beside a master, as nginx is by itself.
const NGINX: &str = "worker_processes 2;\npid /run/front.pid;\nevents {}\n\
    http { access_log off; server { listen 8004; return 200 'web\\n'; } }\n";

#[test]
fn what_goes_along_is_told_before() {
    let Some(booted) = boot(&["tmux", "nginx"]) else { return };
    booted.units(UNITS);
    booted.program("/usr/local/bin/parent", PARENT);
    booted.write("/srv/nginx.conf", NGINX);
    booted.sh("systemctl start pair mux parent front inner middle outer first before");
    for port in 8001..=8010 {
        booted.wait_answer(port);
    }
    a_process_beside_the_holder(&booted);
    a_terminal_that_others_work_in(&booted);
    a_child_of_the_holder(&booted);
    a_master_and_its_workers(&booted);
    units_that_cannot_be_without_it(&booted);
    a_unit_that_is_started_then(&booted);
    a_unit_that_is_slow_to_start_then(&booted);
}

fn is_running(booted: &Booted, command: &str) -> bool {
    booted.command("pgrep").args(["-xf", command]).output().unwrap().status.success()
}

/// It is in the unit, and no child of the holder: it ends by the unit's stop and not by a kill.
fn a_process_beside_the_holder(booted: &Booted) {
    let plan = booted.plan(8001);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("systemctl stop -- pair.service stops it, and with it sleep ");
    booted.why_offers_no_stop(8001);
    assert!(is_running(booted, "sleep 12345"));
    booted.sh("systemctl stop -- pair.service");
    assert!(!is_running(booted, "sleep 12345"), "as was said");
    booted.stays_silent(8001, Duration::from_millis(100));
}

fn a_terminal_that_others_work_in(booted: &Booted) {
    let plan = booted.plan(8002);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    let also = plan.keeper("mux.service")["stops_also"].to_string();
    assert!(also.contains("sleep ") && also.contains("tmux"), "{also}");
    // What is meant alone is ended by a signal.
    let output = booted.kill(&["8002"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(is_running(booted, "sleep 23456"));
}

/// It is the holder's own, which is said, and asks for nothing more.
fn a_child_of_the_holder(booted: &Booted) {
    let plan = booted.plan(8003);
    plan.must_say("what it has started ends with it (sleep ");
    booted.follow(8003, "parent.service");
    assert!(!is_running(booted, "sleep 34567"), "as was said");
}

/// All of them hold the port, and one keeper has one line.
fn a_master_and_its_workers(booted: &Booted) {
    let plan = booted.plan(8004);
    assert_eq!(plan.count("front.service"), 1, "{plan:#?}");
    plan.must_say("front.service starts it again (Restart=always");
    assert_eq!(plan.keeper("front.service")["of"].as_array().unwrap().len(), 3, "{plan:#?}");
    booted.follow(8004, "front.service");
    booted.stays_silent(8004, Duration::from_millis(500));
}

/// `inner` is required by `middle`, which `outer` is bound to; and `helper` is there for `middle`
/// alone.
fn units_that_cannot_be_without_it(booted: &Booted) {
    let plan = booted.plan(8005);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    let also = plan.keeper("inner.service")["stops_also"].as_array().unwrap();
    for unit in ["middle.service", "outer.service", "helper.service"] {
        assert!(also.contains(&Value::from(unit)), "{unit}: {also:?}");
    }
    booted.sh("systemctl stop -- inner.service");
    for port in 8005..=8008 {
        booted.wait_silent(port);
    }
}

fn a_unit_that_is_started_then(booted: &Booted) {
    let plan = booted.plan(8009);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("systemd may then start second.service (OnSuccess=, OnFailure=, ");
    let before = booted.wait_answer(8009);
    booted.sh("systemctl stop -- first.service");
    assert_ne!(booted.wait_answer(8009), before, "the other one has the port");
}

/// Its process is there at once, and takes four seconds to its listener.
fn a_unit_that_is_slow_to_start_then(booted: &Booted) {
    let plan = booted.plan(8010);
    plan.must_say("; systemd may then start after.service (OnSuccess=, OnFailure=, ");
    assert_eq!(plan.keeper("before.service")["starts"].as_array().unwrap().len(), 1, "{plan:#?}");
    let output = booted.kill(&["8010"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("has taken 8010/tcp again"));
    booted.wait_answer(8010);
}
