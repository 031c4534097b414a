//! Keepers that take longer than anybody would wait, and those that do not come back at all: a
//! port is called free when it stays so.

use std::thread;

use serde_json::Value;

use crate::booted::{Booted, boot};

const UNITS: &[(&str, &str)] = &[
    (
        "before.service",
        "[Service]\nRestart=always\nExecStartPre=/bin/sleep 5\n\
         ExecStart=/usr/local/bin/serve 8001\n",
    ),
    (
        "within.service",
        "[Service]\nRestart=always\nExecStart=/bin/sh -c 'sleep $PAUSE; exec /usr/local/bin/serve 8002'\n\
         EnvironmentFile=/run/pause\n",
    ),
    ("runit.service", "[Service]\nExecStart=/usr/bin/runsvdir -P /srv/runit\nKillSignal=HUP\n"),
    ("s6.service", "[Service]\nExecStart=/usr/bin/s6-svscan /srv/s6\n"),
    (
        "loop.service",
        "[Service]\nExecStart=/bin/sh -c 'while :; do /usr/local/bin/serve 8005; sleep 6; done'\n",
    ),
    (
        "never.service",
        "[Service]\nRestart=always\nRestartSec=infinity\nExecStart=/usr/local/bin/serve 8006\n",
    ),
    (
        "unless.service",
        "[Service]\nRestart=always\nRestartPreventExitStatus=TERM\n\
         ExecStart=/usr/local/bin/serve 8007\n",
    ),
    (
        "forced.service",
        "[Service]\nRestart=no\nRestartForceExitStatus=TERM\nExecStart=/usr/local/bin/serve 8008\n",
    ),
];

#[test]
fn a_port_is_free_when_it_stays_so() {
    let Some(booted) = boot(&["runsvdir", "s6-svscan"]) else { return };
    booted.units(UNITS);
    booted.write("/run/pause", "PAUSE=0\n");
    for (name, port) in [("runit", 8003), ("s6", 8004)] {
        let run = format!("#!/bin/sh\nexec /usr/local/bin/serve {port}\n");
        booted.program(&format!("/srv/{name}/web/run"), &run);
        booted.program(&format!("/srv/{name}/web/finish"), "#!/bin/sh\nexec sleep 4\n");
    }
    booted.sh("systemctl start --no-block before
         systemctl start within runit s6 loop never unless forced");
    for port in 8001..=8008 {
        booted.wait_answer(port);
    }
    // The next start takes longer than is watched for.
    booted.write("/run/pause", "PAUSE=60\n");
    thread::scope(|scope| {
        let tests: [fn(&Booted); 8] = [
            |booted| comes_back(booted, 8001),
            a_start_that_takes_too_long,
            |booted| comes_back(booted, 8003),
            |booted| comes_back(booted, 8004),
            a_loop_that_sleeps,
            |booted| is_free(booted, 8006),
            |booted| is_free(booted, 8007),
            |booted| comes_back(booted, 8008),
        ];
        for test in tests {
            let booted = &booted;
            scope.spawn(move || test(booted));
        }
    });
}

fn outcome(booted: &Booted, port: u16) -> (Option<i32>, Value) {
    let output = booted.kill(&[&port.to_string(), "--json"]);
    let outcome = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), outcome)
}

/// The watch lasts until it does, or it is said who brings it back.
#[track_caller]
fn comes_back(booted: &Booted, port: u16) {
    let (code, outcome) = outcome(booted, port);
    assert_eq!(code, Some(1), "{outcome:#}");
    let foretold = outcome["port_reason"].as_str().unwrap();
    let is_free = outcome["port_free"].as_bool().unwrap();
    assert_eq!(is_free, foretold.contains("is free now; "), "{outcome:#}");
    booted.wait_answer(port);
}

fn is_free(booted: &Booted, port: u16) {
    let (code, outcome) = outcome(booted, port);
    assert_eq!((code, &outcome["port_free"]), (Some(0), &Value::Bool(true)), "{outcome:#}");
    assert_eq!(booted.ask(port), None);
}

fn a_start_that_takes_too_long(booted: &Booted) {
    let (code, outcome) = outcome(booted, 8002);
    assert_eq!((code, &outcome["port_free"]), (Some(1), &Value::Bool(true)), "{outcome:#}");
    let reason = outcome["port_reason"].as_str().unwrap();
    let expected = "8002/tcp is free now; within.service has started process ";
    assert!(reason.starts_with(expected), "{reason}");
}

/// Nobody can be asked: that its script loops is all that is known.
fn a_loop_that_sleeps(booted: &Booted) {
    let plan = booted.plan(8005);
    plan.must_say("may start it again (its script has a loop)");
    let (code, outcome) = outcome(booted, 8005);
    assert_eq!(code, Some(1), "{outcome:#}");
    booted.wait_answer(8005);
}
