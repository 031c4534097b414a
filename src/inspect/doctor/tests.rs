use super::*;

fn root() -> Machine {
    let all = || Capability::USED.to_vec();
    Machine {
        kernel: "Linux 6.18.0".to_owned(),
        linux: Some((6, 18)),
        capabilities: Some(all()),
        obtainable: all(),
        ptrace_scope: Some(1),
        hidepid: Some("2".to_owned()),
        initial_pid_namespace: Some(true),
        initial_user_namespace: Some(true),
        namespaces: Some(Namespaces { found: 3, entered: 3, unreadable: 0 }),
        capture: Trial::Works,
        btf: true,
        destroy: Trial::Works,
        duplicate: Trial::Works,
        name_servers: Some(vec!["192.0.2.1".to_owned()]),
        program: Some("/opt/sock pit".to_owned()),
    }
}

fn user() -> Machine {
    Machine {
        capabilities: Some(Vec::new()),
        namespaces: Some(Namespaces { found: 1, entered: 1, unreadable: 7 }),
        capture: Trial::Refused("not permitted to open a packet socket".to_owned()),
        ..root()
    }
}

fn terminal() -> Terminal {
    Terminal { is_there: true, term: Some("xterm-256color".to_owned()), ..Terminal::default() }
}

fn judged(machine: &Machine) -> Vec<Ability> {
    let hidden = Health::degraded(Source::Owners, "the owners of 3 sockets are hidden");
    let has_rights = machine.capabilities.as_ref().is_some_and(|held| held.len() > 2);
    let owners = if has_rights { Health::ready(Source::Owners) } else { hidden };
    judge(machine, Some(&owners), &terminal())
}

fn named<'a>(abilities: &'a [Ability], name: &str) -> &'a Ability {
    abilities.iter().find(|ability| ability.name == name).unwrap()
}

fn command(ability: &Ability) -> String {
    ability.remedy.as_ref().map_or_else(String::new, |remedy| remedy.argv.join(" "))
}

#[test]
fn root_lacks_nothing() {
    let gaps: Vec<Ability> =
        judged(&root()).into_iter().filter(|it| it.state != HealthState::Ready).collect();
    assert_eq!(gaps, []);
}

#[test]
fn each_gap_names_what_is_lost_and_the_capabilities_that_close_it() {
    let abilities = judged(&user());
    for (name, wanted) in [
        ("owners", "cap_dac_read_search,cap_sys_ptrace"),
        ("ptrace_scope", "cap_sys_ptrace"),
        ("hidepid", "cap_sys_ptrace"),
        ("network_namespaces", "cap_sys_admin,cap_sys_ptrace"),
        ("capture", "cap_net_raw"),
        ("close_connections", "cap_net_admin"),
        ("socket_options", "cap_sys_ptrace"),
        ("signals", "cap_kill"),
    ] {
        let ability = named(&abilities, name);
        assert_eq!(command(ability), format!("setcap {wanted}+ep /opt/sock pit"), "{name}");
        assert!(ability.effect.is_some() && ability.state != HealthState::Ready, "{ability:?}");
    }
}

/// `setcap` replaces what a file had: the line for one gap must not open another.
#[test]
fn a_remedy_keeps_what_is_granted_already() {
    let machine = Machine { capabilities: Some(vec![Capability::NetRaw]), ..user() };
    let abilities = judged(&machine);
    assert!(command(named(&abilities, "signals")).starts_with("setcap cap_kill,cap_net_raw+ep "));
}

#[test]
fn no_command_is_named_that_would_not_help() {
    let boxed = Machine { obtainable: vec![Capability::NetRaw], ..user() };
    let abilities = judged(&boxed);
    assert!(command(named(&abilities, "capture")).starts_with("setcap cap_net_raw+ep"));
    assert_eq!(named(&abilities, "owners").remedy, None);
    let reason = named(&abilities, "capabilities").reason.clone().unwrap();
    assert!(reason.contains("bounding set keeps out cap_dac_read_search"), "{reason}");

    let rootless = Machine { initial_user_namespace: Some(false), ..user() };
    assert!(judged(&rootless).iter().all(|ability| ability.remedy.is_none()));

    let sealed = Machine { ptrace_scope: Some(3), ..root() };
    let scope = named(&judged(&sealed), "ptrace_scope").clone();
    assert_eq!((scope.state, scope.remedy), (Unavailable, None));
}

#[test]
fn old_kernels_and_missing_parts_are_told() {
    let of = |machine: Machine, name: &str| {
        let ability = named(&judged(&machine), name).clone();
        (ability.state, ability.reason.unwrap())
    };
    let (state, reason) = of(Machine { linux: Some((6, 1)), ..root() }, "kernel");
    assert!(state == Degraded && reason.contains("6.8"), "{reason}");
    let missing = Trial::Missing("this kernel was built without it".to_owned());
    let (state, _) = of(Machine { destroy: missing, ..root() }, "close_connections");
    assert_eq!(state, Unavailable);
    let (state, _) = of(Machine { name_servers: Some(Vec::new()), ..root() }, "resolver");
    assert_eq!(state, Degraded);
    let (_, reason) = of(Machine { btf: false, ..root() }, "bpf");
    assert!(reason.contains("BTF"), "{reason}");
    let (state, reason) = of(Machine { linux: Some((6, 1)), ..root() }, "bpf");
    assert_eq!(state, Degraded);
    assert!(reason.contains("UDP (needs Linux 6.3") && !reason.contains("dropped"), "{reason}");
    let (state, reason) = of(Machine { linux: Some((5, 10)), ..root() }, "bpf");
    assert!(state == Unavailable && reason.contains("5.12"), "{reason}");
}

#[test]
fn the_terminal_is_told_as_it_is() {
    let reason = |terminal: &Terminal| terminal.ability().reason.unwrap();
    assert!(reason(&terminal()).contains("256 colours; mouse; clipboard by OSC 52, if the"));
    let within = Terminal { multiplexed: true, no_color: true, ..terminal() };
    assert!(reason(&within).contains("no colours (NO_COLOR is set)"));
    assert!(reason(&within).contains("tmux"));
    let none = Terminal { is_there: false, ..terminal() };
    assert_eq!(none.ability().state, Degraded);
    let dumb = Terminal { term: Some("dumb".to_owned()), ..terminal() };
    assert_eq!(dumb.ability().state, Unavailable);
}
