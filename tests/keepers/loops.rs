//! Scripts that start a server again and again, and what keeps them in turn.

use std::time::Duration;

use crate::booted::{Booted, boot};
use crate::image::prepare;
use crate::plans::Plan;
use crate::support::wait_for;

const UNITS: &[(&str, &str)] = &[
    (
        "kept.service",
        "[Service]\nRestart=always\n\
         ExecStart=/bin/sh -c 'while :; do /usr/local/bin/serve 8001; sleep 0.1; done'\n",
    ),
    (
        "failing.service",
        "[Service]\nRestart=on-failure\n\
         ExecStart=/bin/sh -c 'while :; do /usr/local/bin/serve 8002; sleep 0.1; done'\n",
    ),
    (
        "trap.service",
        "[Service]\n\
         ExecStart=/bin/bash -c 'trap : TERM; while :; do /usr/local/bin/serve 8003; done'\n",
    ),
    (
        "upheld.service",
        "[Service]\n\
         ExecStart=/bin/sh -c 'while :; do /usr/local/bin/serve 8005; sleep 0.1; done'\n",
    ),
    (
        "upholder.service",
        "[Unit]\nUpholds=upheld.service\n[Service]\nExecStart=/bin/sleep 100000\n",
    ),
];

#[test]
fn a_loop_that_something_keeps_is_not_ended_for_good() {
    let Some(booted) = boot(&["supervisord"]) else { return };
    booted.units(UNITS);
    booted.write(
        "/etc/supervisor/conf.d/test.conf",
        "[program:loop]\ncommand=/bin/bash -c 'while :; do /usr/local/bin/serve 8004; sleep 0.1; done'\n",
    );
    booted.sh("systemctl start kept failing trap supervisor upholder upheld");
    for port in 8001..=8005 {
        booted.wait_answer(port);
    }
    a_loop_in_a_unit_that_is_started_again(&booted);
    a_loop_in_a_unit_that_is_not(&booted);
    a_loop_that_traps_term(&booted);
    a_loop_below_supervisord(&booted);
    a_loop_in_a_unit_that_is_upheld(&booted);
}

/// The command of the loop itself, as the plan has it.
#[track_caller]
fn of_loop(plan: &Plan, shell: &str) -> String {
    let stop = plan.keeper(shell)["stop"].as_array().unwrap_or_else(|| panic!("{plan:#?}"));
    stop.iter().map(|word| word.as_str().unwrap()).collect::<Vec<&str>>().join(" ")
}

/// Runs it, and waits until another process answers.
fn is_undone(booted: &Booted, port: u16, command: &str) {
    let before = booted.wait_answer(port);
    booted.sh(&format!("{command} --yes"));
    wait_for("another process to answer", || (booted.wait_answer(port) != before).then_some(()));
}

fn a_loop_in_a_unit_that_is_started_again(booted: &Booted) {
    let plan = booted.plan(8001);
    let command = of_loop(&plan, "sh ");
    plan.must_say(&format!("{command} does not last, since kept.service starts it again"));
    assert!(plan.first().contains("kept.service"), "{plan:#?}");
    is_undone(booted, 8001, &command);
    booted.follow(8001, "kept.service");
    booted.stays_silent(8001, Duration::from_millis(500));
}

/// TERM is a clean end to systemd.
fn a_loop_in_a_unit_that_is_not(booted: &Booted) {
    let plan = booted.plan(8002);
    let command = of_loop(&plan, "sh ");
    plan.must_say(&format!("this stops only that: {command}"));
    booted.sh(&format!("{command} --yes"));
    booted.wait_silent(8002);
    booted.stays_silent(8002, Duration::from_millis(500));
}

/// TERM alone ends the server, which is started again meanwhile.
fn a_loop_that_traps_term(booted: &Booted) {
    let plan = booted.plan(8003);
    let command = of_loop(&plan, "bash ");
    plan.must_say(&format!("this stops only that: {command}"));
    plan.must_say("traps TERM, and its trap does not exit");
    let before = booted.wait_answer(8003);
    booted.kill(&["8003"]);
    assert_ne!(booted.wait_answer(8003), before);
    booted.sh(&format!("{} --yes", of_loop(&booted.plan(8003), "bash ")));
    booted.wait_silent(8003);
    booted.stays_silent(8003, Duration::from_millis(500));
}

fn a_loop_below_supervisord(booted: &Booted) {
    let plan = booted.plan(8004);
    let command = of_loop(&plan, "bash ");
    plan.must_say(&format!("{command} does not last, since supervisord "));
    assert!(plan.first().contains("(loop)"), "{plan:#?}");
    is_undone(booted, 8004, &command);
    booted.sh("supervisorctl stop loop");
    assert_eq!(booted.kill(&["8004"]).status.code(), Some(0));
    booted.stays_silent(8004, Duration::from_secs(1));
}

fn a_loop_in_a_unit_that_is_upheld(booted: &Booted) {
    let plan = booted.plan(8005);
    let command = of_loop(&plan, "sh ");
    plan.must_say(&format!("{command} does not last, since upholder.service starts it again"));
    is_undone(booted, 8005, &command);
}

#[test]
fn a_loop_that_is_a_containers_first_process_is_stopped_with_that() {
    let Some(booted) = boot(&["docker", "dockerd", "runc", "busybox", "iptables"]) else { return };
    prepare(&booted);
    booted.sh("systemctl start docker; docker import /tmp/image.tar web
         docker run -d --net host --name loop --restart always web \
             sh -c 'while :; do httpd -f -h /www -p 8001; sleep 1; done'");
    booted.wait_answer(8001);
    let plan = booted.plan(8001);
    plan.must_say("it is the first process of container loop, and is stopped with that");
    // TERM ends the server alone, which the loop starts again.
    booted.kill(&["8001"]);
    booted.wait_answer(8001);
    booted.follow(8001, "loop");
    booted.stays_silent(8001, Duration::from_secs(1));
}

/// What ends by TERM, as the first process of a container.
const CONTAINER: &str = "web sh -c 'trap \"exit 0\" TERM; httpd -f -h /www -p 80 & wait'";

#[test]
fn a_container_that_a_loop_runs_is_started_again_by_that() {
    let programs = ["docker", "dockerd", "runc", "busybox", "iptables", "supervisord"];
    let Some(booted) = boot(&programs) else { return };
    prepare(&booted);
    for (name, arguments) in [("unit", "--name inunit -p 8001:80"), ("bare", "-p 8002:80")] {
        let run = format!("docker run --rm {arguments} {CONTAINER}");
        let script = format!("#!/bin/sh\nwhile :; do\n  {run}\n  sleep 0.1\ndone\n");
        booted.program(&format!("/srv/{name}"), &script);
    }
    booted
        .program("/srv/once", &format!("#!/bin/sh\nexec docker run --rm -p 8003:80 {CONTAINER}\n"));
    booted.units(&[("looping.service", "[Service]\nExecStart=/srv/unit\n")]);
    booted.write("/etc/supervisor/conf.d/test.conf", "[program:once]\ncommand=/srv/once\n");
    booted.sh("systemctl start docker; docker import /tmp/image.tar web
         systemctl start looping supervisor
         setsid /srv/bare >/dev/null 2>&1 &");
    for port in 8001..=8003 {
        booted.wait_answer(port);
    }
    a_stop_that_the_loop_undoes(&booted);
    for (port, shell) in [(8001, "unit "), (8002, "bare ")] {
        let command = of_loop(&booted.plan(port), shell);
        booted.plan(port).must_say(&format!("this stops only that: {command}"));
        booted.sh(&format!("{command} --yes"));
        booted.wait_silent(port);
        booted.stays_silent(port, Duration::from_secs(1));
    }
    booted.plan(8003).must_say(" does not last, since supervisord ");
    booted.follow(8003, "supervisord ");
    booted.stays_silent(8003, Duration::from_secs(1));
}

fn a_stop_that_the_loop_undoes(booted: &Booted) {
    let plan = booted.plan(8001);
    plan.must_say("docker stop -- inunit does not last, since unit ");
    let before = booted.sh("docker inspect -f '{{.Id}}' inunit");
    booted.sh("docker stop inunit");
    wait_for("another container", || {
        let now = booted.command("docker").args(["inspect", "-f", "{{.Id}}", "inunit"]).output();
        let now = String::from_utf8_lossy(&now.unwrap().stdout).into_owned();
        (!now.trim().is_empty() && now != before).then_some(())
    });
    booted.wait_answer(8001);
}
