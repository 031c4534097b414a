//! What else a command ends: the processes of a unit, of a container, or below a supervisor.

use super::World;
use super::lineage::{self, Member};
use super::program;
use crate::model::keeper::{Keeper, TERM};
use crate::model::tree::ProcessNode;

/// Programs that start one other program and are there for nothing else.
const WRAPPERS: [&str; 34] = [
    "sh",
    "bash",
    "dash",
    "ash",
    "busybox",
    "zsh",
    "ksh",
    "tini",
    "dumb-init",
    "catatonit",
    "docker-init",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "bunx",
    "corepack",
    "poetry",
    "pipenv",
    "uv",
    "bundle",
    "make",
    "cargo",
    "su",
    "sudo",
    "doas",
    "runuser",
    "setpriv",
    "timeout",
    "nice",
    "env",
    "stdbuf",
    "chpst",
    "s6-setuidgid",
];

/// What runs containers, and is nothing to lose beside the container itself. A name is cut after
/// 15 bytes.
const RUNTIMES: [&str; 13] = [
    "docker",
    "podman",
    "conmon",
    "docker-proxy",
    "rootlessport",
    "rootlessport-ch",
    "slirp4netns",
    "pasta",
    "pasta.avx2",
    "containerd-shim",
    "runc",
    "crun",
    "exe",
];

/// Adds to a keeper what its command ends beside the holder `line[0]`: all that is `within`. What
/// the holder has started is its own, and told of apart; so are workers beside it that run the same
/// program below the same parent, and the shells that it was started by.
pub(super) fn add(
    keeper: &mut Keeper,
    line: &[Member],
    within: &dyn Fn(u32) -> bool,
    world: &World<'_>,
) {
    let all = world.tree.iter().filter(|node| !node.kernel_thread && within(node.key.pid));
    sort(keeper, line, all, world);
}

/// The same for all that descends from a process.
pub(super) fn add_below(keeper: &mut Keeper, line: &[Member], top: u32, world: &World<'_>) {
    sort(keeper, line, world.tree.descendants(top).into_iter(), world);
}

fn sort<'n>(
    keeper: &mut Keeper,
    line: &[Member],
    ending: impl Iterator<Item = &'n ProcessNode>,
    world: &World<'_>,
) {
    // The master of workers that were found is the head of what is theirs.
    let holder = &line[0];
    // One that keeps others besides, as uwsgi's emperor does, is not.
    let is_master = |member: &&Member| {
        lineage::is_same_program(member, holder) && program::kind(member).is_none()
    };
    let masters = line[1..].iter().take_while(is_master);
    let heads: Vec<u32> = masters.map(Member::pid).chain(world.subjects.iter().copied()).collect();
    let is_own = |pid: u32| world.tree.ancestors(pid).iter().any(|above| heads.contains(above));
    let mut started_by = Vec::new();
    for node in ending {
        let (pid, who) = (node.key.pid, format!("{} {}", node.name, node.key.pid));
        if heads.contains(&pid) || pid == holder.pid() {
            continue;
        }
        if let Some(member) = line.iter().find(|member| member.pid() == pid) {
            started_by.push((member, who));
        } else if is_own(pid) {
            if *node.name != *holder.process.name && !keeper.ends_children.contains(&who) {
                keeper.ends_children.push(who);
            }
        } else if !RUNTIMES.contains(&&*node.name) {
            keeper.also(who);
        }
    }
    // A shell in a terminal's program is no part of the holder either.
    if started_by.iter().any(|(member, _)| !is_wrapper(member)) {
        started_by.into_iter().for_each(|(_, who)| keeper.also(who));
    }
}

/// Whether a stop that signals one process alone may leave others that hold the same socket: its
/// children, unless it has a handler by which it can end them (`by_term`: it is given the chance).
pub(super) fn leaves_heirs(signalled: &Member, by_term: bool, world: &World<'_>) -> bool {
    let pid = signalled.pid();
    let is_child = |it: &u32| *it != pid && world.tree.ancestors(*it).contains(&pid);
    let ends_them = by_term && signalled.standing.handles(TERM) == Some(true);
    !ends_them && world.subjects.iter().any(is_child)
}

/// Whether a process only waits for what it has started, by its name.
pub(super) fn is_wrapper(member: &Member) -> bool {
    let names = member.names();
    let mut first = names.iter().filter_map(|name| name.split(' ').next());
    first.any(|name| WRAPPERS.contains(&name) || RUNTIMES.contains(&name))
}
