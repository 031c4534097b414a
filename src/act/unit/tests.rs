use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command};

use super::*;
use crate::model::action::{About, BlastRadius, KillTarget, Victim};
use crate::model::keeper::KeeperKind;
use crate::model::signal::Signal;

fn keeper(argv: &[&str]) -> Keeper {
    Keeper {
        restarts: Some(true),
        stop: Some(argv.iter().map(|&word| word.into()).collect()),
        ends_holder: Some(true),
        confirmed: Some(Confirmed::Asked),
        ..Keeper::new(KeeperKind::Systemd, "app.service", 0)
    }
}

/// The kill of processes that hold a port, each with who keeps it.
fn kill(port: u16, victims: &[(ProcessKey, Option<Keeper>)]) -> KillPlan {
    let victim = |key: ProcessKey| Victim {
        key,
        name: "server".into(),
        holds: Vec::new(),
        signals: vec![Signal::Term],
        protected: None,
        child_of: None,
        about: About::default(),
    };
    let keepers = victims.iter().filter_map(|(key, keeper)| {
        keeper.clone().map(|keeper| Keeper { of: vec![key.pid], ..keeper })
    });
    KillPlan {
        target: KillTarget::Port { port, udp: false, addr: Some(Ipv4Addr::LOCALHOST.into()) },
        victims: victims.iter().map(|(key, _)| victim(*key)).collect(),
        spared: Vec::new(),
        unattributed: Vec::new(),
        covering: Vec::new(),
        blast_radius: BlastRadius::default(),
        keepers: keepers.collect(),
        parents: Vec::new(),
        forwarders: Vec::new(),
        supervisors: Vec::new(),
        timeout_ms: 3_000,
        watch_ms: 100,
        steps: Vec::new(),
        warnings: Vec::new(),
        protected: false,
    }
}

fn key(pid: u32) -> ProcessKey {
    ProcessKey { pid, start_time: 7 }
}

#[test]
fn only_what_is_confirmed_can_be_stopped_and_what_holds_all_comes_first() {
    let (app, web) = (keeper(&["/usr/bin/systemctl", "app"]), keeper(&["/usr/bin/docker", "web"]));
    let silent = Keeper { stop: None, confirmed: Some(Confirmed::Path), ..app.clone() };
    assert!(plans(&[kill(80, &[(key(1), Some(silent)), (key(2), None)])]).is_empty());
    let kills = [
        kill(80, &[(key(3), Some(web.clone())), (key(4), Some(app.clone()))]),
        kill(81, &[(key(4), Some(app.clone()))]),
    ];
    let (app_stop, web_stop) = (app.stop.clone().unwrap(), web.stop.clone().unwrap());
    let both = plans(&kills);
    assert!(both.iter().all(|plan| !plan.covers_all));
    let of_app = both.iter().find(|plan| plan.argv == app_stop).unwrap();
    assert_eq!((of_app.victims.len(), of_app.kills.len()), (1, 2));
    let one = plans(&[kill(81, &[(key(4), Some(app))])]);
    assert!(one[0].covers_all && one[0].is_narrow());
    assert!(both.iter().any(|plan| plan.argv == web_stop));
}

#[test]
fn what_costs_nothing_else_and_lasts_comes_first() {
    let wide = Keeper { stops_also: vec!["x".into()], ..keeper(&["/usr/bin/systemctl", "wide"]) };
    let undone =
        Keeper { undone_by: Some("outer".into()), ..keeper(&["/usr/bin/docker", "undone"]) };
    let unsure = Keeper { ends_holder: None, ..keeper(&["/usr/bin/sv", "unsure"]) };
    let narrow = keeper(&["/usr/bin/systemctl", "narrow"]);
    let mut one = kill(80, &[(key(4), None)]);
    one.keepers =
        [undone, wide, unsure, narrow].map(|keeper| Keeper { of: vec![4], ..keeper }).to_vec();
    let order: Vec<(String, bool)> =
        plans(&[one]).iter().map(|plan| (plan.argv[1].clone(), plan.is_narrow())).collect();
    assert_eq!(order[0], ("narrow".to_owned(), true));
    assert!(order[1..].iter().all(|(_, narrow)| !narrow), "{order:?}");
    assert_eq!(order[3].0, "undone");
}

/// A child that lives until it is ended.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn key(&self) -> ProcessKey {
        let pid = self.0.id();
        ProcessKey { pid, start_time: sys::processes::start_time(pid).unwrap() }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn ran(exit_code: i32, stderr: &str) -> Ran {
    Ran {
        exit_code: Some(exit_code),
        timed_out: false,
        stdout: String::new(),
        stderr: stderr.into(),
    }
}

/// A port of this host that nobody has.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn run_with(
    plan: &StopPlan,
    said: &Result<(), String>,
    command: &mut dyn FnMut() -> Ran,
) -> StopOutcome {
    let system = System {
        still: &mut |_, _| Ok(said.clone()),
        command: &mut |_, _, _| Ok(command()),
        look: &mut |_, _| Ok(Vec::new()),
    };
    run(plan, system, &mut |_| {}).unwrap()
}

#[test]
fn a_stop_is_done_when_its_processes_have_ended_and_the_port_is_free() {
    let mut server = Sleeper::start();
    let said = keeper(&["/usr/bin/systemctl"]);
    let plan = plans(&[kill(free_port(), &[(server.key(), Some(said.clone()))])]).remove(0);
    let outcome = run_with(&plan, &Ok(()), &mut || {
        server.0.kill().unwrap();
        ran(0, "")
    });
    assert!(is_success(&plan, &outcome), "{outcome:?}");
    assert!(outcome.kills[0].victims[0].signals.is_empty(), "the supervisor has ended it");
}

#[test]
fn a_refusal_is_told_in_the_commands_own_words() {
    let server = Sleeper::start();
    let said = keeper(&["/usr/bin/systemctl"]);
    let plan = plans(&[kill(free_port(), &[(server.key(), Some(said.clone()))])]).remove(0);
    let outcome = run_with(&plan, &Ok(()), &mut || {
        ran(1, "\nFailed to stop app.service: Interactive authentication required.\n")
    });
    assert!(outcome.refused && !is_success(&plan, &outcome));
    assert!(outcome.reason.unwrap().contains("Interactive authentication required"));
    assert!(!outcome.kills[0].victims[0].exited);
}

#[test]
fn nothing_is_run_when_the_supervisor_says_something_else_by_now() {
    let server = Sleeper::start();
    let said = keeper(&["/usr/bin/systemctl"]);
    let plan = plans(&[kill(free_port(), &[(server.key(), Some(said))])]).remove(0);
    let outcome =
        run_with(&plan, &Err("it is inactive".to_owned()), &mut || panic!("not to be run"));
    assert!(!outcome.stopped);
    assert!(outcome.reason.unwrap().ends_with("was not stopped: it is inactive"));
}

#[test]
fn nothing_is_run_for_processes_that_have_ended() {
    let server = Sleeper::start();
    let said = keeper(&["/usr/bin/systemctl"]);
    let plan = plans(&[kill(free_port(), &[(server.key(), Some(said.clone()))])]).remove(0);
    drop(server);
    let outcome = run_with(&plan, &Ok(()), &mut || panic!("it must not be run"));
    assert!(outcome.reason.unwrap().contains("had already ended"));
    assert_eq!(outcome.kills[0].port_free, Some(true));
}
