//! Units of a real systemd.

use std::time::Duration;

use crate::booted::boot;

#[test]
fn a_unit_is_stopped_as_the_plan_says() {
    let Some(booted) = boot(&[]) else { return };
    booted.units(&[(
        "web.service",
        "[Service]\nExecStart=/usr/local/bin/serve 8001\nRestart=always\nRestartSec=100ms\n",
    )]);
    booted.sh("systemctl start web");
    booted.wait_answer(8001);
    let output = booted.sockpit(&["kill", "8001", "--dry-run"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("systemctl stop -- web.service"), "{output:?}");
    booted.sh("systemctl stop -- web.service");
    booted.stays_silent(8001, Duration::from_secs(1));
}
