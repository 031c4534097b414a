//! What keeps programs for Node: pm2, nodemon, and Node itself.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::booted::{Booted, boot};
use crate::support::{cannot_run, needs_root};

/// Says its pid to everybody who connects, and lets the client close first.
const SERVER: &str = "require('net').createServer(client => {\n\
    client.on('error', () => {}); client.on('data', () => {});\n\
    client.write(process.pid + '\\n')\n\
}).listen(+process.argv[2] || +process.env.AT)\n";

/// Two applications that are processes of their own, and two for which the daemon listens.
const APPLICATIONS: &str = "module.exports = { apps: [\n\
    { name: 'web', script: '/srv/app/server.js', args: '8001' },\n\
    { name: 'beside', script: '/srv/app/server.js', args: '8002' },\n\
    { name: 'many', script: '/srv/app/server.js', env: { AT: 8003 }, instances: 2,\n\
      exec_mode: 'cluster' },\n\
    { name: 'more', script: '/srv/app/server.js', env: { AT: 8004 }, instances: 1,\n\
      exec_mode: 'cluster' },\n\
] }\n";

/// As `pm2 startup` writes it.
const UNIT: &str = "[Service]\nType=forking\nPIDFile=/root/.pm2/pm2.pid\nRestart=on-failure\n\
    Environment=PM2_HOME=/root/.pm2\nExecStart=/usr/local/bin/pm2 start /srv/app/apps.config.js\n\
    ExecStop=/usr/local/bin/pm2 kill\n";

/// Where `.ci/install` puts what is from npm.
fn programs() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache")))?;
    let at = cache.join("sockpit-ci/npm/node_modules/.bin");
    at.join("pm2").exists().then_some(at)
}

#[test]
fn an_application_for_node_is_stopped_by_what_keeps_it() {
    if !needs_root() {
        return;
    }
    let Some(at) = programs() else { return cannot_run("no pm2 and nodemon (see .ci/install)") };
    let Some(booted) = boot(&["node"]) else { return };
    booted.sh(&format!("ln -s {}/{{pm2,nodemon}} /usr/local/bin/", at.display()));
    booted.write("/srv/app/server.js", SERVER);
    booted.write("/srv/app/apps.config.js", APPLICATIONS);
    booted.units(&[("pm2-root.service", UNIT)]);
    booted.sh("systemctl start pm2-root
         cd /srv/app
         setsid nodemon -q server.js 8005 >/dev/null 2>&1 &
         setsid node --watch server.js 8006 >/dev/null 2>&1 &");
    for port in 8001..=8006 {
        booted.wait_answer(port);
    }
    a_process_of_pm2(&booted);
    a_socket_of_pm2s_own(&booted);
    a_watcher(&booted, 8005, "nodemon ");
    a_watcher(&booted, 8006, "node --watch ");
}

fn a_process_of_pm2(booted: &Booted) {
    let before = booted.wait_answer(8001);
    let output = booted.kill(&["8001"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_ne!(booted.wait_answer(8001), before);
    let plan = booted.follow(8001, "pm2 ");
    assert!(plan.narrow()[0].ends_with("pm2 stop 0"), "{:?}", plan.narrow());
    // The unit stops it as well, and with it all others.
    let unit = plan.keeper("pm2-root.service");
    assert!(unit["stops_also"].as_array().unwrap().len() >= 4, "{unit:#}");
    booted.stays_silent(8001, Duration::from_secs(1));
    for port in 8002..=8004 {
        booted.wait_answer(port);
    }
}

/// The daemon holds it, and all applications would go with the daemon.
fn a_socket_of_pm2s_own(booted: &Booted) {
    let plan = booted.plan(8003);
    assert!(plan.is_protected());
    assert!(plan.narrow().is_empty(), "{:?}", plan.narrow());
    plan.must_say("it listens for many, more, and does not tell for which of them");
    let output = booted.kill(&["8003"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    booted.wait_answer(8003);
    booted.sh("pm2 stop more");
    let plan = booted.follow(8003, "pm2 ");
    assert!(plan.narrow()[0].contains("/pm2 stop "), "{:?}", plan.narrow());
    assert_eq!(plan.keeper("pm2 ")["ends_holder"], Value::Bool(false));
    booted.wait_answer(8002);
}

/// Nothing but its own end keeps it from starting again what it watches.
fn a_watcher(booted: &Booted, port: u16, keeper: &str) {
    let plan = booted.follow(port, keeper);
    assert!(plan.narrow()[0].starts_with("sockpit kill pid:"), "{:?}", plan.narrow());
    booted.stays_silent(port, Duration::from_millis(500));
}
