//! Where a process comes from: its parent, the parent's parent, and so on.

use crate::model::owner::Process;
use crate::sys;

/// More generations than this are not looked for.
const MOST_GENERATIONS: usize = 32;

/// The ancestors of a process as they are now, parent first, up to the first process or as
/// far as they may be read.
pub fn ancestors(process: &Process) -> Vec<Process> {
    climb(process, |pid| sys::processes::read(pid).ok())
}

fn climb(process: &Process, read: impl Fn(u32) -> Option<Process>) -> Vec<Process> {
    let mut chain: Vec<Process> = Vec::new();
    while chain.len() < MOST_GENERATIONS {
        let child = chain.last().unwrap_or(process);
        let Some(parent) = child.ppid.filter(|pid| *pid != 0).and_then(&read) else { break };
        // Whoever is younger than the child only has the parent's pid.
        if parent.start_time > child.start_time {
            break;
        }
        chain.push(parent);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, ppid: u32, start_time: u64) -> Process {
        Process { ppid: Some(ppid), ..Process::named(pid, start_time, "x") }
    }

    fn pids(of: &Process, all: &[Process]) -> Vec<u32> {
        let read = |pid| all.iter().find(|process| process.pid == pid).cloned();
        climb(of, read).iter().map(|process| process.pid).collect()
    }

    #[test]
    fn the_chain_ends_at_the_first_process() {
        let all = [process(1, 0, 0), process(20, 1, 5)];
        assert_eq!(pids(&process(30, 20, 9), &all), [20, 1]);
        assert!(pids(&process(30, 7, 9), &all).is_empty(), "its parent cannot be read");
    }

    #[test]
    fn a_pid_that_came_back_is_no_parent() {
        let all = [process(1, 0, 0), process(20, 1, 50)];
        assert!(pids(&process(30, 20, 9), &all).is_empty());
        // Not even its own.
        let own = process(30, 30, 9);
        assert_eq!(pids(&own.clone(), &[own]).len(), MOST_GENERATIONS);
    }

    #[test]
    fn our_own_parents_are_found() {
        let me = sys::processes::read(std::process::id()).unwrap();
        let parents = ancestors(&me);
        assert_eq!(parents.first().map(|parent| parent.pid), me.ppid.filter(|pid| *pid != 0));
    }
}
