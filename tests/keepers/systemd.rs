//! Units of a real systemd: of the system, and of a user.

use std::time::Duration;

use serde_json::Value;

use crate::booted::{Booted, boot, stdout};

const UNITS: &[(&str, &str)] = &[
    ("quick@.service", "[Service]\nExecStart=/usr/local/bin/serve %i\nRestart=always\n"),
    (
        "slow.service",
        "[Service]\nExecStart=/usr/local/bin/serve 8003\nRestart=always\nRestartSec=2\n",
    ),
    ("act.socket", "[Socket]\nListenStream=8004\n"),
    ("act.service", "[Service]\nExecStart=/usr/local/bin/serve\n"),
    ("beside.socket", "[Socket]\nListenStream=8005\n"),
    ("beside.service", "[Service]\nExecStart=/usr/local/bin/serve\n"),
    (
        "left.service",
        "[Service]\nKillMode=process\n\
         ExecStart=/bin/sh -c '/usr/local/bin/serve 8006 & exec sleep 10000'\n",
    ),
    (
        "nostop.service",
        "[Unit]\nRefuseManualStop=yes\n\
         [Service]\nExecStart=/usr/local/bin/serve 8007\nRestart=always\n",
    ),
    ("upheld.service", "[Service]\nExecStart=/usr/local/bin/serve 8008\n"),
    (
        "store.service",
        "[Service]\nType=notify\nNotifyAccess=all\nFileDescriptorStoreMax=1\n\
         ExecStart=/usr/local/bin/store 8010\n",
    ),
    ("clock.timer", "[Timer]\nOnUnitInactiveSec=500ms\nOnActiveSec=0\nAccuracySec=1ms\n"),
    ("clock.service", "[Service]\nExecStart=/usr/local/bin/serve 8015\n"),
    ("two.socket", "[Socket]\nListenStream=8011\nListenStream=8012\n"),
    ("two.service", "[Service]\nExecStart=/usr/local/bin/all\n"),
    ("twin-a.socket", "[Socket]\nListenStream=8013\nService=twin.service\n"),
    ("twin-b.socket", "[Socket]\nListenStream=8014\nService=twin.service\n"),
    ("twin.service", "[Service]\nExecStart=/usr/local/bin/all\n"),
    (
        "upholder.service",
        "[Unit]\nUpholds=upheld.service\n[Service]\nExecStart=/usr/local/bin/serve 8009\n",
    ),
];

/// A server that gives its listener to systemd to keep (`sd_pid_notify_with_fds(3)`).
const STORE: &str = r#"#!/usr/bin/python3
import array, os, socket, sys
listener = socket.socket()
listener.bind(("0.0.0.0", int(sys.argv[1])))
listener.listen(16)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"])
right = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener.fileno()]))
notify.sendmsg([b"FDSTORE=1\nREADY=1"], [right])
while True:
    client, _ = listener.accept()
    client.sendall(b"stored\n")
    client.recv(1024)
    client.close()
"#;

/// A server of all listeners that systemd hands over.
const ALL: &str = "#!/usr/bin/python3\nimport os, selectors, socket\n\
    ready = selectors.DefaultSelector()\n\
    for fd in range(3, 3 + int(os.environ['LISTEN_FDS'])):\n    \
    ready.register(socket.socket(fileno=fd), selectors.EVENT_READ)\n\
    while True:\n    for key, _ in ready.select():\n        \
    client, _ = key.fileobj.accept()\n        \
    client.sendall(b'%d\\n' % os.getpid())\n        client.close()\n";

#[test]
fn units_are_stopped_as_the_plan_says() {
    let Some(booted) = boot(&[]) else { return };
    booted.units(UNITS);
    booted.program("/usr/local/bin/store", STORE);
    booted.program("/usr/local/bin/all", ALL);
    booted.sh(
        "systemctl start quick@8001 quick@8002 slow act.socket beside.socket left nostop upholder
         systemctl start store two.socket twin-a.socket twin-b.socket clock.timer",
    );
    for port in 8001..=8015 {
        booted.wait_answer(port);
    }
    a_unit_that_starts_it_at_once(&booted);
    a_unit_that_takes_its_time(&booted);
    a_socket_unit(&booted);
    a_unit_whose_stop_leaves_the_process(&booted);
    a_unit_that_refuses(&booted);
    a_unit_that_is_upheld(&booted);
    a_unit_that_leaves_its_socket_with_systemd(&booted);
    a_socket_unit_with_two_ports(&booted);
    two_socket_units_of_one_service(&booted);
    a_unit_that_a_timer_starts(&booted);
}

/// The instance of a template, of which another one goes on.
fn a_unit_that_starts_it_at_once(booted: &Booted) {
    let output = booted.kill(&["8001"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("has taken 8001/tcp again, started by quick@8001.service"), "{said}");
    booted.wait_answer(8001);
    booted.follow(8001, "quick@8001.service");
    booted.stays_silent(8001, Duration::from_millis(500));
    booted.wait_answer(8002);
}

/// The watch lasts longer than the unit takes; and where it was told to be shorter, it is foretold
/// who comes back.
fn a_unit_that_takes_its_time(booted: &Booted) {
    let output = booted.kill(&["8003", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["port_free"], false, "{outcome:#}");
    assert_eq!(outcome["respawned"]["supervisor"], "slow.service", "{outcome:#}");
    booted.wait_answer(8003);

    let output = booted.kill(&["8003", "--watch", "100ms", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    let foretold = "8003/tcp is free now; slow.service brings it back in about 2 s";
    assert_eq!(outcome["port_reason"], foretold, "{outcome:#}");
    assert_eq!(outcome["port_free"], true, "{outcome:#}");
    booted.wait_answer(8003);
    booted.follow(8003, "slow.service");
}

/// Systemd itself holds the port: it is protected, and only the one socket unit is stopped, with
/// the service that it has started.
fn a_socket_unit(booted: &Booted) {
    assert!(booted.plan(8004).is_protected());
    let output = booted.kill(&["8004"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    booted.wait_answer(8004);
    booted.follow(8004, "act.socket");
    booted.wait_answer(8005);
}

/// Its other port goes along, which is said.
fn a_socket_unit_with_two_ports(booted: &Booted) {
    let plan = booted.plan(8011);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    let command = "systemctl stop -- two.socket two.service";
    plan.must_say(&format!("{command} stops it, and with it [::]:8012/tcp of two.socket"));
    assert_eq!(plan.count(command), 1, "{plan:#?}");
    booted.why_offers_no_stop(8011);
    booted.wait_answer(8012);
    booted.sh(command);
    assert_eq!((booted.ask(8011), booted.ask(8012)), (None, None), "as was said");
}

/// The other one starts the service again, which gets no socket of the one that was stopped.
fn two_socket_units_of_one_service(booted: &Booted) {
    let plan = booted.follow(8013, "twin-a.socket");
    let command = "systemctl stop -- twin-a.socket twin.service";
    assert_eq!(plan.narrow(), [format!("/usr/bin/{command}")]);
    assert_eq!(plan.count(command), 1, "{plan:#?}");
    booted.wait_answer(8014);
    booted.stays_silent(8013, Duration::from_millis(500));
}

/// The service itself does not start again.
fn a_unit_that_a_timer_starts(booted: &Booted) {
    let plan = booted.plan(8015);
    assert_eq!(plan.keeper("clock.service")["restarts"], false);
    let output = booted.kill(&["8015"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("has taken 8015/tcp again, started by clock.timer"), "{said}");
    booted.wait_answer(8015);
    let command = plan.keeper("clock.timer")["stop"].as_array().unwrap().iter();
    let command: Vec<&str> = command.map(|word| word.as_str().unwrap()).collect();
    booted.sh(&command.join(" "));
    booted.stays_silent(8015, Duration::from_millis(1_500));
}

fn a_unit_whose_stop_leaves_the_process(booted: &Booted) {
    let plan = booted.plan(8006);
    assert_eq!(plan.keeper("left.service")["stop"], Value::Null);
    plan.must_say("leaves this process running (KillMode=process)");
    booted.sh("systemctl stop left.service");
    booted.wait_answer(8006);
    let output = booted.kill(&["8006"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("8006/tcp is free"), "{output:?}");
}

fn a_unit_that_refuses(booted: &Booted) {
    let plan = booted.plan(8007);
    assert_eq!(plan.keeper("nostop.service")["stop"], Value::Null);
    plan.must_say("systemd refuses to stop it by hand");
    let output = booted.command("systemctl").args(["stop", "nostop.service"]).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    booted.wait_answer(8007);
}

/// The narrow command does not last, and is not offered as one that does; the one that lasts stops
/// another service, and says so.
fn a_unit_that_is_upheld(booted: &Booted) {
    let plan = booted.plan(8008);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("does not last, since upholder.service starts it again");
    let wide = "systemctl stop -- upholder.service upheld.service stops it, and with it upholder";
    plan.must_say(wide);
    let before = booted.wait_answer(8008);
    booted.sh("systemctl stop -- upheld.service");
    assert_ne!(booted.wait_answer(8008), before, "it was started again");
    booted.sh("systemctl stop -- upholder.service upheld.service");
    booted.stays_silent(8008, Duration::from_millis(500));
    assert_eq!(booted.ask(8009), None, "as was said");
}

/// Pid 1 holds it as well, for a service and for no socket unit.
fn a_unit_that_leaves_its_socket_with_systemd(booted: &Booted) {
    let plan = booted.follow(8010, "store.service");
    assert!(plan.is_protected());
    plan.must_say("systemd holds the socket for store.service");
    booted.stays_silent(8010, Duration::from_millis(200));
}

#[test]
fn a_users_units_are_stopped_by_that_users_manager() {
    let Some(booted) = boot(&["loginctl", "useradd"]) else { return };
    booted.sh("useradd -m -u 2000 -s /bin/bash joe; loginctl enable-linger joe");
    let serve = "[Service]\nExecStart=/usr/local/bin/serve";
    for (name, text) in [
        ("web.service", &*format!("{serve} 8001\nRestart=always\n")),
        ("beside.service", &*format!("{serve} 8002\nRestart=always\n")),
        ("act.socket", "[Socket]\nListenStream=8003\n"),
        ("act.service", &*format!("{serve}\n")),
    ] {
        booted.write(&format!("/home/joe/.config/systemd/user/{name}"), text);
    }
    booted.sh("chown -R joe: /home/joe
         until systemctl --user -M joe@.host daemon-reload 2>/dev/null; do sleep 0.05; done
         systemctl --user -M joe@.host start web beside act.socket");
    booted.wait_answer(8001);
    booted.follow(8001, "web.service");
    booted.stays_silent(8001, Duration::from_millis(500));
    booted.wait_answer(8002);

    let plan = booted.plan(8003);
    assert!(plan.is_protected());
    plan.must_say("every process of that user ends with it");
    assert!(!plan.says("Left behind"), "{plan:#?}");
    let output = booted.kill(&["8003"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    let command =
        "this stops only that: /usr/bin/systemctl --user -M 2000@.host stop -- act.socket";
    assert!(said.trim_end().ends_with(command), "{said}");
    booted.wait_answer(8003);
    booted.follow(8003, "act.socket");
    booted.wait_answer(8002);
}
