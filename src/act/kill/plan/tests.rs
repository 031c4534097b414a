use std::sync::Arc;

use super::*;
use crate::act::kill::Subject;
use crate::act::kill::obstacle;
use crate::inspect::keepers::add_neighbours;
use crate::model::action::About;
use crate::model::forwarder::{Behind, ContainerBehind, Ending, Forwarder, ForwarderKind, ToldBy};
use crate::model::keeper::{Confirmed, KeeperKind, Standing};
use crate::model::owner::{Owner, Ownership, Process, Unit, UnitScope};
use crate::model::socket::Endpoint;
use crate::model::tree::ProcessTree;

const SOCKPIT: u32 = 900;
const SHELL: u32 = 800;

fn process(pid: u32, name: &str) -> Process {
    Process { uid: Some(1000), ppid: Some(1), ..Process::named(pid, u64::from(pid) * 10, name) }
}

fn held_by(mut socket: Socket, processes: &[&Process]) -> Socket {
    socket.ownership = Ownership::OWNED;
    socket.owners_complete = Some(true);
    socket.owners =
        processes.iter().map(|process| Owner::new(Some(3), Arc::new((*process).clone()))).collect();
    socket
}

/// A TCP socket over IPv4 whose cookie is its port and state's place.
fn tcp(addr: [u8; 4], port: u16, state: State) -> Socket {
    let cookie = u64::from(port) * 100 + state as u64;
    Socket {
        netns: Some(1),
        inode: Some(cookie + 7),
        cookie: Some(cookie),
        ..Socket::new(Family::Ipv4, Protocol::Tcp, state, Endpoint::ip(addr, port))
    }
}

fn udp(port: u16) -> Socket {
    let local = Endpoint::ip([0, 0, 0, 0], port);
    let socket = Socket::new(Family::Ipv4, Protocol::Udp, State::Unconnected, local);
    Socket { cookie: Some(9_000_000 + u64::from(port)), ..socket }
}

fn connection(port: u16, peer_port: u16, process: &Process) -> Socket {
    let mut socket = tcp([127, 0, 0, 1], port, State::Established);
    socket.cookie = Some(u64::from(port) << 20 | u64::from(peer_port));
    socket.remote = Some(Endpoint::ip([127, 0, 0, 1], peer_port));
    held_by(socket, &[process])
}

fn node(pid: u32, ppid: u32, kernel_thread: bool) -> ProcessNode {
    let key = ProcessKey { pid, start_time: u64::from(pid) * 10 };
    ProcessNode { key, ppid, name: format!("p{pid}").into(), kernel_thread, stopped: pid == 200 }
}

/// init, a kernel thread 40, a server 100 with child 101, and shell 800 with sockpit 900.
fn facts() -> Facts {
    let nodes = [(1, 0), (100, 1), (101, 100), (200, 1), (SHELL, 1), (SOCKPIT, SHELL)];
    let nodes = nodes.into_iter().map(|(pid, ppid)| node(pid, ppid, false));
    let tree: ProcessTree = nodes.chain([node(40, 2, true)]).collect();
    Facts { own_pid: SOCKPIT, netns: Some(1), tree, ..Facts::default() }
}

fn port(port: u16) -> KillTarget {
    KillTarget::Port { port, udp: false, addr: None }
}

fn planned(target: &KillTarget, sockets: &[Socket]) -> KillPlan {
    plan(target, sockets, &facts(), &Options::default())
}

fn pids(plan: &KillPlan) -> Vec<u32> {
    plan.victims.iter().map(|victim| victim.key.pid).collect()
}

#[test]
fn the_listener_is_the_victim_and_its_clients_are_not() {
    let (server, client) = (process(100, "server"), process(200, "curl"));
    let sockets = [
        held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&server]),
        connection(8080, 50_000, &client),
        connection(50_000, 8080, &client),
        held_by(udp(8080), &[&client]),
    ];
    let plan = planned(&port(8080), &sockets);
    assert_eq!(pids(&plan), [100]);
    assert_eq!(plan.victims[0].signals, [Signal::Term]);
    assert_eq!(plan.victims[0].holds.len(), 1);
    assert!(!plan.protected);
}

#[test]
fn a_bound_socket_and_a_udp_socket_make_victims() {
    let server = process(100, "server");
    let sockets = [
        held_by(tcp([127, 0, 0, 1], 8080, State::Bound), &[&server]),
        held_by(udp(53), &[&server]),
    ];
    assert_eq!(pids(&planned(&port(8080), &sockets)), [100]);
    let target = KillTarget::Port { port: 53, udp: true, addr: None };
    assert_eq!(pids(&planned(&target, &sockets)), [100]);
    assert!(planned(&port(53), &sockets).victims.is_empty());
}

#[test]
fn an_address_narrows_to_what_is_bound_to_it() {
    let (one, two) = (process(100, "one"), process(200, "two"));
    let sockets = [
        held_by(tcp([127, 0, 0, 1], 8080, State::Listen), &[&one]),
        held_by(tcp([127, 0, 0, 2], 8080, State::Listen), &[&two]),
    ];
    let narrowed = |addr: [u8; 4]| KillTarget::Port {
        port: 8080,
        udp: false,
        addr: Some(std::net::IpAddr::from(addr)),
    };
    assert_eq!(pids(&planned(&narrowed([127, 0, 0, 2]), &sockets)), [200]);
    let none = planned(&narrowed([0, 0, 0, 0]), &sockets);
    assert_eq!(obstacle(&none).unwrap().sentence, "nothing is bound to exactly 0.0.0.0:8080/tcp");
}

#[test]
fn another_namespace_is_left_alone() {
    let mut socket = held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&process(100, "s")]);
    socket.netns = Some(2);
    let plan = planned(&port(8080), &[socket]);
    assert!(plan.victims.is_empty());
    let obstacle = obstacle(&plan).unwrap();
    assert_eq!(obstacle.sentence, "nothing holds 8080/tcp");
    assert!(!obstacle.not_permitted);
}

#[test]
fn sharers_of_a_socket_and_of_an_address_are_all_named() {
    let (one, two) = (process(100, "master"), process(101, "worker"));
    let forked = [held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&one, &two])];
    let plan = planned(&port(8080), &forked);
    assert_eq!(pids(&plan), [100, 101]);
    assert!(plan.warnings[0].contains("master 100 and worker 101 hold the same socket"));

    let mut second = held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&process(200, "twin")]);
    second.cookie = Some(77);
    let group = [held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&one]), second];
    let plan = planned(&port(8080), &group);
    assert_eq!(pids(&plan), [100, 200]);
    let shares = plan.warnings.iter().filter(|warning| warning.contains("share"));
    assert_eq!(shares.count(), 1, "{:?}", plan.warnings);
    assert!(plan.warnings[0].contains("SO_REUSEPORT): master 100 and twin 200"));
}

#[test]
fn two_descriptors_of_one_process_are_one_victim() {
    let server = process(100, "server");
    let mut v6 = held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&server]);
    v6.cookie = Some(78);
    v6.local = Endpoint::ip(std::net::Ipv6Addr::UNSPECIFIED, 8080);
    let sockets = [held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&server, &server]), v6];
    let plan = planned(&port(8080), &sockets);
    assert_eq!(pids(&plan), [100]);
    assert_eq!(plan.victims[0].holds.len(), 2);
}

#[test]
fn pid_one_sockpit_and_its_ancestors_are_protected() {
    for (pid, reason) in [(1, "pid 1"), (SOCKPIT, "sockpit itself"), (SHELL, "runs under it")] {
        let socket = held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&process(pid, "x")]);
        let by_port = planned(&port(8080), &[socket]);
        let by_pid = planned(&KillTarget::Pid { pid }, &[]);
        for plan in [by_port, by_pid] {
            assert!(plan.protected);
            let protected = plan.victims[0].protected.as_deref().unwrap();
            assert!(protected.contains(reason), "{protected}");
            assert!(plan.warnings.iter().any(|warning| warning.contains("is protected")));
        }
    }
}

#[test]
fn kernel_threads_are_always_spared() {
    let plan = planned(&KillTarget::Pid { pid: 40 }, &[]);
    assert!(plan.victims.is_empty());
    assert_eq!(plan.spared[0].pid, 40);
    assert_eq!(obstacle(&plan).unwrap().sentence, "p40 40 is left alone: it is a kernel thread");
}

#[test]
fn an_unknown_pid_is_no_victim() {
    let plan = planned(&KillTarget::Pid { pid: 4711 }, &[]);
    assert_eq!(obstacle(&plan).unwrap().sentence, "there is no process 4711");
}

#[test]
fn a_hidden_owner_is_a_matter_of_rights() {
    let mut socket = tcp([0, 0, 0, 0], 80, State::Listen);
    socket.ownership = Ownership::hidden("run as root to see every process");
    let plan = planned(&port(80), &[socket]);
    assert_eq!(plan.unattributed.len(), 1);
    let obstacle = obstacle(&plan).unwrap();
    assert!(obstacle.not_permitted);
    assert!(obstacle.sentence.contains("run as root"), "{}", obstacle.sentence);
}

#[test]
fn the_blast_radius_is_what_only_the_victims_hold() {
    let (server, other) = (process(100, "server"), process(200, "other"));
    let mut shared = held_by(tcp([0, 0, 0, 0], 9200, State::Listen), &[&server]);
    shared.owners.extend(held_by(udp(1), &[&other]).owners);
    let sockets = [
        held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&server]),
        held_by(tcp([0, 0, 0, 0], 9100, State::Listen), &[&server]),
        shared,
        connection(8080, 50_000, &server),
        connection(8080, 50_001, &server),
        connection(8080, 50_002, &other),
    ];
    let plan = planned(&port(8080), &sockets);
    let radius = &plan.blast_radius;
    let ports: Vec<_> = radius.other_listeners.iter().map(|socket| socket.local.port).collect();
    assert_eq!(ports, [Some(9100)]);
    assert_eq!(radius.connections, 2);
    assert_eq!(radius.children, [101]);
}

#[test]
fn descendants_come_along_only_when_asked() {
    let sockets = [held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&process(100, "server")])];
    let options = Options { tree: true, ..Options::default() };
    let plan = plan(&port(8080), &sockets, &facts(), &options);
    assert_eq!(pids(&plan), [100, 101]);
    assert_eq!(plan.victims[1].child_of, Some(100));
    assert!(plan.blast_radius.children.is_empty());
}

#[test]
fn kill_is_planned_only_by_force() {
    let sockets = [held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&process(100, "server")])];
    let signals = |signal, force| {
        let options = Options { signal, force, ..Options::default() };
        plan(&port(8080), &sockets, &facts(), &options).victims[0].signals.clone()
    };
    assert_eq!(signals(Signal::Int, false), [Signal::Int]);
    assert_eq!(signals(Signal::Int, true), [Signal::Int, Signal::Kill]);
    assert_eq!(signals(Signal::Kill, true), [Signal::Kill]);
    assert_eq!(signals(Signal::Kill, false), []);
}

fn kept(keeper: Keeper) -> KillPlan {
    let sockets = [held_by(tcp([0, 0, 0, 0], 80, State::Listen), &[&process(100, "server")])];
    let facts = Facts { keepers: vec![keeper], ..facts() };
    plan(&port(80), &sockets, &facts, &Options::default())
}

fn unit() -> Keeper {
    Keeper {
        restarts: Some(true),
        policy: Some("Restart=always, after 2s".into()),
        delay_ms: Some(2_000),
        stop: Some(["/usr/bin/systemctl", "stop", "--", "app.service"].map(Into::into).to_vec()),
        ends_holder: Some(true),
        confirmed: Some(Confirmed::Asked),
        triggered_by: vec!["app.socket".to_owned()],
        ..Keeper::new(KeeperKind::Systemd, "app.service", 100)
    }
}

#[test]
fn who_starts_it_again_and_what_stops_only_that_is_said() {
    let plan = kept(unit());
    let warning = &plan.warnings[0];
    assert!(warning.starts_with("app.service starts it again (Restart=always"), "{warning}");
    assert!(warning.contains("stops only that: /usr/bin/systemctl stop -- app.service"));
    assert_eq!(plan.watch_ms, 3_000);
    assert!(plan.steps.last().unwrap().contains("no trial bind"), "{:?}", plan.steps);
    let word = plan.supervisors[0].word.as_ref().unwrap();
    assert_eq!(word.restart.as_deref(), Some("always"));
    assert_eq!(word.restart_after.as_deref(), Some("2s"));
    assert_eq!(word.triggered_by, ["app.socket"]);

    let once = kept(Keeper { restarts: Some(false), policy: Some("Restart=no".into()), ..unit() });
    assert!(once.warnings[0].contains("does not start it again by itself (Restart=no)"));
    assert_eq!(once.watch_ms, 1_000);
    assert!(once.steps.last().unwrap().contains("prove by one bind"), "{:?}", once.steps);

    let wide = kept(Keeper { stops_also: vec!["other 7".into()], ..unit() });
    assert!(wide.warnings[0].contains("and with it other 7"), "{:?}", wide.warnings);
    let undone = kept(Keeper { undone_by: Some("b.service".into()), ..unit() });
    assert!(undone.warnings[0].contains("since b.service starts it again"));
    let unsure = kept(Keeper { ends_holder: None, ..unit() });
    assert!(unsure.warnings[0].contains("may leave the process itself running"));
}

#[test]
fn that_it_does_not_start_again_is_not_said_where_another_would() {
    let sockets = [held_by(tcp([0, 0, 0, 0], 80, State::Listen), &[&process(100, "server")])];
    let once = Keeper { restarts: Some(false), ..unit() };
    let parent = Keeper {
        restarts: Some(true),
        ..Keeper::new(KeeperKind::Supervisord, "supervisord 50", 100)
    };
    let facts = Facts { keepers: vec![parent, once], ..facts() };
    let plan = plan(&port(80), &sockets, &facts, &Options::default());
    let text = plan.warnings.join("\n");
    assert!(text.contains("supervisord 50 starts it again"), "{text}");
    assert!(!text.contains("does not start it again"), "{text}");
}

#[test]
fn a_keeper_that_is_a_victim_itself_keeps_nobody() {
    let plan = kept(Keeper { pid: Some(100), ..unit() });
    assert!(plan.keepers.is_empty());
}

#[test]
fn what_holds_others_is_protected_and_named() {
    let why = |name: &str, subject: Subject| {
        let sockets = [held_by(tcp([0, 0, 0, 0], 80, State::Listen), &[&process(100, "server")])];
        let node = ProcessNode {
            key: ProcessKey { pid: 100, start_time: 100 },
            ppid: 1,
            name: name.into(),
            kernel_thread: false,
            stopped: false,
        };
        let child = ProcessNode {
            key: ProcessKey { pid: 700, start_time: 700 },
            ppid: 100,
            ..node.clone()
        };
        let tree = [node, child].into_iter().collect();
        let facts = Facts { tree, subjects: vec![(100, subject)], ..facts() };
        let plan = plan(&port(80), &sockets, &facts, &Options::default());
        plan.victims[0].protected.clone()
    };
    for name in ["containerd", "PM2 v5: God", "systemd", "containerd-shim"] {
        assert!(why(name, Subject::default()).is_some(), "{name}");
    }
    assert_eq!(why("python3", Subject::default()), None);
    let init = Subject { fellows: 4, ..Subject::default() };
    assert!(why("sh", init).unwrap().contains("pid 1 of its PID namespace"));
    for (kind, ending, said) in [
        (ForwarderKind::Dockerd, Ending::Daemon, Some("the daemon would end")),
        (ForwarderKind::Conmon, Ending::Monitor, Some("without its monitor")),
        (ForwarderKind::Pasta, Ending::Network, Some("lose its whole network")),
        (ForwarderKind::SshSession, Ending::Session, Some("the whole session would end")),
        (ForwarderKind::DockerProxy, Ending::Port, None),
    ] {
        let subject = Subject { forwarder: Some(forwarder(kind, ending)), ..Subject::default() };
        let why = why(kind.program(), subject);
        assert!(
            said.map_or(why.is_none(), |said| why.as_ref().is_some_and(|why| why.contains(said))),
            "{kind:?}: {why:?}"
        );
    }
}

#[test]
fn a_signal_that_will_not_be_heeded_is_foretold() {
    let sockets = [held_by(tcp([0, 0, 0, 0], 80, State::Listen), &[&process(100, "server")])];
    let said = |standing: Standing, signal| {
        let subject = Subject { standing, ..Subject::default() };
        let facts = Facts { subjects: vec![(100, subject)], ..facts() };
        let options = Options { signal, ..Options::default() };
        plan(&port(80), &sockets, &facts, &options).warnings.join("\n")
    };
    let ignoring = Standing { ignores: Some(1 << 14), ..Standing::default() };
    assert!(said(ignoring.clone(), Signal::Term).contains("server 100 ignores TERM"));
    assert!(!said(ignoring, Signal::Int).contains("ignores"));
    let init = Standing { pids: vec![100, 1], catches: Some(0), ..Standing::default() };
    assert!(said(init, Signal::Term).contains("has no handler for TERM"));
}

#[test]
fn who_else_serves_from_the_same_unit_is_named() {
    let in_unit = |pid, name: &str| Process {
        unit: Some(Unit { name: "app.service".into(), scope: UnitScope::System }),
        ..process(pid, name)
    };
    let (server, other) = (in_unit(100, "server"), in_unit(101, "other"));
    let sockets = [
        held_by(tcp([0, 0, 0, 0], 80, State::Listen), &[&server]),
        held_by(tcp([0, 0, 0, 0], 81, State::Listen), &[&other]),
    ];
    let mut keepers = [Keeper { instance: Some("app.service".into()), ..unit() }];
    add_neighbours(&mut keepers, &sockets, &|process, _| process.pid == 100);
    assert_eq!(keepers[0].stops_also, ["other 101 at 0.0.0.0:81"]);
}

#[test]
fn a_stopped_victim_is_told_to_wait_for_its_continuation() {
    let victims = |pid| {
        let sockets = [held_by(tcp([0, 0, 0, 0], 80, State::Listen), &[&process(pid, "dev")])];
        planned(&port(80), &sockets).warnings.join(" ")
    };
    assert!(victims(200).contains("kill -CONT 200"), "{}", victims(200));
    assert!(!victims(100).contains("-CONT"));
}

#[test]
fn a_target_is_written_as_the_command_line_takes_it() {
    let target = KillTarget::Port { port: 53, udp: true, addr: Some([127, 0, 0, 1].into()) };
    assert_eq!(target.arguments(), "53/udp --addr 127.0.0.1");
    assert_eq!(target.describe(), "127.0.0.1:53/udp");
    assert_eq!(port(8080).arguments(), "8080");
    assert_eq!(KillTarget::Pid { pid: 7 }.arguments(), "pid:7");
}

fn forwarder(kind: ForwarderKind, ending: Ending) -> Forwarder {
    Forwarder {
        pid: 100,
        name: kind.program().to_owned(),
        uid: Some(0),
        kind,
        behind: Behind::default(),
        ending,
        containers: Vec::new(),
        rules: Some(Vec::new()),
        stop: None,
    }
}

#[test]
fn docker_proxy_points_to_its_container_not_to_the_daemon() {
    let proxy = process(100, "docker-proxy");
    let told = |target: &KillTarget, socket, container: Option<ContainerBehind>| {
        let behind = Behind { container, ..Behind::default() };
        let forwarder = Forwarder { behind, ..forwarder(ForwarderKind::DockerProxy, Ending::Port) };
        let subject = Subject { forwarder: Some(forwarder), ..Subject::default() };
        let facts = Facts { subjects: vec![(100, subject)], ..facts() };
        plan(target, &[socket], &facts, &Options::default()).warnings
    };
    let tcp_80 = || held_by(tcp([0, 0, 0, 0], 80, State::Listen), &[&proxy]);
    let warnings = told(&port(80), tcp_80(), None);
    assert!(warnings[0].ends_with("docker ps --filter publish=80."), "{warnings:?}");
    // Without a protocol docker looks for TCP ports alone.
    let target = KillTarget::Port { port: 53, udp: true, addr: None };
    let warnings = told(&target, held_by(udp(53), &[&proxy]), None);
    assert!(warnings[0].ends_with("publish=53/udp."), "{warnings:?}");
    let web = ContainerBehind {
        runtime: "docker".to_owned(),
        id: "3f".repeat(32),
        name: Some("web".to_owned()),
        uid: Some(0),
        first: None,
        confirmed: ToldBy::Asked,
    };
    let warnings = told(&port(80), tcp_80(), Some(web));
    let expected = "docker-proxy 100 only forwards, to container web (docker); were it ended, \
                    container web would run on without its port.";
    assert_eq!(warnings[0], expected);
}

#[test]
fn a_victim_is_told_from_others_of_its_name() {
    let about = About {
        cmdline: ["python3", "-m", "http.server"].map(Into::into).to_vec(),
        cwd: Some("/srv/a b".into()),
        unit: Some(Unit { name: "app.service".into(), scope: UnitScope::System }),
        container: None,
    };
    let sockets = [held_by(tcp([0, 0, 0, 0], 80, State::Listen), &[&process(100, "server")])];
    let subject = Subject { about, ..Subject::default() };
    let facts = Facts { subjects: vec![(100, subject)], ..facts() };
    let plan = plan(&port(80), &sockets, &facts, &Options::default());
    let expected = "Send TERM: server 100 holds 0.0.0.0:80 as listener (python3 -m http.server; in \
                    /srv/a b; app.service).";
    assert_eq!(plan.steps[0], expected);
}

#[test]
fn a_plan_survives_json() {
    let sockets = [held_by(tcp([0, 0, 0, 0], 8080, State::Listen), &[&process(100, "server")])];
    let plan = planned(&port(8080), &sockets);
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["victims"][0]["pid"], 100);
    assert_eq!(json["victims"][0]["signals"][0], "TERM");
    let back: KillPlan = serde_json::from_value(json).unwrap();
    assert_eq!(back.victims.len(), 1);
}

#[test]
fn what_is_held_several_times_is_said_once() {
    let one = "0.0.0.0:5353 as UDP socket".to_owned();
    let other = "[::]:5353 as UDP socket".to_owned();
    let held = [one.clone(), other.clone(), one.clone(), one];
    let told = super::super::words::list(held.into_iter());
    assert_eq!(told, "0.0.0.0:5353 as UDP socket (3 of them) and [::]:5353 as UDP socket");
}
