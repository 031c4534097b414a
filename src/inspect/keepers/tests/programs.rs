//! Supervisors that are parents: runit, s6, daemontools, supervisord, pm2, watchers, uwsgi, cron.

use super::*;

fn below(name: &str, cmdline: &str, cwd: &str, replies: &[(&str, &str)]) -> System {
    let mut system = System::with(replies);
    system.add(1, 0, "systemd", "/sbin/init", "/init.scope");
    let keeper = system.add(20, 1, name, cmdline, "/");
    keeper.standing.cwd = Some(cwd.into());
    system.add(30, 20, "python3", "python3 srv.py", "/");
    system
}

#[test]
fn a_service_directory_becomes_absolute_and_is_asked_about() {
    for (name, cwd, status, reply, stop_line) in [
        (
            "runsv",
            "/srv/rv/web",
            "sv status /srv/rv/web",
            "run: /srv/rv/web: (pid 30) 6s\n",
            "/usr/bin/sv down /srv/rv/web",
        ),
        (
            "s6-supervise",
            "/srv/s6/web",
            "s6-svstat /srv/s6/web",
            "up (pid 30) 610 seconds\n",
            "/usr/bin/s6-svc -d /srv/s6/web",
        ),
        (
            "supervise",
            "/srv/dt/web",
            "svstat /srv/dt/web",
            "/srv/dt/web: up (pid 30) 6 seconds\n",
            "/usr/bin/svc -d /srv/dt/web",
        ),
    ] {
        let system = below(name, &format!("{name} web"), cwd, &[(status, reply)]);
        let chain = system.chain(30);
        assert_eq!(stop(&chain[0]), (stop_line.to_owned(), Some(true)), "{chain:?}");
        assert_eq!(chain[0].instance.as_deref(), Some(cwd));
        assert_eq!((chain[0].delay_ms, chain[0].restarts), (Some(1_000), Some(true)));
        assert!(chain[0].is_narrow());
        // Another process than this one is its service.
        let other = below(name, &format!("{name} web"), cwd, &[(status, "up (pid 31) 6 seconds")]);
        let chain = other.chain(30);
        assert!(chain[0].stop.is_none() && chain[0].untested.is_some(), "{chain:?}");
        // Its directory is another one by now.
        let moved = below(name, &format!("{name} web"), "/elsewhere", &[(status, reply)]);
        assert!(moved.chain(30)[0].untested.is_none());
    }
}

#[test]
fn what_shells_between_them_start_may_outlive_the_service() {
    let replies = [("sv status", "run: /srv/rv/web: (pid 30) 6s\n")];
    let mut system = below("runsv", "runsv web", "/srv/rv/web", &replies);
    system.add(31, 30, "sh", "sh -c node", "/");
    system.add(32, 31, "node", "node a.js", "/");
    let chain = system.chain(32);
    assert_eq!(stop(&chain[0]), ("/usr/bin/sv down /srv/rv/web".to_owned(), None));
    // What is between them may go on to something else.
    assert_eq!((chain[0].restarts, chain[0].delay_ms), (None, Some(1_000)));
    assert_eq!(chain[0].policy.as_deref(), Some("once python3 30 has ended"));
    // An init passes the signal on.
    system.add(30, 20, "tini", "tini -- python3", "/");
    system.add(33, 30, "python3", "python3 srv.py", "/");
    assert_eq!(stop(&system.chain(33)[0]).1, Some(true));
}

const STATUS: &str = "grp:other  RUNNING   pid 29, uptime 0:10:08\n\
                      web        RUNNING   pid 30, uptime 0:10:08\n";

#[test]
fn supervisord_is_asked_with_its_own_configuration() {
    let ask = "supervisorctl -c /etc/supervisor/s.conf status";
    let cmdline = "/usr/bin/python3 /usr/bin/supervisord -n -c s.conf";
    // Its name is the interpreter's where it was started by one.
    let mut system = below("python3", cmdline, "/etc/supervisor", &[(ask, STATUS)]);
    system.add(31, 30, "python3", "python3 srv.py", "/");
    let chain = system.chain(30);
    let line = "/usr/bin/supervisorctl -c /etc/supervisor/s.conf stop web";
    assert_eq!(stop(&chain[0]), (line.to_owned(), Some(true)));
    assert_eq!(chain[0].instance.as_deref(), Some("web"));
    assert_eq!(chain[0].name, "supervisord 20");
    // Through a shell of its own.
    assert_eq!(stop(&system.chain(31)[0]), (line.to_owned(), None));
}

/// Without the option any supervisord may answer.
#[test]
fn supervisord_is_asked_with_the_configuration_that_it_has_found_itself() {
    let command = |files: &[(&str, &str)], ask: &str| {
        let cmdline = "/usr/bin/python3 /opt/s/bin/supervisord -n";
        let mut system = below("supervisord", cmdline, "/srv/own", &[(ask, STATUS)]);
        let own = |&(path, text): &(&str, &str)| (path.to_owned(), text.to_owned());
        system.files = files.iter().map(own).collect();
        stop(&system.chain(30)[0]).0
    };
    let usual = ("/etc/supervisor/supervisord.conf", "[supervisord]\n");
    let own = "[unix_http_server]\nfile=%(here)s/s.sock\n";
    for (file, ask) in [
        ("/srv/own/supervisord.conf", "supervisorctl -c /srv/own/supervisord.conf status"),
        ("/srv/own/etc/supervisord.conf", "supervisorctl -c /srv/own/etc/supervisord.conf status"),
        ("/opt/s/etc/supervisord.conf", "supervisorctl -c /opt/s/etc/supervisord.conf status"),
        // It has no section for supervisorctl.
        ("/srv/own/supervisord.conf", "supervisorctl -s unix:///srv/own/s.sock status"),
    ] {
        let stop = ask.replace(" status", " stop web");
        assert_eq!(command(&[usual, (file, own)], ask), format!("/usr/bin/{stop}"));
    }
    assert_eq!(command(&[], "supervisorctl status"), "");
}

#[test]
fn a_program_whose_whole_group_is_stopped_ends_through_its_shell() {
    let ask = "supervisorctl -c /etc/supervisor/s.conf status";
    let cmdline = "/usr/bin/supervisord -n -c s.conf";
    let ends = |group: Option<u32>, setting: &str| {
        let mut system = below("supervisord", cmdline, "/etc/supervisor", &[(ask, STATUS)]);
        system.files = vec![
            ("/etc/supervisor/s.conf".to_owned(), "[include]\nfiles = c/*.conf\n".to_owned()),
            ("/etc/supervisor/c/*.conf".to_owned(), format!("[program:web]\n{setting}\n")),
        ];
        system.add(31, 30, "python3", "python3 srv.py", "/");
        system.members.get_mut(&30).unwrap().standing.group = Some(30);
        system.members.get_mut(&31).unwrap().standing.group = group;
        system.chain(31)[0].ends_holder
    };
    assert_eq!(ends(Some(30), "stopasgroup=true"), Some(true));
    assert_eq!(ends(Some(30), "stopasgroup=false"), None);
    assert_eq!(ends(Some(31), "stopasgroup=true"), None, "it left the group");
    assert_eq!(ends(None, "stopasgroup=true"), None);
}

#[test]
fn monit_is_asked_for_what_it_looks_after() {
    let status = "Process 'web'\n  pid                          30\n";
    let ask = "monit -c /etc/monit/monitrc status";
    let system = |replies: &[(&str, &str)], group: &str| {
        let mut system = below("sh", "sh", "/", replies);
        system.add(40, 1, "monit", "/usr/bin/monit -c /etc/monit/monitrc", "/m.service");
        system.add(50, 1, "python3", "python3 srv.py", group);
        system
    };
    let watched = system(&[(ask, status)], "/").chain(30);
    let line = "/usr/bin/monit -c /etc/monit/monitrc stop web";
    assert_eq!(stop(&watched[0]), (line.to_owned(), None));
    assert_eq!(watched[0].restarts, Some(true));
    let others = system(&[(ask, status)], "/m.service").chain(50);
    assert!(others.iter().all(|keeper| keeper.kind != KeeperKind::Monit));
    // One that is not to be asked may look after what lives in its unit.
    let silent = system(&[], "/m.service").chain(50);
    assert_eq!((silent[0].kind, silent[0].restarts), (KeeperKind::Monit, None));
    assert!(system(&[], "/").chain(50).is_empty());
}

#[test]
fn xinetd_listens_for_its_services() {
    let group = "/system.slice/xinetd.service";
    let unit = "MainPID=20\nControlGroup=/system.slice/xinetd.service\nKillMode=control-group\n\
                Id=xinetd.service\nLoadState=loaded\nActiveState=active\nRestart=no\n";
    let mut system = System::with(&[("systemctl show", unit)]);
    system.add(1, 0, "systemd", "/sbin/init", "/init.scope");
    system.add(20, 1, "xinetd", "/usr/sbin/xinetd -stayalive", group);
    let local = Endpoint::ip([0, 0, 0, 0], 8207);
    let held = Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local);
    let chain = system.chain_of(20, None, &[held]);
    assert_eq!((chain[0].kind, &chain[0].stop), (KeeperKind::SuperServer, &None));
    assert_eq!(chain[1].stops_also, ["every other service of xinetd 20"]);
}

#[test]
fn a_configuration_that_others_can_change_is_not_loaded() {
    let cmdline = "supervisord -c /home/u/s.conf";
    let replies = [("supervisorctl", STATUS)];
    let mut system = below("supervisord", cmdline, "/", &replies);
    system.distrusted.push("/home/u/s.conf".to_owned());
    system.uid = 5;
    let chain = system.chain(30);
    assert!(chain[0].stop.is_none() && system.asked.borrow().is_empty(), "{chain:?}");
    assert!(chain[0].reason.as_ref().unwrap().contains("change its configuration"));
    let untested = "sudo supervisorctl -c /home/u/s.conf stop NAME";
    assert_eq!(chain[0].untested.as_ref().unwrap().join(" "), untested);
}

#[test]
fn a_keeper_among_other_files_is_not_reached_from_here() {
    let mut system = below("supervisord", "supervisord", "/", &[("supervisorctl", STATUS)]);
    system.members.get_mut(&20).unwrap().standing.mount_namespace = Some(8);
    let chain = system.chain(30);
    assert!(chain[0].stop.is_none());
    assert!(chain[0].reason.as_ref().unwrap().contains("mount namespace"));
}

#[test]
fn one_application_of_pm2_is_stopped_by_its_number() {
    let list =
        "[{\"pid\":30,\"name\":\"web\",\"pm_id\":4,\"pm2_env\":{\"exec_mode\":\"fork_mode\"}}]";
    let ask = "env PM2_HOME=/root/.pm2 /usr/bin/pm2 jlist";
    let mut system = below("PM2 v5.3.0: God", "", "/", &[(ask, list)]);
    let title = vec!["PM2 v5.3.0: God Daemon (/root/.pm2)".into()];
    system.members.get_mut(&20).unwrap().process.cmdline = title;
    let chain = system.chain(30);
    let line = "/usr/bin/env PM2_HOME=/root/.pm2 /usr/bin/pm2 stop 4";
    assert_eq!(stop(&chain[0]), (line.to_owned(), Some(true)), "{chain:?}");
    assert_eq!(chain[0].instance.as_deref(), Some("web"));
    // Another user's daemon loads that user's modules.
    system.uid = 5;
    assert!(system.chain(30)[0].stop.is_none());
}

#[test]
fn pm2_tells_for_whom_its_daemon_listens_where_only_one_can_be_meant() {
    let app = |id: u32, name: &str, mode: &str| {
        format!(
            "{{\"pid\":{id}1,\"name\":\"{name}\",\"pm_id\":{id},\"pm2_env\":{{\"exec_mode\":\"{mode}\"}}}}"
        )
    };
    let chain = |apps: &[String]| {
        let list = format!("[{}]", apps.join(","));
        let ask = "env PM2_HOME=/root/.pm2 /usr/bin/pm2 jlist";
        let mut system = below("PM2 v7.0.4: God", "", "/", &[(ask, &list)]);
        let title = vec!["PM2 v7.0.4: God Daemon (/root/.pm2)".into()];
        system.members.get_mut(&20).unwrap().process.cmdline = title;
        let local = Endpoint::ip([0, 0, 0, 0], 8203);
        let held = Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local);
        system.chain_of(20, None, &[held])
    };
    let web = [app(1, "web", "cluster_mode"), app(2, "web", "cluster_mode")];
    let fork = app(3, "fork", "fork_mode");
    let one = chain(&[&web[..], std::slice::from_ref(&fork)].concat());
    let line = "/usr/bin/env PM2_HOME=/root/.pm2 /usr/bin/pm2 stop 1 2";
    assert_eq!(stop(&one[0]), (line.to_owned(), Some(false)));
    assert_eq!((&*one[0].name, one[0].instance.as_deref()), ("pm2 20", Some("web")));
    let two = chain(&[&web[..], &[app(4, "other", "cluster_mode")]].concat());
    assert_eq!(two[0].stop, None);
    assert!(two[0].reason.as_ref().unwrap().contains("listens for other, web"), "{two:?}");
}

#[test]
fn watchers_are_known_by_program_and_arguments() {
    for (name, cmdline, kind) in [
        ("node", "node /usr/lib/node_modules/.bin/nodemon a.js", KeeperKind::Watcher),
        ("node", "node --watch a.js", KeeperKind::Watcher),
        ("nodemon", "nodemon", KeeperKind::Watcher),
        ("watchexec", "watchexec -- python3 srv.py", KeeperKind::Watcher),
        ("uwsgi", "uwsgi --emperor /tmp/vassals", KeeperKind::Emperor),
        ("cron", "/usr/sbin/cron -f", KeeperKind::Cron),
        ("autossh", "autossh -M 0 host", KeeperKind::Parent),
    ] {
        let system = below(name, cmdline, "/", &[]);
        let chain = system.chain(30);
        assert_eq!(chain.first().map(|keeper| keeper.kind), Some(kind), "{cmdline}");
    }
    for (name, cmdline) in [("node", "node a.js"), ("bash", "bash nodemon"), ("uwsgi", "uwsgi x")] {
        let found = below(name, cmdline, "/", &[]).chain(30);
        assert_eq!(found.is_empty(), cmdline != "bash nodemon", "{found:?}");
    }
}

#[test]
fn a_watcher_is_ended_with_what_it_started_and_its_other_children_are_named() {
    let mut system = below("nodemon", "nodemon a.js", "/", &[]);
    system.add(31, 20, "node", "node b.js", "/");
    let chain = system.chain(30);
    assert_eq!(stop(&chain[0]), ("sockpit kill pid:20 --tree".to_owned(), Some(true)));
    assert_eq!(chain[0].stops_also, ["node 31"]);
}

#[test]
fn a_service_that_ignores_term_is_stopped_by_force_and_one_started_once_stays_down() {
    let told = |text: &str, ignores: u64| {
        let mut system = below("runsv", "runsv web", "/srv/rv/web", &[("sv status", text)]);
        system.members.get_mut(&30).unwrap().standing.ignores = Some(ignores);
        system.chain(30).remove(0)
    };
    let up = "run: /srv/rv/web: (pid 30) 5s";
    assert_eq!(stop(&told(up, 1 << 14)).0, "/usr/bin/sv force-stop /srv/rv/web");
    assert_eq!(stop(&told(up, 0)).0, "/usr/bin/sv down /srv/rv/web");
    let once = told("run: /srv/rv/web: (pid 30) 5s, want down", 0);
    assert_eq!((once.restarts, once.delay_ms), (Some(false), None));
    let denied = "warning: /srv/rv/web: unable to open supervise/ok: access denied";
    let reason = told(denied, 0).reason.unwrap();
    assert_eq!(reason, format!("sv says: {denied}"));
}

#[test]
fn a_script_with_a_loop_may_start_it_again() {
    let keeper = |cmdline: &str, file: &str| {
        let mut system = below("sh", "sh", "/srv", &[]);
        let member = system.members.get_mut(&20).unwrap();
        member.process.cmdline = cmdline.split('|').map(Into::into).collect();
        system.files = vec![("/srv/run".to_owned(), file.to_owned())];
        system.chain(30).into_iter().next()
    };
    for (cmdline, file) in [
        ("sh|-c|while :; do web; sleep 9; done", ""),
        ("bash|/srv/run", "#!/bin/bash\nuntil web; do sleep 1; done\n"),
        ("python3|run", "import subprocess\nwhile True: subprocess.call('web')\n"),
    ] {
        let found = keeper(cmdline, file).unwrap_or_else(|| panic!("{cmdline}"));
        assert_eq!((found.kind, found.restarts), (KeeperKind::Parent, None), "{cmdline}");
        assert_eq!(found.policy.as_deref(), Some("its script has a loop"));
    }
    for (cmdline, file) in
        [("sh|-c|web & worker", ""), ("bash|/srv/run", "# while it lasts\nweb\n"), ("-bash", "")]
    {
        assert_eq!(keeper(cmdline, file), None, "{cmdline}");
    }
}
