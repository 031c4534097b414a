//! Servers of several processes with one listener, of which a stop signals the first alone.

use std::time::Duration;

use serde_json::Value;

use crate::booted::{Booted, boot};

/// `prefork PORT`: the parent waits, two children serve. With a second argument the parent ends
/// them by TERM, as servers do.
const PREFORK: &str = r#"#!/usr/bin/python3
import os, signal, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(sys.argv[1])))
listener.listen(16)
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        while True:
            client, _ = listener.accept()
            client.sendall(b"%d\n" % os.getpid())
            client.settimeout(5)
            try:
                while client.recv(1024):
                    pass
            except OSError:
                pass
            client.close()
    children.append(child)
def leave(*_):
    for child in children:
        os.kill(child, signal.SIGTERM)
    os._exit(0)
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, leave)
while True:
    signal.pause()
"#;

const UNITS: &[(&str, &str)] = &[
    ("bare.service", "[Service]\nKillMode=process\nExecStart=/usr/local/bin/prefork 8001\n"),
    ("tidy.service", "[Service]\nKillMode=process\nExecStart=/usr/local/bin/prefork 8002 tidy\n"),
    ("group.service", "[Service]\nExecStart=/usr/local/bin/prefork 8003\n"),
    ("runit.service", "[Service]\nExecStart=/usr/bin/runsvdir -P /srv/runit\nKillSignal=HUP\n"),
];

#[test]
fn children_that_a_stop_does_not_reach_are_not_said_to_end() {
    let Some(booted) = boot(&["supervisord", "runsvdir"]) else { return };
    booted.program("/usr/local/bin/prefork", PREFORK);
    booted.units(UNITS);
    booted.write(
        "/etc/supervisor/conf.d/test.conf",
        "[program:bare]\ncommand=/usr/local/bin/prefork 8011\n\
         [program:tidy]\ncommand=/usr/local/bin/prefork 8012 tidy\n\
         [program:group]\ncommand=/usr/local/bin/prefork 8013\nstopasgroup=true\n",
    );
    for (name, arguments) in [("bare", "8021"), ("tidy", "8022 tidy")] {
        let run = format!("#!/bin/sh\nexec /usr/local/bin/prefork {arguments}\n");
        booted.program(&format!("/srv/runit/{name}/run"), &run);
    }
    booted.sh("systemctl start bare tidy group supervisor runit");
    for port in [8001, 8002, 8003, 8011, 8012, 8013, 8021, 8022] {
        booted.wait_answer(port);
    }
    let supervisorctl = "/usr/bin/supervisorctl -c /etc/supervisor/supervisord.conf stop";
    is_left(&booted, 8001, "bare.service", "systemctl stop -- bare.service");
    is_left(&booted, 8011, "supervisord ", &format!("{supervisorctl} bare"));
    is_left(&booted, 8021, "runsv ", "/usr/bin/sv down /srv/runit/bare");
    let kept = [
        (8002, "tidy.service"),
        (8003, "group.service"),
        (8012, "supervisord "),
        (8013, "supervisord "),
        (8022, "runsv "),
    ];
    for (port, keeper) in kept {
        booted.follow(port, keeper);
        booted.stays_silent(port, Duration::from_millis(200));
    }
}

/// The children serve on when the command was run, as is said; and are ended by a kill then.
fn is_left(booted: &Booted, port: u16, keeper: &str, command: &str) {
    let plan = booted.plan(port);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    assert_eq!(plan.keeper(keeper)["ends_holder"], Value::Null);
    plan.must_say(&format!("{command} keeps it from that, but may leave the process itself"));
    booted.sh(command);
    booted.wait_answer(port);
    let output = booted.kill(&[&port.to_string()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    booted.stays_silent(port, Duration::from_millis(1_500));
}
