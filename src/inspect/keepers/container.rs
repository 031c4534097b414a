//! Containers: what the right runtime, asked as the right user, says of them.

mod client;

use super::ask::words;
use super::lineage::{self, Member};
use super::unit::{self, Manager, Tie};
use super::{World, losses, program, undone};
use crate::model::forwarder::{ContainerBehind, Forwarder, ForwarderKind};
use crate::model::keeper::{Confirmed, Keeper, KeeperKind, TERM};
use crate::model::owner::Container;
use crate::wire::cgroup;
use crate::wire::keepers::{self as said, ContainerShown};

/// How a runtime is turned to: a program, and what stands before its own command.
struct Runtime {
    program: &'static str,
    before: Vec<String>,
}

/// The container that a process is in, and whatever runs it, the innermost first.
pub(super) fn keepers(
    line: &[Member],
    container: &Container,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    match &*container.runtime {
        "docker" | "podman" => {
            let user = cgroup::path(&line[0].cgroups).and_then(cgroup::user);
            let group = cgroup::container_group(&line[0].cgroups, &container.id);
            let group = group.map(str::to_owned);
            of_runtime(
                line,
                container,
                user,
                |holder| {
                    group.is_some()
                        && cgroup::container_group(&holder.cgroups, &container.id)
                            == group.as_deref()
                },
                None,
                world,
            )
        }
        _ => vec![untold(line, container)],
    }
}

/// The container behind a process that only forwards to it, or watches it.
pub(super) fn behind(
    line: &[Member],
    forwarder: &Forwarder,
    told: &ContainerBehind,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let (runtime, id) = (&*told.runtime, &*told.id);
    let name = told.name.as_deref().map(Into::into);
    let container = Container { runtime: runtime.to_owned().into(), id: id.into(), name };
    if !matches!(runtime, "docker" | "podman") {
        return vec![Keeper { is_behind: true, ..untold(line, &container) }];
    }
    let user = told.uid.filter(|uid| *uid != 0);
    let serving = forwarder.behind.process.as_ref().filter(|process| process.serves);
    let serving = serving.and_then(|process| (world.member)(process.pid));
    let mut keepers = of_runtime(line, &container, user, |_| true, serving.as_ref(), world);
    for keeper in &mut keepers {
        keeper.ends_holder = keeper.ends_holder.map(|_| true);
        // A unit whose main process is the monitor fails by that one's end.
        keeper.is_behind =
            keeper.kind != KeeperKind::Systemd || forwarder.kind != ForwarderKind::Conmon;
        if keeper.is_behind {
            keeper.restarts = Some(false);
        }
    }
    keepers
}

pub(super) fn named(line: &[Member], container: &Container) -> Keeper {
    let name = container.name.as_ref().unwrap_or(&container.id);
    Keeper {
        instance: Some(container.id.to_string()),
        confirmed: Some(Confirmed::Path),
        ..Keeper::new(KeeperKind::Container, &**name, line[0].pid())
    }
}

/// A runtime that is not asked.
fn untold(line: &[Member], container: &Container) -> Keeper {
    let command: &[&str] = match &*container.runtime {
        "containerd" => &["nerdctl", "stop", "--", &container.id],
        _ => &["crictl", "stop", &container.id],
    };
    Keeper {
        untested: Some(words(command)),
        reason: Some(format!("sockpit does not ask {}", container.runtime)),
        ..named(line, container)
    }
}

/// The runtime of this user's containers; `None` is root's.
fn runtime(name: &str, user: Option<u32>, world: &mut World<'_>) -> Result<Runtime, String> {
    let program = if name == "docker" { "docker" } else { "podman" };
    let Some(uid) = user else { return Ok(Runtime { program, before: Vec::new() }) };
    let socket = format!("unix:///run/user/{uid}/docker.sock");
    match program {
        "docker" => Ok(Runtime { program, before: words(&["-H", &socket]) }),
        _ if uid == world.uid => Ok(Runtime { program, before: Vec::new() }),
        // podman has no daemon: it has to run as the user whose containers are meant.
        _ => {
            let (user, home) = world
                .asker
                .ask("getent", &["passwd", &uid.to_string()])
                .ok()
                .and_then(|reply| said::passwd(&reply.text))
                .ok_or_else(|| format!("user {uid} has no name"))?;
            let (env, podman) = (world.find("env")?, world.find("podman")?);
            let (home, runtime) =
                (format!("HOME={home}"), format!("XDG_RUNTIME_DIR=/run/user/{uid}"));
            let before = words(&["-u", &user, "--", &env, &home, &runtime, &podman]);
            Ok(Runtime { program: "runuser", before })
        }
    }
}

/// Why a runtime cannot be asked with these rights; `None` where it may be.
fn forbidden(name: &str, user: Option<u32>, world: &World<'_>) -> Option<String> {
    match user {
        _ if world.uid == 0 => None,
        Some(uid) if uid == world.uid => None,
        Some(_) => Some(format!("only root can ask the {name} of another user")),
        // Without a daemon it would look for the container among the user's own.
        None if name == "podman" => Some("only root can ask podman for root's containers".into()),
        None => None,
    }
}

impl Runtime {
    fn ask(&self, arguments: &[&str], world: &mut World<'_>) -> Result<(String, String), String> {
        let before: Vec<&str> = self.before.iter().map(String::as_str).collect();
        let reply = world.asker.ask(self.program, &[&before, arguments].concat())?;
        Ok((reply.program, reply.text))
    }

    fn argv(&self, program: &str, arguments: &[&str]) -> Vec<String> {
        let mut argv = vec![program.to_owned()];
        argv.extend(self.before.iter().cloned());
        argv.extend(words(arguments));
        argv
    }
}

fn of_runtime(
    line: &[Member],
    container: &Container,
    user: Option<u32>,
    is_in_it: impl Fn(&Member) -> bool,
    serving: Option<&Member>,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let mut keeper = named(line, container);
    let name = &*container.runtime;
    let runtime = runtime(name, user, world);
    let stop = ["stop", "--", &keeper.name];
    keeper.untested = Some(match &runtime {
        Ok(runtime) => runtime.argv(runtime.program, &stop),
        Err(_) => words(&[&[name], &stop[..]].concat()),
    });
    let forbidden = forbidden(name, user, world);
    if forbidden.is_some() {
        program::by_root(&mut keeper, world);
    }
    let asked = runtime.and_then(|runtime| {
        forbidden.map_or(Ok(()), Err)?;
        let (program, shown) = ask(&runtime, name, &container.id, world)?;
        let first = shown.pid.ok_or_else(|| format!("{name} names no process of it"))?;
        let member = (world.member)(first);
        if !is_in_it(&line[0]) || !member.is_some_and(|member| is_in_it(&member)) {
            return Err(format!("{name} runs it in another control group than this process"));
        }
        let within =
            |member: &Member| cgroup::container_group(&member.cgroups, &container.id).is_some();
        if let Some(member) = world.guarded.iter().find(|member| within(member)) {
            let pid = member.pid();
            return Err(format!("process {pid} lives in it, without which sockpit ends"));
        }
        Ok((runtime, program, shown))
    });
    let (runtime, program, shown) = match asked {
        Ok(asked) => asked,
        Err(why) => {
            // Whoever may not turn to the daemon needs root for its commands, too.
            if why.contains("permission denied") {
                program::by_root(&mut keeper, world);
            }
            keeper.reason = Some(why);
            return vec![keeper];
        }
    };
    keeper.name.clone_from(&shown.name);
    keeper.untested = None;
    keeper.confirmed = Some(Confirmed::Asked);
    keeper.stop = Some(runtime.argv(&program, &["stop", "--", &shown.name]));
    keeper.asks =
        Some(runtime.argv(&program, &["inspect", "--type", "container", "--", &shown.id]));
    keeper.ends_holder = Some(true);
    // The runtime waits for the container's first process alone.
    let is_first = shown.pid == Some(line[0].pid());
    keeper.restarts = match shown.restart.as_deref() {
        Some("no") | None => Some(false),
        Some("always" | "unless-stopped") if is_first => Some(true),
        Some(_) => None,
    };
    keeper.first = shown.pid;
    // It fails by a signal, whichever that is.
    keeper.revives = shown.restart.as_deref().is_some_and(|policy| policy != "no");
    keeper.is_temporary = shown.auto_remove;
    keeper.policy = shown.restart.as_ref().map(|policy| format!("restart policy {policy}"));
    // What is in it, from the one who is meant: the holder, or who serves behind a forwarder.
    let meant = serving.map_or_else(|| line.to_vec(), |it| lineage::of(it.clone(), world.member));
    let within = |member: &Member| cgroup::container_group(&member.cgroups, &shown.id).is_some();
    if within(&meant[0]) && !is_monitor(&meant[0]) {
        stray(&mut keeper, &meant, &shown, world);
        let within = |pid: u32| cgroup::container_group(&(world.cgroups)(pid), &shown.id).is_some();
        losses::add(&mut keeper, &meant, &within, world);
    }
    cut_off(&mut keeper, &shown, world);
    let mut chain = vec![keeper];
    outer(&mut chain, line, &shown, user, world);
    chain.extend(pod(line, &runtime, &shown, serving, world));
    chain
}

/// The pod whose network the container only holds, with what else of it runs.
fn pod(
    line: &[Member],
    runtime: &Runtime,
    shown: &ContainerShown,
    serving: Option<&Member>,
    world: &mut World<'_>,
) -> Option<Keeper> {
    let id = shown.pod.as_deref().filter(|_| shown.is_infra)?;
    let (program, text) = runtime.ask(&["pod", "inspect", "--", id], world).ok()?;
    let pod = said::pod(&text).ok().filter(|pod| pod.id == id)?;
    let serving = serving.and_then(|member| cgroup::container_of(&member.cgroups));
    let is_meant = |id: &str| serving.as_ref().is_some_and(|serving| &*serving.id == id);
    let others = pod
        .containers
        .iter()
        .filter(|other| other.id != shown.id && other.state == "running" && !is_meant(&other.id));
    Some(Keeper {
        instance: Some(pod.id.clone()),
        restarts: Some(false),
        stop: Some(runtime.argv(&program, &["pod", "stop", "--", &pod.name])),
        ends_holder: Some(true),
        stops_also: others.map(|other| format!("container {}", other.name)).collect(),
        confirmed: Some(Confirmed::Asked),
        ..Keeper::new(KeeperKind::Pod, pod.name.clone(), line[0].pid())
    })
}

fn ask(
    runtime: &Runtime,
    name: &str,
    id: &str,
    world: &mut World<'_>,
) -> Result<(String, ContainerShown), String> {
    if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("{name} gives its containers longer ids"));
    }
    let (program, text) = runtime.ask(&["inspect", "--type", "container", "--", id], world)?;
    let shown = said::container(&text).map_err(|why| format!("{name}: {why}"))?;
    if shown.id != id || !shown.running {
        return Err(format!("{name} runs no container of that id"));
    }
    Ok((program, shown))
}

/// A monitor lies in a control group of its container's name, and is not in the container.
fn is_monitor(member: &Member) -> bool {
    &*member.process.name == "conmon"
}

/// Containers that have joined its network, and are without one when it ends.
fn cut_off(keeper: &mut Keeper, shown: &ContainerShown, world: &World<'_>) {
    let first = shown.pid.filter(|_| !shown.network_mode.starts_with("container:"));
    let Some(network) = first.and_then(world.network) else { return };
    if Some(network) == (world.network)(std::process::id()) {
        return;
    }
    let mut known = Vec::new();
    for node in world.tree.iter().filter(|node| (world.network)(node.key.pid) == Some(network)) {
        let Some(other) = cgroup::container_of(&(world.cgroups)(node.key.pid)) else { continue };
        if *other.id != *shown.id && !known.contains(&other.id) {
            let who = format!("{} {}", node.name, node.key.pid);
            keeper.also(format!("the network of {who}, which is in another container"));
            known.push(other.id);
        }
    }
}

/// A process that `exec` brought into the container does not descend from its first one, and is
/// not what the container is there for.
fn stray(keeper: &mut Keeper, line: &[Member], shown: &ContainerShown, world: &World<'_>) {
    let Some(first) = shown.pid else { return };
    if line.iter().all(|member| member.pid() != first) {
        let name = world.tree.get(first).map_or("its first process", |node| &*node.name);
        keeper.stops_also.push(format!("the container's own {name} {first}"));
    }
}

/// How a container's client stands to it.
struct Attached<'a> {
    /// The `docker run` that waits for it.
    client: Option<&'a Member>,
    /// Whether what ends the client by TERM ends the container.
    reaches_holder: bool,
    /// Whether something starts the client again, other than a unit.
    is_kept: bool,
}

/// What runs the container: whatever keeps its client, a unit around it, or a swarm.
fn outer(
    chain: &mut Vec<Keeper>,
    line: &[Member],
    shown: &ContainerShown,
    user: Option<u32>,
    world: &mut World<'_>,
) {
    let holder = &line[0];
    // The client and the monitor pass TERM on; a first process without a handler does not hear it,
    // and in a control group of its own it outlives them.
    let first = shown.pid.and_then(|pid| (world.member)(pid));
    let reaches_holder = first.is_none_or(|first| first.standing.is_deaf_to(TERM).is_none());
    let client = client::of(shown, world);
    let mut found = match &client {
        Some(client) => client::keepers(holder, client, reaches_holder, world),
        None => Vec::new(),
    };
    let is_kept = !found.is_empty();
    let attached = Attached { client: client.as_ref(), reaches_holder, is_kept };
    found.extend(around(holder, shown, user, &attached, world));
    if let Some(client) = client {
        undone::mark(&lineage::of(client, world.member), &mut found);
    }
    if let Some(service) = &shown.swarm_service {
        found.push(Keeper {
            restarts: Some(true),
            instance: Some(service.clone()),
            confirmed: Some(Confirmed::Asked),
            untested: Some(words(&["docker", "service", "scale", &format!("{service}=0")])),
            reason: Some("that stops every replica".to_owned()),
            ..Keeper::new(KeeperKind::Swarm, service.clone(), holder.pid())
        });
    }
    let undoes = |outer: &&Keeper| outer.may_restart() && outer.kind != KeeperKind::Container;
    chain[0].undone_by = found.iter().find(undoes).map(|outer| outer.name.clone());
    for outer in &mut found {
        chain[0].stops_also.iter().for_each(|what| outer.also(what.clone()));
    }
    chain.extend(found);
}

/// The unit that runs the container: the one that the payload's control group lies in, the one
/// that podman was told, the monitor's, or that of a `docker run` which is attached to it.
fn around(
    holder: &Member,
    shown: &ContainerShown,
    user: Option<u32>,
    attached: &Attached<'_>,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let &Attached { client, reaches_holder, is_kept } = attached;
    let is_service = |member: &Member| {
        let unit = cgroup::path(&member.cgroups).and_then(cgroup::unit)?;
        let is_single = !is_daemon(&unit.name) && !unit.name.starts_with("user@");
        let whole = unit.name.ends_with(".service") && is_single;
        whole.then(|| unit.name.to_string())
    };
    let manager = |member: &Member| match cgroup::path(&member.cgroups).and_then(cgroup::user) {
        Some(uid) => Manager::User(uid),
        None => Manager::System,
    };
    if let Some(first) = shown.pid.and_then(|pid| (world.member)(pid))
        && let Some(unit) = is_service(&first)
    {
        let tie = Tie { holder, witness: &first, prefix: "", reaches_holder: true, is_kept: false };
        return unit::keepers(&unit, &manager(&first), &tie, world);
    }
    let conmon = shown.conmon_pid.and_then(|pid| (world.member)(pid));
    if let Some(conmon) = conmon
        && let Some(unit) = is_service(&conmon).or_else(|| shown.systemd_unit.clone())
    {
        let manager = user.map_or_else(|| manager(&conmon), Manager::User);
        // Whatever starts the client again descends from the unit, as the client does.
        let beside = client.filter(|it| is_kept && is_service(it).as_ref() == Some(&unit));
        let witness = beside.unwrap_or(&conmon);
        let tie = Tie { holder, witness, prefix: "", reaches_holder, is_kept };
        return unit::keepers(&unit, &manager, &tie, world);
    }
    let Some(client) = client else { return Vec::new() };
    let Some(unit) = is_service(client) else { return Vec::new() };
    let tie = Tie { holder, witness: client, prefix: "", reaches_holder, is_kept };
    unit::keepers(&unit, &manager(client), &tie, world)
}

/// Units that run all containers are no container's own.
pub(super) fn is_daemon(unit: &str) -> bool {
    matches!(unit, "docker.service" | "containerd.service" | "podman.service")
}
