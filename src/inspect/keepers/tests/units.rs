//! Units: what systemd 252 said in a box, and what follows.

use super::*;
use crate::wire::keepers::PROPERTIES;

/// One block of `systemctl show`; later lines win.
fn shown(id: &str, pid: u32, group: &str, more: &str) -> String {
    format!(
        "Type=simple\nRestart=always\nRestartUSec=2s\nMainPID={pid}\nControlGroup={group}\n\
         KillMode=control-group\nId={id}\nRequiredBy=\nBoundBy=\nUpheldBy=\nConsistsOf=\n\
         Triggers=\nTriggeredBy=\nLoadState=loaded\nActiveState=active\nCanStop=yes\n\
         RefuseManualStop=no\n{more}\n"
    )
}

fn system(group: &str, replies: &[(&str, &str)]) -> System {
    let mut system = System::with(replies);
    system.add(1, 0, "systemd", "/sbin/init", "/init.scope");
    system.add(30, 1, "python3", "python3 srv.py", group);
    system
}

const WEB: &str = "/system.slice/web.service";

fn web(more: &str) -> Vec<Keeper> {
    let reply = shown("web.service", 30, WEB, more);
    system(WEB, &[("systemctl show --no-pager -p", &reply)]).chain(30)
}

#[test]
fn systemd_confirms_a_unit_of_its_own() {
    let chain = web("");
    let line = "/usr/bin/systemctl stop --no-ask-password -- web.service";
    assert_eq!(stop(&chain[0]), (line.to_owned(), Some(true)));
    assert_eq!((chain[0].restarts, chain[0].delay_ms), (Some(true), Some(2_000)));
    assert_eq!(chain[0].policy.as_deref(), Some("Restart=always, after 2s"));
    assert!(chain[0].is_narrow() && chain.len() == 1);
}

#[test]
fn what_does_not_agree_is_not_offered() {
    for (more, why) in [
        ("LoadState=not-found", "knows no unit"),
        ("ActiveState=inactive", "inactive"),
        ("ControlGroup=/system.slice/other.service", "another control group"),
        ("ControlGroup=/", "another control group"),
        ("Id=alias.service", "knows it as alias.service"),
        ("RefuseManualStop=yes", "RefuseManualStop"),
        ("CanStop=no", "RefuseManualStop"),
        ("KillMode=process\nMainPID=7", "KillMode=process"),
        ("KillMode=none", "KillMode=none"),
    ] {
        let chain = web(more);
        assert!(chain[0].stop.is_none(), "{more}: {chain:?}");
        assert!(chain[0].reason.as_ref().unwrap().contains(why), "{more}: {chain:?}");
    }
    let chain = system(WEB, &[("systemctl show", "")]).chain(30);
    assert_eq!(chain[0].reason.as_deref(), Some("systemctl does not reach systemd from here"));
    // A command of its own may end what the mode spares.
    for more in ["KillMode=process\nMainPID=7", "KillMode=none"] {
        let chain = web(&format!("{more}\nExecStop={{ path=/bin/x ; argv[]=/bin/x stop }}"));
        assert!(chain[0].stop.is_some(), "{more}: {chain:?}");
        assert_eq!(chain[0].ends_holder, None, "{more}");
    }
    let left = web("ActiveState=failed");
    assert_eq!(left[0].restarts, Some(false), "nobody starts it again");
    assert_eq!(left[0].untested, None);
    // The main process ends in any mode but none.
    assert!(web("KillMode=process")[0].stop.is_some());
    assert!(web("KillMode=mixed\nMainPID=7")[0].stop.is_some());
}

#[test]
fn a_job_of_cron_is_not_ended_by_stopping_cron() {
    let group = "/system.slice/cron.service";
    let reply = shown("cron.service", 20, group, "KillMode=process\nRestart=on-failure");
    let mut system = system(group, &[("systemctl show", &reply)]);
    system.add(20, 1, "cron", "/usr/sbin/cron -f", group);
    system.add(21, 20, "cron", "/usr/sbin/CRON -f", group);
    system.add(30, 21, "python3", "python3 srv.py", group);
    let chain = system.chain(30);
    assert!(chain.iter().all(|keeper| keeper.stop.is_none()), "{chain:?}");
    assert_eq!(chain.last().unwrap().kind, KeeperKind::Systemd);
    assert_eq!(chain[0].kind, KeeperKind::Cron);
}

#[test]
fn a_worker_is_not_restarted_by_its_units_policy() {
    let chain = web("MainPID=20");
    assert_eq!((chain[0].restarts, chain[0].delay_ms), (None, None));
    let chain = web("Restart=no");
    assert_eq!((chain[0].restarts, chain[0].delay_ms), (Some(false), None));
}

#[test]
fn units_that_start_it_are_stopped_with_it() {
    let main = shown("web.service", 30, WEB, "TriggeredBy=web.socket old.timer\nRestart=no");
    let socket = shown("web.socket", 0, "/system.slice/web.socket", "Triggers=web.service");
    let timer = shown("old.timer", 0, "", "ActiveState=inactive");
    let others = format!("{socket}\n{timer}");
    let ask = format!("systemctl show --no-pager -p {} -- ", crate::wire::keepers::PROPERTIES);
    let chain = system(
        WEB,
        &[(&format!("{ask}web.service"), &main), (&format!("{ask}web.socket old.timer"), &others)],
    )
    .chain(30);
    assert_eq!(chain[0].undone_by.as_deref(), Some("web.socket"));
    assert!(!chain[0].is_narrow());
    let line = "/usr/bin/systemctl stop --no-ask-password -- web.socket web.service";
    assert_eq!(stop(&chain[1]), (line.to_owned(), Some(true)));
    assert!(chain[1].is_narrow() && chain.len() == 2, "{chain:?}");
}

#[test]
fn a_unit_that_upholds_it_undoes_its_stop_and_is_more_than_the_holders_own() {
    let main =
        shown("web.service", 30, WEB, "UpheldBy=up.service\nRequiredBy=dep.service\nRestart=no");
    let others =
        format!("{}\n{}", shown("up.service", 5, "/x", ""), shown("dep.service", 6, "/y", ""));
    let question = format!("systemctl show --no-pager -p {PROPERTIES} -- web.service");
    let chain = system(WEB, &[(&question, &main), ("systemctl show", &others)]).chain(30);
    assert_eq!(chain[0].undone_by.as_deref(), Some("up.service"));
    assert_eq!(chain[0].stops_also, ["dep.service"]);
    assert_eq!(chain[1].stops_also, ["dep.service", "up.service"]);
    assert_eq!(chain[1].restarts, Some(true));
    assert!(!chain[1].is_narrow());
}

#[test]
fn a_users_unit_is_asked_of_that_users_manager() {
    let group = "/user.slice/user-2000.slice/user@2000.service/app.slice/uweb.service";
    let reply = shown("uweb.service", 30, group, "");
    let line = |uid: u32, before: &str| {
        let mut system = system(group, &[("systemctl --user", &reply)]);
        system.uid = uid;
        let chain = system.chain(30);
        let asked = system.asked.borrow().first().cloned().unwrap_or_default();
        assert!(asked.starts_with(before), "{asked}");
        stop(&chain[0]).0
    };
    let tail = "stop --no-ask-password -- uweb.service";
    assert_eq!(line(2000, "systemctl --user show"), format!("/usr/bin/systemctl --user {tail}"));
    assert_eq!(
        line(0, "systemctl --user -M 2000@.host show"),
        format!("/usr/bin/systemctl --user -M 2000@.host {tail}")
    );
    assert_eq!(line(5, ""), "", "only root can ask another user's manager");
}

#[test]
fn what_else_a_supervisor_runs_goes_with_its_unit() {
    let group = "/system.slice/supervisor.service";
    let reply = shown("supervisor.service", 20, group, "");
    let status = "web RUNNING pid 30, uptime 0:10:08\nother RUNNING pid 31, uptime 0:10:08\n";
    let mut system =
        system(group, &[("systemctl show", &reply), ("supervisorctl -c /s.conf status", status)]);
    system.add(20, 1, "supervisord", "supervisord -c s.conf", group);
    system.add(30, 20, "python3", "python3 srv.py", group);
    system.add(31, 20, "python3", "python3 other.py", group);
    let chain = system.chain(30);
    assert!(chain[0].is_narrow(), "{chain:?}");
    assert_eq!(chain[1].stops_also, ["python3 31", "supervisord 20"]);
}

#[test]
fn the_socket_unit_is_stopped_and_not_systemd() {
    let socket = shown("act.socket", 0, "/system.slice/act.socket", "Triggers=act.service");
    let system = system("/", &[("systemctl show", &socket)]);
    let activation =
        Activation { socket_unit: Some("act.socket".into()), unit: Some("act.service".into()) };
    let chain = system.chain_of(1, Some(&activation), &[listener(8003)]);
    let line = "/usr/bin/systemctl stop --no-ask-password -- act.socket act.service";
    assert_eq!(stop(&chain[0]), (line.to_owned(), Some(false)));
    assert!(chain[0].is_narrow() && !chain[0].may_restart());
}

fn listener(port: u16) -> Socket {
    let local = Endpoint::ip([0, 0, 0, 0], port);
    Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local)
}

#[test]
fn a_users_socket_unit_is_found_by_its_address() {
    let group = "/user.slice/user-2000.slice/user@2000.service/init.scope";
    let act = shown("act.socket", 0, "", "Listen=[::]:8003 (Stream)\nTriggers=act.service");
    let other = shown("other.socket", 0, "", "Listen=[::]:8004 (Stream)");
    let mut system =
        system("/", &[("systemctl --user -M 2000@.host show", &format!("{act}\n{other}"))]);
    system.add(900, 1, "systemd", "/lib/systemd/systemd --user", group);
    let chain = system.chain_of(900, Some(&Activation::default()), &[listener(8003)]);
    let line = "/usr/bin/systemctl --user -M 2000@.host stop --no-ask-password -- act.socket";
    assert_eq!(stop(&chain[0]), (line.to_owned(), Some(false)));
    assert_eq!(chain.len(), 1);
}

#[test]
fn a_machines_own_unit_comes_before_the_machine() {
    let group = "/machine.slice/machine-sysbox.scope/payload/system.slice/web.service";
    let reply = shown("web.service", 8, WEB, "");
    let mut system = system(
        "/",
        &[
            ("systemctl -M sysbox show", &reply),
            ("machinectl show -p Leader -- sysbox", "Leader=20\n"),
        ],
    );
    system.add(
        20,
        1,
        "systemd",
        "systemd",
        "/machine.slice/machine-sysbox.scope/payload/init.scope",
    );
    system.add(30, 20, "python3", "python3 srv.py", group).standing.pids = vec![30, 8];
    let chain = system.chain(30);
    let line = "/usr/bin/systemctl -M sysbox stop --no-ask-password -- web.service";
    assert_eq!(stop(&chain[0]), (line.to_owned(), Some(true)), "{chain:?}");
    assert!(chain[0].is_narrow());
    let machine = &chain[1];
    assert_eq!(stop(machine).0, "/usr/bin/machinectl terminate -- sysbox");
    assert_eq!(machine.stops_also, ["everything else in sysbox"]);
}

#[test]
fn a_pattern_is_no_units_name() {
    let system = system("/system.slice/*.service", &[("systemctl", "")]);
    let chain = system.chain(30);
    assert!(chain[0].stop.is_none() && system.asked.borrow().is_empty(), "{chain:?}");
}

#[test]
fn what_lives_beside_the_holder_is_named_and_what_is_its_own_is_not() {
    let reply = shown("web.service", 20, WEB, "");
    let mut system = system(WEB, &[("systemctl show", &reply)]);
    system.add(20, 1, "sh", "sh -c x", WEB);
    system.add(30, 20, "python3", "python3 srv.py", WEB);
    system.add(31, 30, "python3", "python3 srv.py", WEB);
    system.add(32, 30, "sleep", "sleep 9", WEB);
    system.add(50, 1, "sleep", "sleep 9", "/system.slice/other.service");
    let chain = system.chain(30);
    assert!(chain[0].is_narrow() && chain[0].stops_also.is_empty(), "{chain:?}");
    assert_eq!(chain[0].ends_children, ["sleep 32"]);
    system.add(21, 20, "worker", "worker", WEB);
    assert_eq!(system.chain(30)[0].stops_also, ["worker 21"]);
    // The shell in somebody's terminal goes with the terminal.
    system.members.remove(&21);
    system.add(10, 1, "tmux: server", "tmux new-session -d", WEB);
    system.add(20, 10, "sh", "-sh", WEB);
    let chain = system.chain(30);
    assert_eq!(chain[0].stops_also, ["tmux: server 10", "sh 20"]);
    // With this mode only the main process ends.
    let reply = shown("web.service", 30, WEB, "KillMode=process");
    system.replies = vec![("systemctl show".to_owned(), reply)];
    assert!(system.chain(30)[0].stops_also.is_empty() && system.chain(30)[0].ends_alone);
}

#[test]
fn a_master_that_keeps_others_is_more_than_the_holders_own() {
    let reply = shown("web.service", 20, WEB, "");
    let mut system = system(WEB, &[("systemctl show", &reply)]);
    system.add(20, 1, "uwsgi", "uwsgi --emperor /srv/emp", WEB);
    system.add(30, 20, "uwsgi", "uwsgi --ini web.ini", WEB);
    system.add(40, 20, "uwsgi", "uwsgi --ini other.ini", WEB);
    let chain = system.chain(30);
    assert_eq!((chain[0].kind, chain[0].restarts), (KeeperKind::Emperor, Some(true)));
    assert_eq!(chain[1].stops_also, ["uwsgi 40", "uwsgi 20"]);
}

#[test]
fn a_restart_that_depends_or_never_comes_is_no_certain_one() {
    for (more, restarts, policy) in [
        ("RestartUSec=infinity", Some(false), "Restart=always, after infinity"),
        (
            "RestartPreventExitStatus=3 TERM",
            None,
            "Restart=always, after 2s, but not after exit status 3 TERM",
        ),
        (
            "Restart=no\nRestartForceExitStatus=TERM",
            None,
            "Restart=no, after 2s, in any case after exit status TERM",
        ),
        ("Restart=no", Some(false), "Restart=no"),
    ] {
        let chain = web(more);
        assert_eq!((chain[0].restarts, chain[0].policy.as_deref()), (restarts, Some(policy)));
    }
}

#[test]
fn what_is_started_then_and_what_is_never_killed_is_not_for_nothing() {
    let chain = web("OnSuccess=next.service\nOnFailure=mail.service");
    assert_eq!(chain[0].starts, ["next.service", "mail.service"]);
    assert!(!chain[0].is_narrow());
    let reply = shown("web.service", 30, WEB, "SendSIGKILL=no");
    let mut system = system(WEB, &[("systemctl show", &reply)]);
    assert_eq!(system.chain(30)[0].ends_holder, Some(true));
    system.members.get_mut(&30).unwrap().standing.ignores = Some(1 << 14);
    assert_eq!(system.chain(30)[0].ends_holder, None);
}

#[test]
fn what_root_alone_may_stop_is_not_offered_to_others() {
    let reply = shown("web.service", 30, WEB, "");
    let mut system = system(WEB, &[("systemctl show --no-pager", &reply)]);
    system.uid = 1000;
    let chain = system.chain(30);
    assert!(chain[0].stop.is_none() && chain[0].needs_root, "{chain:?}");
    assert!(chain[0].command().unwrap().join(" ").starts_with("sudo /usr/bin/systemctl stop"));
    assert!(chain[0].is_narrow());
}

#[test]
fn a_unit_of_another_user_is_stopped_by_root_at_that_users_manager() {
    let group = "/user.slice/user-2000.slice/user@2000.service/app.slice/web.service";
    let mut system = system(group, &[]);
    system.uid = 1000;
    let untested = system.chain(30).remove(0).untested.unwrap().join(" ");
    assert_eq!(untested, "sudo systemctl --user -M 2000@.host stop -- web.service");
}
