//! Settings of systemd by which a stop does less than its name says, or more.

use std::time::Duration;

use serde_json::Value;

use crate::booted::{Booted, boot};

const UNITS: &[(&str, &str)] = &[
    (
        "winch.service",
        "[Service]\nKillSignal=WINCH\nSendSIGKILL=no\nTimeoutStopSec=1\n\
         ExecStart=/usr/local/bin/serve 8001\n",
    ),
    ("other.service", "[Service]\nExecStart=/usr/local/bin/serve 8002\n"),
    (
        "stops.service",
        "[Service]\nExecStart=/usr/local/bin/serve 8003\nExecStop=/bin/systemctl stop other\n",
    ),
    (
        "starts.service",
        "[Service]\nExecStart=/usr/local/bin/serve 8004\nExecStopPost=/usr/local/bin/after\n",
    ),
    ("next.service", "[Service]\nExecStart=/usr/local/bin/serve 8004\n"),
    (
        "self.service",
        "[Service]\nExecStart=/usr/local/bin/serve 8005\n\
         ExecStopPost=/bin/systemctl --no-block restart self.service\n",
    ),
    ("accept.socket", "[Socket]\nListenStream=8006\nAccept=yes\n"),
    ("accept@.service", "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n"),
];

#[test]
fn a_stop_does_what_its_settings_say() {
    let Some(booted) = boot(&[]) else { return };
    booted.units(UNITS);
    booted.program("/usr/local/bin/after", "#!/bin/sh\nsystemctl start --no-block next\n");
    booted.sh("systemctl start winch other stops starts self accept.socket");
    for port in 8001..=8005 {
        booted.wait_answer(port);
    }
    a_signal_that_ends_nothing(&booted);
    a_stop_that_stops_another_unit(&booted);
    a_stop_that_starts_another_unit(&booted);
    a_stop_that_starts_itself(&booted);
    a_service_for_each_connection(&booted);
}

fn a_signal_that_ends_nothing(booted: &Booted) {
    let plan = booted.plan(8001);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("stop -- winch.service keeps it from that, but may leave the process itself");
    booted.sh("systemctl stop -- winch.service || true");
    booted.wait_answer(8001);
    assert_eq!(booted.kill(&["8001"]).status.code(), Some(0));
}

fn a_stop_that_stops_another_unit(booted: &Booted) {
    let plan = booted.plan(8003);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("systemctl stop -- stops.service stops it, and with it other.service");
    booted.sh("systemctl stop -- stops.service");
    assert_eq!(booted.ask(8002), None, "as was said");
}

fn a_stop_that_starts_another_unit(booted: &Booted) {
    let plan = booted.plan(8004);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("systemd may then start next.service (OnSuccess=, OnFailure=, ExecStopPost=)");
    let before = booted.wait_answer(8004);
    booted.sh("systemctl stop -- starts.service");
    assert_ne!(booted.wait_answer(8004), before, "as was said");
}

fn a_stop_that_starts_itself(booted: &Booted) {
    let plan = booted.plan(8005);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("self.service starts it again (Restart=no, but its ExecStopPost= does)");
    plan.must_say("stop -- self.service does not last, since self.service starts it again");
    let before = booted.wait_answer(8005);
    booted.sh("systemctl stop -- self.service || true");
    assert_ne!(booted.wait_answer(8005), before, "as was said");
}

/// The listener alone is given up, and is not all that stands against a bind.
fn a_service_for_each_connection(booted: &Booted) {
    booted
        .sh("systemd-run -q --unit client bash -c 'exec 3<>/dev/tcp/127.0.0.1/8006; read -r x <&3'
         until systemctl show -p NConnections accept.socket | grep -q =1; do sleep 0.05; done");
    let plan = booted.follow(8006, "accept.socket");
    plan.must_say("Accept=yes: a service for each connection, of which 1 goes on without it");
    booted.stays_silent(8006, Duration::from_millis(200));
    let running = booted.sh("systemctl list-units --no-legend 'accept@*'");
    assert!(running.contains("running"), "{running}");
    let report: Value =
        serde_json::from_slice(&booted.sockpit(&["why", "8006", "--json"]).stdout).unwrap();
    assert_eq!(report["bindable"], false, "{report:#}");
}
