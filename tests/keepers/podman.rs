//! Podman: root's, whose monitor holds the published ports; a user's, with its forwarders; and
//! containers that a unit runs, as quadlet writes it.

use std::time::Duration;

use crate::booted::{Booted, boot};
use crate::image::{WEB, prepare};

const PROGRAMS: [&str; 4] = ["podman", "conmon", "runc", "busybox"];

/// What quadlet makes of a `.container` file. Debian's podman is too old to have it.
const QUADLET: &str = "[Service]\nRestart=always\nEnvironment=PODMAN_SYSTEMD_UNIT=%n\n\
    KillMode=mixed\nDelegate=yes\nType=notify\nNotifyAccess=all\n\
    ExecStop=/usr/bin/podman rm -v -f -i quad\nSyslogIdentifier=%N\n\
    ExecStart=/usr/bin/podman run --name=quad --replace --rm --cgroups=split --sdnotify=conmon -d \
    -p 8003:80 --stop-signal KILL web httpd -f -h /www -p 80\n";

/// Its container has a control group of its own, and does not hear TERM.
const PLAIN: &str = "[Service]\nRestart=always\nTimeoutStopSec=1\n\
    ExecStart=/usr/bin/podman run --rm --name plain -p 8006:80 web httpd -f -h /www -p 80\n";

/// Nothing but image, command, port and time tells which container it is for.
const LOOP: &str = "#!/bin/sh\nwhile :; do\n  podman run --rm -p 8007:80 web \\\n    \
    sh -c 'trap \"exit 0\" TERM; httpd -f -h /www -p 80 & wait'\n  sleep 0.1\ndone\n";

#[test]
fn a_container_of_roots_podman_is_stopped_and_not_its_monitor() {
    let Some(booted) = boot(&PROGRAMS) else { return };
    prepare(&booted);
    let looping = "[Service]\nRestart=always\nExecStart=/srv/again\n";
    booted.program("/srv/again", LOOP);
    let units = [("quad.service", QUADLET), ("plain.service", PLAIN), ("loop.service", looping)];
    booted.units(&units);
    booted.sh(&format!(
        "podman import -q /tmp/image.tar web
         podman run -d --name web --restart always -p 8001:80 {WEB} 80
         podman run -d --name beside -p 8002:80 {WEB} 80
         podman run -d --name direct --net host {WEB} 8004
         podman pod create --name pod -p 8005:80 --infra-image localhost/web --infra-command pause
         podman run -d --name inpod --pod pod {WEB} 80
         podman run -d --name idle --pod pod {WEB} 81
         systemctl start quad plain loop"
    ));
    for port in 8001..=8007 {
        booted.wait_answer(port);
    }
    a_port_that_the_monitor_holds(&booted);
    a_container_that_a_unit_runs(&booted);
    a_port_of_a_pod(&booted);
    a_container_that_outlives_its_unit(&booted);
    a_container_that_a_loop_runs(&booted);
    booted.follow(8004, "direct");
    booted.wait_answer(8002);
}

/// Its own container only holds the network; who serves is in another one, and lives on when that is
/// stopped.
fn a_port_of_a_pod(booted: &Booted) {
    let plan = booted.plan(8005);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("which is in another container");
    plan.must_say("stops it, and with it container idle");
    booted.sh("podman rm -f idle");
    booted.follow(8005, "pod");
    assert_eq!(booted.sh("podman inspect -f '{{.State.Status}}' inpod"), "exited\n");
    booted.wait_answer(8002);
}

fn a_port_that_the_monitor_holds(booted: &Booted) {
    let plan = booted.plan(8001);
    assert!(plan.is_protected());
    plan.must_say("container web would run on without its monitor");
    let output = booted.kill(&["8001"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    booted.wait_answer(8001);
    let plan = booted.follow(8001, "web");
    plan.must_say("only holds it for container web (podman)");
    booted.stays_silent(8001, Duration::from_millis(500));
    booted.wait_answer(8002);
}

/// The unit starts another container in place of one that is stopped.
fn a_container_that_a_unit_runs(booted: &Booted) {
    let plan = booted.plan(8003);
    plan.must_say("does not last, since quad.service starts it again");
    let before = booted.sh("podman inspect -f '{{.Id}}' quad");
    booted.sh("podman stop quad");
    booted.wait_answer(8003);
    assert_ne!(booted.sh("podman inspect -f '{{.Id}}' quad"), before);
    booted.follow(8003, "quad.service");
    booted.stays_silent(8003, Duration::from_secs(1));
    booted.wait_answer(8002);
}

/// What lasts is the unit's stop, with which the loop ends.
fn a_container_that_a_loop_runs(booted: &Booted) {
    let plan = booted.plan(8007);
    plan.must_say(" does not last, since again ");
    plan.must_say(" --tree does not last, since loop.service starts it again");
    booted.follow(8007, "loop.service");
    booted.stays_silent(8007, Duration::from_secs(1));
}

/// The unit's stop ends the client and the monitor, as is said.
fn a_container_that_outlives_its_unit(booted: &Booted) {
    let plan = booted.plan(8006);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    let words = "systemctl stop -- plain.service keeps it from that, but may leave the process";
    plan.must_say(words);
    plan.must_say("podman stop -- plain does not last, since plain.service starts it again");
    let first = booted.sh("podman inspect -f '{{.State.Pid}}' plain");
    booted.sh("systemctl stop -- plain.service");
    booted.sh(&format!("kill -0 {first}"));
    booted.sh(&format!("kill -KILL {first}"));
}

#[test]
fn a_container_of_a_users_podman_is_stopped_as_that_user() {
    let Some(booted) = boot(&[&PROGRAMS[..], &["slirp4netns", "newuidmap", "useradd"]].concat())
    else {
        return;
    };
    prepare(&booted);
    booted.sh("useradd -m -u 2000 -s /bin/bash joe; loginctl enable-linger joe");
    booted.write("/home/joe/.config/containers/storage.conf", "[storage]\ndriver=\"vfs\"\n");
    let run = format!(
        "podman import -q /tmp/image.tar web
         podman run -d --name web -p 8001:80 {WEB} 80
         podman run -d --name beside -p 8002:80 {WEB} 80
         podman run -d --name slirp --network slirp4netns:port_handler=slirp4netns -p 8003:80 {WEB} 80
         podman run -d --name direct --net host {WEB} 8004
         podman run -d --name again -p 8005:80 {WEB} 80"
    );
    booted.write("/home/joe/run", &run);
    booted.sh("chown -R joe: /home/joe
         until systemctl --user -M joe@.host is-system-running 2>/dev/null; do sleep 0.05; done");
    as_joe(&booted, "bash -eu /home/joe/run");
    for port in 8001..=8005 {
        booted.wait_answer(port);
    }
    a_port_of_rootlessport(&booted);
    a_port_of_the_containers_network(&booted);
    booted.follow(8004, "direct");
    // That user needs no other one's name.
    let said = as_joe(&booted, "sockpit kill 8005 --dry-run");
    let narrow = said.lines().find_map(|line| line.split_once("this stops only that: "));
    let (_, command) = narrow.unwrap_or_else(|| panic!("{said}"));
    assert!(command.starts_with("/usr/bin/podman stop -- "), "{said}");
    as_joe(&booted, command.trim_end_matches('.'));
    booted.stays_silent(8005, Duration::from_millis(500));
    booted.wait_answer(8002);
}

fn as_joe(booted: &Booted, line: &str) -> String {
    let env = "env -C /home/joe HOME=/home/joe XDG_RUNTIME_DIR=/run/user/2000 \
               DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/2000/bus";
    booted.sh(&format!("runuser -u joe -- {env} {line}"))
}

fn a_port_of_rootlessport(booted: &Booted) {
    let plan = booted.follow(8001, "web");
    plan.must_say("only forwards, to container web (podman of user 2000)");
    plan.must_say("were it ended, container web would run on without its port");
    booted.stays_silent(8001, Duration::from_millis(500));
    booted.wait_answer(8002);
}

/// slirp4netns is the whole network of its container.
fn a_port_of_the_containers_network(booted: &Booted) {
    let plan = booted.plan(8003);
    assert!(plan.is_protected());
    plan.must_say("container slirp would lose the whole network");
    let output = booted.kill(&["8003"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    booted.wait_answer(8003);
    booted.follow(8003, "slirp");
    booted.wait_answer(8002);
}
