use std::sync::Arc;

use super::*;
use crate::model::activation::Activation;
use crate::model::forwarder::{Behind, ContainerBehind, Ending, Forwarder, ForwarderKind, ToldBy};
use crate::model::owner::{Owner, Ownership, Unit, UnitScope};
use crate::model::socket::{Endpoint, Family, Protocol, State};
use crate::model::why::{WhyFinding, WhyKind};

fn target(addr: Option<&str>) -> Target {
    Target { port: 8080, udp: false, addr: addr.map(|addr| addr.parse().unwrap()), scope: 0 }
}

fn tcp(addr: &str, state: State) -> Socket {
    let addr: IpAddr = addr.parse().unwrap();
    let family = if addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let mut socket = Socket::new(family, Protocol::Tcp, state, Endpoint::ip(addr, 8080));
    socket.v6_only = addr.is_ipv6().then_some(false);
    socket
}

fn owned(mut socket: Socket, name: &str, pid: u32, unit: Option<&str>) -> Socket {
    let scope = UnitScope::System;
    socket.ownership = Ownership::OWNED;
    socket.owners.push(Owner {
        fd: Some(3),
        through: Default::default(),
        process: Arc::new(Process {
            uid: Some(0),
            ppid: Some(1),
            unit: unit.map(|name| Unit { name: name.into(), scope }),
            ..Process::named(pid, 1, name)
        }),
    });
    socket
}

fn refused(errno: &str) -> Vec<TrialBind> {
    vec![TrialBind {
        addr: [0, 0, 0, 0].into(),
        v6_only: None,
        reuse_addr: false,
        reuse_port: false,
        tried: true,
        error: Some(errno.to_owned()),
    }]
}

fn found_with(rules: &PortRules, on_port: &[Socket], trial: &[TrialBind]) -> Vec<WhyFinding> {
    let target = target(None);
    findings::all(&Scene {
        target: &target,
        on_port,
        trial,
        rules,
        forwards: &[],
        blocks: &[],
        keepers: &[],
        forwarders: &[],
        behind: &[],
        reuse: reuse::Known::default(),
        own: None,
        more_rights_help: true,
    })
}

fn found(on_port: &[Socket]) -> Vec<WhyFinding> {
    found_with(&PortRules::default(), on_port, &refused("EADDRINUSE"))
}

/// The kinds but for what each server on every address is told to expose.
fn kinds(found: &[WhyFinding]) -> Vec<WhyKind> {
    found.iter().map(|finding| finding.kind).filter(|kind| *kind != WhyKind::Exposure).collect()
}

fn argv(finding: &WhyFinding) -> Vec<String> {
    finding.remedies.iter().map(crate::text::why::command).collect()
}

#[test]
fn addresses_meet_as_the_kernel_has_it() {
    let meets = |wanted, held: Socket| target(wanted).meets(&held);
    let v6_only = || Socket { v6_only: Some(true), ..tcp("::", State::Listen) };
    let listen = |addr| tcp(addr, State::Listen);
    assert!(meets(None, listen("127.0.0.1")) && meets(None, listen("::1")));
    assert!(meets(Some("127.0.0.1"), listen("0.0.0.0")));
    assert!(meets(Some("127.0.0.1"), listen("::")), "dual-stack");
    assert!(!meets(Some("127.0.0.1"), v6_only()));
    assert!(!meets(Some("127.0.0.1"), listen("127.0.0.2")));
    assert!(meets(Some("0.0.0.0"), listen("127.0.0.2")));
    assert!(meets(Some("0.0.0.0"), listen("::ffff:127.0.0.1")), "IPv4 through IPv6");
    assert!(!meets(Some("::1"), listen("0.0.0.0")));
    assert!(meets(Some("::1"), v6_only()));
    assert!(meets(Some("::"), listen("127.0.0.1")), "`::` takes IPv4 as well");
}

#[test]
fn how_the_addresses_meet_is_told() {
    let relation = |wanted, held| sight::relation(&target(wanted), &tcp(held, State::Listen));
    assert_eq!(relation(None, "0.0.0.0"), None);
    assert_eq!(relation(None, "::"), Some(WhyKind::DualStack));
    assert_eq!(relation(None, "127.0.0.1"), Some(WhyKind::SpecificConflict));
    assert_eq!(relation(Some("127.0.0.1"), "127.0.0.1"), None);
    assert_eq!(relation(Some("127.0.0.1"), "0.0.0.0"), Some(WhyKind::WildcardConflict));
    assert_eq!(relation(Some("127.0.0.1"), "::"), Some(WhyKind::DualStack));
    assert_eq!(relation(Some("::1"), "::"), Some(WhyKind::WildcardConflict));
    assert_eq!(relation(Some("::"), "127.0.0.1"), Some(WhyKind::DualStack));
    assert_eq!(relation(Some("0.0.0.0"), "127.0.0.1"), Some(WhyKind::SpecificConflict));
}

#[test]
fn a_service_is_stopped_by_its_unit_and_not_by_a_kill() {
    let nginx = owned(tcp("0.0.0.0", State::Listen), "nginx", 40, Some("nginx.service"));
    let found = found(&[nginx]);
    assert_eq!(kinds(&found), [WhyKind::Listener]);
    assert_eq!(argv(&found[0]), ["systemctl stop -- nginx.service"]);
    assert!(found[0].text.contains("0.0.0.0:8080: nginx 40"), "{}", found[0].text);
}

#[test]
fn what_systemd_holds_for_a_unit_is_told_apart() {
    let socket = owned(tcp("0.0.0.0", State::Listen), "systemd", 1, Some("init.scope"));
    let mut socket = owned(socket, "cupsd", 77, Some("cups.service"));
    let mut remedies = |socket_unit: Option<&str>, unit: Option<&str>| {
        let name = |unit: Option<&str>| unit.map(Box::from);
        let activation = Activation { socket_unit: name(socket_unit), unit: name(unit) };
        socket.activation = Some(Box::new(activation));
        let found = found(std::slice::from_ref(&socket));
        assert_eq!(kinds(&found), [WhyKind::Listener, WhyKind::SocketActivation]);
        assert_eq!(argv(&found[0]), argv(&found[1]), "nobody is killed or stopped alone");
        (found[1].text.clone(), argv(&found[1]).join("; "))
    };
    let (text, argv) = remedies(Some("cups.socket"), Some("cups.service"));
    assert!(text.contains("for cups.socket and has passed it to cups.service"), "{text}");
    assert_eq!(argv, "systemctl stop -- cups.socket cups.service");
    assert_eq!(remedies(Some("cups.socket"), None).1, "systemctl stop -- cups.socket");
    let (text, argv) = remedies(None, Some("cups.service"));
    assert!(text.contains("for a socket unit and has"), "{text}");
    assert_eq!(argv, "systemctl list-sockets --no-pager");
    let mut socket = owned(tcp("0.0.0.0", State::Listen), "systemd", 900, Some("init.scope"));
    let activation = Activation { socket_unit: Some("mpd.socket".into()), unit: None };
    socket.activation = Some(Box::new(activation));
    assert_eq!(super::tests::argv(&found(&[socket])[1]), ["systemctl --user stop -- mpd.socket"]);
}

/// What is said of a holder that only passes the port on.
fn forwarded(kind: ForwarderKind, ending: Ending, stop: Option<&str>) -> Vec<WhyFinding> {
    let container = stop.map(|_| ContainerBehind {
        runtime: "docker".to_owned(),
        id: "3f".repeat(32),
        name: Some("web".to_owned()),
        uid: Some(0),
        first: Some(577),
        confirmed: ToldBy::Asked,
    });
    let name = kind.program();
    let forwarder = |pid| Forwarder {
        pid,
        name: name.to_owned(),
        uid: Some(0),
        kind,
        behind: Behind { container: container.clone(), ..Behind::default() },
        ending,
        containers: Vec::new(),
        rules: Some(Vec::new()),
        stop: stop.map(|stop| stop.split(' ').map(str::to_owned).collect()),
    };
    let unit = kind.is_of_a_container().then_some("docker.service");
    let on_port = [
        owned(tcp("0.0.0.0", State::Listen), name, 1310, unit),
        owned(tcp("::", State::Listen), name, 1311, unit),
    ];
    findings::all(&Scene {
        target: &target(None),
        on_port: &on_port,
        trial: &refused("EADDRINUSE"),
        rules: &PortRules::default(),
        forwards: &[],
        blocks: &[],
        keepers: &[],
        forwarders: &[forwarder(1310), forwarder(1311)],
        behind: &[],
        reuse: reuse::Known::default(),
        own: None,
        more_rights_help: true,
    })
}

#[test]
fn a_forwarder_leads_to_the_container_and_is_not_ended_itself() {
    let of = |kind, ending, stop| {
        let found = forwarded(kind, ending, stop);
        let all: Vec<String> = found.iter().flat_map(argv).collect();
        let mut own = found.into_iter().filter(|finding| finding.kind == WhyKind::Forwarder);
        (own.next().unwrap(), own.count(), all)
    };
    let stop = "docker stop -- web";
    let (proxy, others, all) = of(ForwarderKind::DockerProxy, Ending::Port, Some(stop));
    assert!(proxy.text.contains("only forwards, to container web (docker)"), "{}", proxy.text);
    assert!(proxy.text.contains("would run on without its port"), "{}", proxy.text);
    assert_eq!((proxy.sockets.len(), others), (2, 0), "one for both families");
    assert_eq!(all, [stop]);
    // Whose it is could not be told: nothing is stopped, least of all the daemon.
    let find = "docker ps --filter publish=8080";
    for (kind, ending) in
        [(ForwarderKind::DockerProxy, Ending::Port), (ForwarderKind::Dockerd, Ending::Daemon)]
    {
        let (_, _, all) = of(kind, ending, None);
        assert!(all.iter().all(|argv| argv == find) && !all.is_empty(), "{all:?}");
    }
    let (conmon, _, all) = of(ForwarderKind::Conmon, Ending::Monitor, None);
    assert!(conmon.text.contains("without its monitor"), "{}", conmon.text);
    assert!(all.is_empty(), "{all:?}");
    // A tunnel is its user's own: it may be ended.
    let (_, _, all) = of(ForwarderKind::SshClient, Ending::Port, None);
    assert!(all.iter().all(|argv| argv.starts_with("sockpit kill 8080")), "{all:?}");
}

#[test]
fn a_kill_is_aimed_at_one_address_where_others_have_the_port_too() {
    let node = owned(tcp("127.0.0.1", State::Listen), "node", 977, None);
    assert_eq!(argv(&found(std::slice::from_ref(&node))[0]), ["sockpit kill 8080"]);
    let found = found(&[node, owned(tcp("::1", State::Listen), "ruby", 5, None)]);
    let commands: Vec<String> = found.iter().flat_map(argv).collect();
    assert_eq!(commands, ["sockpit kill 8080 --addr 127.0.0.1", "sockpit kill 8080 --addr ::1"]);
}

#[test]
fn a_hidden_owner_is_said_to_be_hidden() {
    let mut socket = tcp("0.0.0.0", State::Listen);
    socket.ownership = Ownership::hidden("run as root");
    socket.user = Some("bob".into());
    let found = found(&[socket]);
    assert_eq!(kinds(&found), [WhyKind::Listener, WhyKind::OwnerHidden]);
    assert!(found[0].remedies.is_empty(), "whom to end is not known");
    let text = &found[1].text;
    assert!(text.contains("bob") && text.contains("run as root"), "{text}");
    assert_eq!(argv(&found[1]), ["sudo sockpit why 8080"]);
}

#[test]
fn rights_that_would_show_no_more_are_no_remedy() {
    let (target, rules) = (target(None), PortRules::default());
    let mut socket = tcp("0.0.0.0", State::Listen);
    socket.ownership = Ownership::hidden("not even root may look");
    let found = findings::all(&Scene {
        target: &target,
        on_port: &[socket],
        trial: &refused("EADDRINUSE"),
        rules: &rules,
        forwards: &[],
        blocks: &[],
        keepers: &[],
        forwarders: &[],
        behind: &[],
        reuse: reuse::Known::default(),
        own: None,
        more_rights_help: false,
    });
    assert_eq!(kinds(&found), [WhyKind::Listener, WhyKind::OwnerHidden]);
    assert!(found[1].remedies.is_empty());
}

#[test]
fn reserving_a_port_keeps_what_is_reserved_already() {
    let rules = PortRules {
        ephemeral: Some(8000..=9000),
        reserved: Some(vec![8001..=8002, 8500..=8500]),
        unprivileged_start: Some(1024),
    };
    let found = found_with(&rules, &[], &[]);
    assert_eq!(kinds(&found), [WhyKind::EphemeralRange]);
    let expected = "sysctl -w net.ipv4.ip_local_reserved_ports=8001-8002,8500,8080";
    assert_eq!(argv(&found[0]), [expected]);
    let reserved = PortRules { reserved: Some(vec![8080..=8080]), ..rules };
    assert_eq!(kinds(&found_with(&reserved, &[], &[])), [WhyKind::ReservedPort]);
}

#[test]
fn a_refusal_that_nothing_explains_is_not_passed_over() {
    let (target, rules, trial) = (target(None), PortRules::default(), refused("EADDRINUSE"));
    let on_port = [tcp("0.0.0.0", State::Listen)];
    let scene = |on_port| Scene {
        target: &target,
        on_port,
        trial: &trial,
        rules: &rules,
        forwards: &[],
        blocks: &[],
        keepers: &[],
        forwarders: &[],
        behind: &[],
        reuse: reuse::Known::default(),
        own: None,
        more_rights_help: true,
    };
    assert!(unseen_holder(&scene(&[])).unwrap().is_troubled());
    assert_eq!(unseen_holder(&scene(&on_port)), None);
}
