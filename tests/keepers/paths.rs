//! UNIX sockets: whoever listens at a path, and what keeps that.

use serde_json::Value;

use crate::booted::{Booted, boot, stdout};
use crate::support::wait_for;

/// Listens at a path, whatever was there; takes it away at its end when it is told to.
const SERVE: &str = "#!/usr/bin/python3\nimport os, signal, socket, sys\n\
    path = sys.argv[1]\n\
    try: os.unlink(path)\n\
    except FileNotFoundError: pass\n\
    listener = socket.socket(socket.AF_UNIX)\nlistener.bind(path)\nlistener.listen(16)\n\
    def leave(*_):\n    if 'tidy' in sys.argv: os.unlink(path)\n    os._exit(0)\n\
    signal.signal(signal.SIGTERM, leave)\n\
    while True: signal.pause()\n";

const UNITS: &[(&str, &str)] = &[
    ("web.service", "[Service]\nRestart=always\nExecStart=/usr/local/bin/at /run/web.sock\n"),
    ("left.service", "[Service]\nExecStart=/usr/local/bin/at /run/left.sock\n"),
    ("act.socket", "[Socket]\nListenStream=/run/act.sock\n"),
    ("act.service", "[Service]\nExecStart=/usr/local/bin/serve\n"),
    ("tidy.service", "[Service]\nExecStart=/usr/local/bin/at /run/tidy.sock tidy\n"),
];

#[test]
fn who_listens_at_a_path_is_ended_and_what_keeps_it_is_told() {
    let Some(booted) = boot(&[]) else { return };
    booted.program("/usr/local/bin/at", SERVE);
    booted.units(UNITS);
    booted.sh("systemctl start web left tidy act.socket; ln -s /run /srv/run");
    for name in ["web", "left", "tidy", "act"] {
        wait_for("a listener", || is_held(&booted, name).then_some(()));
    }
    let (code, outcome) = kill(&booted, "/srv/run/tidy.sock");
    assert_eq!((code, &outcome["port_free"]), (Some(0), &Value::Bool(true)), "{outcome:#}");

    // What it leaves behind keeps others from the path.
    let (code, outcome) = kill(&booted, "/run/left.sock");
    assert_eq!((code, &outcome["port_free"]), (Some(1), &Value::Bool(false)), "{outcome:#}");
    let reason = outcome["port_reason"].as_str().unwrap();
    assert!(reason.ends_with("until it is removed: rm -- /run/left.sock"), "{reason}");
    assert_eq!(outcome["victims"][0]["exited"], true, "{outcome:#}");

    let (code, outcome) = kill(&booted, "/run/web.sock");
    assert_eq!(code, Some(1), "{outcome:#}");
    assert_eq!(outcome["respawned"]["supervisor"], "web.service", "{outcome:#}");
    let command = "this stops only that: /usr/bin/systemctl stop -- web.service";
    for asking in [&["kill", "/run/web.sock", "--dry-run"][..], &["why", "/run/web.sock"]] {
        let said = stdout(&booted.sockpit(asking));
        assert!(said.contains(command), "{asking:?}: {said}");
    }
    booted.sh("systemctl stop -- web.service");
    let output = booted.kill(&["/run/web.sock"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no process listens on /run/web.sock"), "{said}");

    let said = stdout(&booted.sockpit(&["kill", "/run/act.sock", "--dry-run"]));
    let command = "this stops only that: /usr/bin/systemctl stop -- act.socket";
    assert!(said.contains(command), "{said}");
    booted.sh("systemctl stop -- act.socket");
    assert!(!is_held(&booted, "act"));
}

fn is_held(booted: &Booted, name: &str) -> bool {
    let output = booted.sockpit(&["why", &format!("/run/{name}.sock"), "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["listening"] == true
}

fn kill(booted: &Booted, path: &str) -> (Option<i32>, Value) {
    let output = booted.kill(&[path, "--json"]);
    let outcome = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), outcome)
}
