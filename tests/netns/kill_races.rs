//! What may change between a kill's plan and its signal: nobody else may be hit.

use std::fs;
use std::net::IpAddr;

use sockpit::act::kill::{self, Consent, Depth, Options, Progress};
use sockpit::inspect::Error;
use sockpit::model::action::{KillOutcome, KillPlan, KillTarget};
use sockpit::model::socket::Socket;

use crate::kill::Server;
use crate::support::{self, in_namespace};

const PORT: KillTarget = KillTarget::Port { port: 8080, udp: false, addr: None::<IpAddr> };

fn prepare(target: &KillTarget) -> KillPlan {
    kill::prepare(target, &Options::default()).unwrap()
}

/// Runs `plan`; `before_look` gets a hand in before each look at the sockets.
fn run(plan: &KillPlan, mut before_look: impl FnMut(usize)) -> KillOutcome {
    let mut looks = 0;
    let mut look = |depth: Depth| -> Result<Vec<Socket>, Error> {
        before_look(looks);
        looks += 1;
        kill::look(&plan.target, depth)
    };
    kill::run(plan, Consent::default(), &mut look, &mut |_| {}).unwrap()
}

/// Ends `victim` and starts `sleep` under the very same pid.
fn replace(victim: &mut Server) -> Server {
    let pid = victim.pid();
    victim.child.kill().unwrap();
    victim.child.wait().unwrap();
    fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).unwrap();
    let stranger = Server::start("s = tcp(); ready()");
    assert_eq!(stranger.pid(), pid, "the pid came back");
    stranger
}

#[test]
fn a_pid_that_came_back_before_the_run_gets_no_signal() {
    in_namespace(|| {
        let mut victim = Server::start("s = tcp(); ready()");
        let (by_port, by_pid) = (prepare(&PORT), prepare(&KillTarget::Pid { pid: victim.pid() }));
        let mut stranger = replace(&mut victim);
        for plan in [by_port, by_pid] {
            let outcome = run(&plan, |_| {});
            assert!(outcome.victims[0].exited);
            assert!(outcome.victims[0].signals.is_empty());
        }
        assert!(stranger.is_alive());
    });
}

#[test]
fn a_pid_that_came_back_during_the_run_gets_no_signal() {
    in_namespace(|| {
        let mut victim = Server::start("s = tcp(); ready()");
        let plan = prepare(&PORT);
        let mut stranger = None;
        let outcome = run(&plan, |look| {
            if look == 0 {
                stranger = Some(replace(&mut victim));
            }
        });
        assert!(outcome.victims[0].signals.is_empty(), "{outcome:?}");
        let mut stranger = stranger.unwrap();
        assert!(stranger.is_alive());
        // It took the port, too, and that is said.
        assert_eq!(outcome.port_free, Some(false));
        assert_eq!(outcome.respawned.unwrap().pid, stranger.pid());
    });
}

#[test]
fn a_victim_that_lets_the_port_go_is_spared() {
    in_namespace(|| {
        let mut victim = Server::start_unready(
            "
s = tcp()
signal.signal(signal.SIGUSR1, lambda *_: (s.close(), tell()))
ready()
",
        );
        victim.read_pid();
        let plan = prepare(&PORT);
        let outcome = run(&plan, |look| {
            if look == 0 {
                let pid = victim.pid().to_string();
                support::run(std::process::Command::new("kill").args(["-USR1", &pid]));
                victim.read_pid();
            }
        });
        assert!(victim.is_alive());
        assert_eq!(outcome.spared[0].pid, victim.pid());
        assert!(outcome.spared[0].reason.contains("no longer holds"), "{outcome:?}");
        assert_eq!(outcome.port_free, Some(true));
    });
}

#[test]
fn another_socket_of_the_same_victim_on_the_port_is_another_plan() {
    in_namespace(|| {
        let mut victim = Server::start_unready(
            "
s = tcp()
def again(*_):
    global s
    s.close()
    s = tcp()
    tell()
signal.signal(signal.SIGUSR1, again)
ready()
",
        );
        victim.read_pid();
        let plan = prepare(&PORT);
        let pid = victim.pid().to_string();
        support::run(std::process::Command::new("kill").args(["-USR1", &pid]));
        victim.read_pid();
        let outcome = run(&plan, |_| {});
        assert!(victim.is_alive());
        assert_eq!(outcome.port_free, Some(false));
    });
}

#[test]
fn a_victim_that_ends_by_itself_counts_as_ended() {
    in_namespace(|| {
        let mut victim = Server::start("s = tcp(); ready()");
        let plan = prepare(&PORT);
        let outcome = run(&plan, |look| {
            if look == 0 {
                victim.child.kill().unwrap();
                victim.child.wait().unwrap();
            }
        });
        let ended = &outcome.victims[0];
        assert!(ended.exited && ended.signals.is_empty() && ended.exit_after_ms.is_none());
        assert_eq!(outcome.port_free, Some(true));
    });
}

#[test]
fn a_victim_that_drains_is_not_killed_for_it() {
    in_namespace(|| {
        let mut victim = Server::start(
            "
s = tcp()
signal.signal(signal.SIGTERM, lambda *_: s.close())
ready()
",
        );
        let options = Options {
            force: true,
            timeout: std::time::Duration::from_millis(300),
            ..Options::default()
        };
        let plan = kill::prepare(&PORT, &options).unwrap();
        let outcome = run(&plan, |_| {});
        assert!(victim.is_alive(), "{outcome:?}");
        assert_eq!(outcome.victims[0].signals.len(), 1);
        assert_eq!(outcome.port_free, Some(true));
    });
}

#[test]
fn a_look_that_fails_spares_everyone() {
    in_namespace(|| {
        let mut victim = Server::start("s = tcp(); ready()");
        let plan = prepare(&PORT);
        let mut blind = |_| Err(Error::unsupported("the socket table", "a test forbids it"));
        let outcome = kill::run(&plan, Consent::default(), &mut blind, &mut |_| {}).unwrap();
        assert!(victim.is_alive());
        assert_eq!(outcome.spared[0].pid, victim.pid());
        assert_eq!(outcome.port_free, Some(false));
    });
}

#[test]
fn progress_is_told_as_it_happens() {
    in_namespace(|| {
        let victim = Server::start("s = tcp(); ready()");
        let mut told = Vec::new();
        let plan = prepare(&PORT);
        let outcome = kill::execute(&plan, Consent::default(), &mut |event| told.push(event));
        assert_eq!(outcome.unwrap().target, "8080");
        let steps: Vec<&str> = told
            .iter()
            .map(|event| match event {
                Progress::Signalled { pid, .. } if *pid == victim.pid() => "signalled",
                Progress::Ended { after: Some(_), .. } => "ended",
                Progress::Watching { .. } => "watching",
                Progress::Waiting { .. } => "waiting",
                _ => "something else",
            })
            .filter(|step| *step != "waiting")
            .collect();
        assert_eq!(steps[..3], ["signalled", "ended", "watching"], "{told:?}");
        assert!(steps[2..].iter().all(|step| *step == "watching"), "{told:?}");
    });
}
