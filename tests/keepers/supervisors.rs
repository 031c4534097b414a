//! Debian's cron, supervisord, runit and s6, each below a unit of its own.

use std::time::Duration;

use serde_json::Value;

use crate::booted::{Booted, boot};
use crate::support::wait_for;

#[test]
fn what_a_supervisor_runs_is_stopped_by_it_alone() {
    let programs = ["cron", "supervisorctl", "sv", "runsvdir", "s6-svc", "s6-svscan", "monit"];
    let Some(booted) = boot(&programs) else { return };
    start_cron(&booted);
    start_supervisord(&booted);
    start_services(&booted, "runit", 8020, "runsvdir -P /srv/runit");
    start_services(&booted, "s6", 8030, "s6-svscan /srv/s6");
    start_monit(&booted);
    for port in [
        8001, 8015, 8016, 8017, 8041, 8042, 8011, 8012, 8013, 8014, 8021, 8022, 8023, 8024, 8031,
        8032, 8033, 8034,
    ] {
        booted.wait_answer(port);
    }
    a_job_of_cron(&booted);
    a_service_directory(&booted, 8020, "runsv ", "/usr/bin/sv down /srv/runit/web");
    a_service_directory(&booted, 8030, "s6-supervise ", "/usr/bin/s6-svc -d /srv/s6/web");
    a_script_that_goes_on(&booted, 8025);
    a_script_that_starts_it_as_a_child(&booted, 8026);
    a_service_that_ignores_term(&booted, 8023, "/usr/bin/sv force-stop /srv/runit/deaf");
    a_service_that_ignores_term(&booted, 8033, "/usr/bin/s6-svc -dk /srv/s6/deaf");
    a_service_that_is_started_once(&booted, 8024, "sv once /srv/runit/once");
    a_service_that_is_started_once(&booted, 8034, "s6-svc -o /srv/s6/once");
    programs_of_supervisord(&booted);
    a_process_that_monit_looks_after(&booted);
}

fn start_cron(booted: &Booted) {
    // That is when cron starts: no test waits for a full minute.
    booted.write("/etc/cron.d/web", "@reboot root exec /usr/local/bin/serve 8001\n");
    booted.sh("systemctl start cron");
}

/// As Debian ships it. One program is started through a shell that stays.
fn start_supervisord(booted: &Booted) {
    booted.write(
        "/etc/supervisor/conf.d/test.conf",
        "[program:web]\ncommand=/usr/local/bin/serve 8011\n\
         [program:beside]\ncommand=/usr/local/bin/serve 8012\n\
         [program:shell]\ncommand=/bin/bash -c '/usr/local/bin/serve 8013; true'\n\
         [program:whole]\ncommand=/bin/bash -c '/usr/local/bin/serve 8015; true'\n\
         stopasgroup=true\n\
         [program:inner]\ncommand=/usr/local/bin/serve 8014\n\
         [group:grouped]\nprograms=inner\n",
    );
    // Two more beside it, each with a program of the same name, told of by their directory alone;
    // the configuration of the second one says nothing to supervisorctl.
    let control = "[supervisorctl]\nserverurl=unix://%(here)s/s.sock\n";
    for (name, port, control) in [("own", 8016, control), ("bare", 8017, "")] {
        let text = format!(
            "[supervisord]\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=%(here)s/pid\n\
             [unix_http_server]\nfile=%(here)s/s.sock\n[rpcinterface:supervisor]\n\
             supervisor.rpcinterface_factory = \
             supervisor.rpcinterface:make_main_rpcinterface\n\
             {control}[program:web]\ncommand=/usr/local/bin/serve {port}\n"
        );
        booted.write(&format!("/srv/{name}/supervisord.conf"), &text);
        let unit =
            format!("[Service]\nWorkingDirectory=/srv/{name}\nExecStart=/usr/bin/supervisord -n\n");
        booted.units(&[(&format!("{name}.service"), &unit)]);
    }
    booted.sh("systemctl start supervisor own bare");
}

/// Service directories below one unit, one of which ignores TERM.
fn start_services(booted: &Booted, name: &str, base: u16, scan: &str) {
    for (service, port) in
        [("web", base + 1), ("beside", base + 2), ("deaf", base + 3), ("once", base + 4)]
    {
        let first = if service == "deaf" { "trap '' TERM\n" } else { "" };
        let run = format!("#!/bin/sh\n{first}exec /usr/local/bin/serve {port}\n");
        booted.program(&format!("/srv/{name}/{service}/run"), &run);
    }
    // Children of their scripts, of which one goes on to something else.
    let goes_on = format!("#!/bin/sh\n/usr/local/bin/serve {}\nexec sleep 1000\n", base + 5);
    booted.program(&format!("/srv/{name}/goes-on/run"), &goes_on);
    let child = format!("#!/bin/sh\n/usr/local/bin/serve {}\nexit 0\n", base + 6);
    booted.program(&format!("/srv/{name}/child/run"), &child);
    let unit = format!("[Service]\nExecStart=/usr/bin/{scan}\nKillSignal=HUP\n");
    booted.units(&[(&format!("{name}.service"), &unit)]);
    booted.sh(&format!("systemctl start {name}"));
}

/// Two processes that are no children of monit's, of which one port is looked after.
fn start_monit(booted: &Booted) {
    let mut settings = "set daemon 1\nset httpd unixsocket /run/monit.sock\n  allow localhost\n\
        set idfile /run/monit.id\nset statefile /run/monit.state\nset pidfile /run/monit.pid\n"
        .to_owned();
    for (name, port) in [("web", 8041), ("beside", 8042)] {
        let file = format!("/run/{name}.pid");
        let start = format!("setsid /usr/local/bin/serve {port} & echo $! >{file}");
        booted.program(&format!("/srv/monit/{name}"), &format!("#!/bin/sh\n{start}\n"));
        settings += &format!(
            "check process {name} with pidfile {file}\n  start program = \"/srv/monit/{name}\"\n  \
             stop program = \"/bin/sh -c 'kill $(cat {file})'\"\n"
        );
    }
    booted.write("/srv/monit/monitrc", &settings);
    booted.units(&[(
        "watch.service",
        "[Service]\nExecStart=/usr/bin/monit -I -c /srv/monit/monitrc\n",
    )]);
    booted.sh("chmod 600 /srv/monit/monitrc; systemctl start watch");
}

/// Whether its stop ends the process is for monit's configuration to say: the command is given for
/// what it does for certain.
fn a_process_that_monit_looks_after(booted: &Booted) {
    let plan = booted.plan(8041);
    let command = "/usr/bin/monit -c /srv/monit/monitrc stop web";
    plan.must_say(&format!("{command} keeps it from that, but may leave the process itself"));
    plan.keeper("monit ");
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    booted.sh(command);
    wait_for("monit to have ended it", || {
        booted.ask(8041).is_none_or(|said| said.is_empty()).then_some(())
    });
    booted.stays_silent(8041, Duration::from_millis(1_500));
    booted.wait_answer(8042);
}

/// The machine's cron is not what stops its job: the unit's stop would leave it running, so that
/// none is offered, and the job is ended by a signal.
fn a_job_of_cron(booted: &Booted) {
    let plan = booted.plan(8001);
    plan.keeper("cron ");
    assert_eq!(plan.keeper("cron.service")["stop"], Value::Null);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("a job is taken out of a crontab, not stopped");
    plan.must_say("leaves this process running (KillMode=process)");
    booted.sh("systemctl stop cron");
    booted.wait_answer(8001);
    booted.sh("systemctl start cron");
    let output = booted.kill(&["8001"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    booted.sh("systemctl is-active cron");
}

fn a_service_directory(booted: &Booted, base: u16, keeper: &str, command: &str) {
    let output = booted.kill(&[&(base + 1).to_string()]);
    assert_eq!(output.status.code(), Some(1), "it is brought back: {output:?}");
    booted.wait_answer(base + 1);
    let plan = booted.follow(base + 1, keeper);
    assert_eq!(plan.narrow(), [command]);
    booted.stays_silent(base + 1, Duration::from_millis(1_500));
    booted.wait_answer(base + 2);
}

/// runsv sees no end of its own child.
fn a_script_that_goes_on(booted: &Booted, port: u16) {
    let plan = booted.plan(port);
    plan.must_say("may start it again (once ");
    let output = booted.kill(&[&port.to_string()]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("starts it again"), "{output:?}");
    booted.stays_silent(port, Duration::from_millis(1_500));
}

/// It is runsv that starts it again, through the script, and not the unit around it.
fn a_script_that_starts_it_as_a_child(booted: &Booted, port: u16) {
    let output = booted.kill(&[&port.to_string()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("has taken {port}/tcp again, started by runsv ")), "{said}");
    booted.wait_answer(port);
}

/// What is said to stop it sends KILL; so that nothing says that it does not.
fn a_service_that_ignores_term(booted: &Booted, port: u16, command: &str) {
    let plan = booted.plan(port);
    assert_eq!(plan.narrow(), [command]);
    plan.must_say("ignores TERM");
    // sv tells by its exit code that it had to.
    booted.sh(&format!("{command} || true"));
    booted.wait_silent(port);
    booted.stays_silent(port, Duration::from_millis(1_500));
}

/// Its supervisor was told not to start it again.
fn a_service_that_is_started_once(booted: &Booted, port: u16, command: &str) {
    booted.sh(command);
    let plan = booted.plan(port);
    plan.must_say("does not start it again by itself (started once)");
    let output = booted.kill(&[&port.to_string()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    booted.stays_silent(port, Duration::from_millis(1_500));
}

fn programs_of_supervisord(booted: &Booted) {
    let own = booted.follow(8016, "supervisord ");
    let command = "/usr/bin/supervisorctl -c /srv/own/supervisord.conf stop web";
    assert_eq!(own.narrow(), [command]);
    let bare = booted.follow(8017, "supervisord ");
    assert_eq!(bare.narrow(), ["/usr/bin/supervisorctl -s unix:///srv/bare/s.sock stop web"]);
    booted.wait_answer(8011);
    let control = "/usr/bin/supervisorctl -c /etc/supervisor/supervisord.conf stop";
    let plan = booted.follow(8011, "supervisord ");
    assert_eq!(plan.narrow(), [format!("{control} web")]);
    let plan = booted.follow(8014, "supervisord ");
    assert_eq!(plan.narrow(), [format!("{control} grouped:inner")]);

    // Its whole process group is signalled, the shell's child with it.
    let plan = booted.follow(8015, "supervisord ");
    assert_eq!(plan.narrow(), [format!("{control} whole")]);

    // supervisord signals the shell, and not what the shell has started.
    let plan = booted.plan(8013);
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say(&format!("{control} shell keeps it from that, but may leave the process itself"));
    booted.sh(&format!("{control} shell"));
    booted.wait_answer(8013);
    let output = booted.kill(&["8013"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for port in [8011, 8013, 8014] {
        booted.stays_silent(port, Duration::from_millis(500));
    }

    // The unit has KillMode=process, but its ExecStop= ends them all, as is said.
    let plan = booted.plan(8012);
    assert_eq!(plan.narrow(), [format!("{control} beside")]);
    assert_eq!(plan.keeper("supervisor.service")["ends_holder"], Value::Null);
    booted.wait_answer(8012);
    booted.sh("systemctl stop supervisor.service");
    booted.stays_silent(8012, Duration::from_millis(100));
}
