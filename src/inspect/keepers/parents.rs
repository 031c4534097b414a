//! Parents that are no keepers by trade and live on after their child: a shell with a loop that
//! somebody typed into it looks like any other, and so does a program that starts others.

use super::lineage::{self, Member};
use super::{is_manager, losses, member, program};
use crate::model::action::Parent;
use crate::model::keeper::Keeper;
use crate::model::owner::ProcessKey;
use crate::model::tree::ProcessTree;
use crate::sys::process;

/// Programs that run one command after the other; what they wait for is the next one's turn.
const RUNNERS: [&str; 12] = [
    "sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "mksh", "fish", "make", "gmake", "xargs",
];

/// Who started these processes, which are to end, and is no keeper of theirs, the nearest first.
/// Between them are only programs that end with what they have started, perhaps. `guarded` is
/// sockpit and what it runs under.
pub fn parents(subjects: &[u32], keepers: &[Keeper], guarded: &[u32]) -> Vec<Parent> {
    of(subjects, keepers, guarded, &member)
}

fn of(
    subjects: &[u32],
    keepers: &[Keeper],
    guarded: &[u32],
    read: &dyn Fn(u32) -> Option<Member>,
) -> Vec<Parent> {
    let mut found: Vec<Parent> = Vec::new();
    for subject in subjects.iter().filter_map(|pid| read(*pid)) {
        let pid = subject.pid();
        let line = lineage::of(subject, read);
        let above = line[1..].iter().filter(|it| !subjects.contains(&it.pid()));
        for parent in above.take_while(|it| !tells_for_itself(it, keepers)) {
            // A shell in which sockpit runs waits for sockpit.
            if !(guarded.contains(&parent.pid()) && runs_commands(parent)) {
                add(&mut found, parent, pid);
            }
            let is_typed_into = parent.is_shell() && parent.script().is_none();
            if is_typed_into || !(losses::is_wrapper(parent) || runs_commands(parent)) {
                break;
            }
        }
    }
    found
}

fn add(found: &mut Vec<Parent>, parent: &Member, child: u32) {
    let key = parent.process.key();
    match found.iter_mut().find(|known| known.key == key) {
        Some(known) => known.of.push(child),
        None => found.push(Parent {
            key,
            name: parent.process.name.to_string(),
            of: vec![child],
            runs_commands: runs_commands(parent),
        }),
    }
}

/// Whether it is known what it does about an end: a keeper, or one whose children are whatever
/// lost its own parent.
fn tells_for_itself(parent: &Member, keepers: &[Keeper]) -> bool {
    parent.pid() == 1
        || parent.standing.is_inner_init()
        || is_manager(&parent.process)
        || program::kind(parent).is_some()
        || keepers.iter().any(|keeper| keeper.pid == Some(parent.pid()))
        || ["containerd-shim", "conmon"].iter().any(|it| parent.process.name.starts_with(it))
}

fn runs_commands(parent: &Member) -> bool {
    RUNNERS.contains(&&*parent.process.name) || parent.is_shell()
}

/// The processes that there are, as far as they can be seen.
fn all() -> ProcessTree {
    process::tree().unwrap_or_default()
}

/// What the parents of a plan have started before its victims are ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    children: Vec<ProcessKey>,
}

impl Before {
    /// Looks at the children of these parents. Blocks for a few milliseconds.
    pub fn look(parents: &[Parent]) -> Self {
        if parents.is_empty() {
            return Self::default();
        }
        let tree = all();
        let children = parents.iter().flat_map(|parent| tree.children(parent.key.pid));
        Self { children: children.map(|child| child.key).collect() }
    }

    /// Those of the parents that live on.
    pub fn living(parents: &[Parent]) -> Vec<Parent> {
        if parents.is_empty() {
            return Vec::new();
        }
        let tree = all();
        let lives =
            |parent: &&Parent| tree.get(parent.key.pid).map(|it| it.key) == Some(parent.key);
        parents.iter().filter(lives).cloned().collect()
    }

    /// The first parent that has started something since, and that, in words (`sleep 4242`): for
    /// one that runs commands its next one, for others only a program of one of these names.
    pub fn next<'p>(&self, parents: &'p [Parent], names: &[&str]) -> Option<(&'p Parent, String)> {
        let tree = if parents.is_empty() { return None } else { all() };
        let is_new = |key: &ProcessKey| !self.children.contains(key);
        parents.iter().find_map(|parent| {
            let lives = tree.get(parent.key.pid)?.key == parent.key;
            let children = tree.children(parent.key.pid).filter(|_| lives);
            let mut new = children.filter(|child| is_new(&child.key));
            let next = new.find(|it| parent.runs_commands || names.contains(&&*it.name))?;
            Some((parent, format!("{} {}", next.name, next.key.pid)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::keeper::{KeeperKind, Standing};
    use crate::model::owner::Process;

    /// A line of processes, the holder first; pids count down from 100.
    fn line(commands: &[&str]) -> Vec<Member> {
        let all = commands.iter().zip(0..).map(|(command, at)| {
            let name = command.trim_start_matches('-').split(' ').next().unwrap();
            let pid = 100 - at;
            let mut process = Process::named(pid, u64::from(pid), lineage::base(name));
            process.ppid = Some(pid - 1);
            process.cmdline = command.split(' ').map(Into::into).collect();
            Member { process, cgroups: String::new(), standing: Standing::default() }
        });
        all.collect()
    }

    fn pids(line: &[Member], keepers: &[Keeper], guarded: &[u32]) -> Vec<u32> {
        let read = |pid: u32| line.iter().find(|it| it.pid() == pid).cloned();
        of(&[100], keepers, guarded, &read).iter().map(|parent| parent.key.pid).collect()
    }

    #[test]
    fn who_lives_on_is_looked_for_up_to_the_one_that_is_typed_into() {
        let typed = line(&["python3 a.py", "-bash", "sshd", "sshd"]);
        assert_eq!(pids(&typed, &[], &[]), [99]);
        let through = line(&["python3 a.py", "sh -c x", "make serve", "-bash", "sshd"]);
        assert_eq!(pids(&through, &[], &[]), [99, 98, 97]);
        let other = line(&["python3 a.py", "node run.js", "node top.js"]);
        assert_eq!(pids(&other, &[], &[]), [99]);
    }

    #[test]
    fn who_is_known_for_what_it_does_is_no_such_parent() {
        assert!(pids(&line(&["a", "systemd --user"]), &[], &[]).is_empty());
        assert_eq!(pids(&line(&["a", "sh -c a", "runsv web", "runsvdir x"]), &[], &[]), [99]);
        let keeper = Keeper { pid: Some(99), ..Keeper::new(KeeperKind::Parent, "sh 99", 100) };
        assert!(pids(&line(&["a", "sh loop.sh", "-bash"]), &[keeper], &[]).is_empty());
    }

    #[test]
    fn a_shell_that_waits_for_sockpit_starts_nothing() {
        assert!(pids(&line(&["a", "-bash", "sshd"]), &[], &[99]).is_empty());
        assert_eq!(pids(&line(&["a", "node ide.js"]), &[], &[99]), [99]);
    }
}
