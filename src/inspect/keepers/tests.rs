//! Chains drawn from a made-up system that answers as real ones were seen to.

mod containers;
mod programs;
mod units;

use std::cell::RefCell;
use std::collections::HashMap;

use super::*;
use crate::model::keeper::Standing;
use crate::model::owner::ProcessKey;
use crate::model::socket::{Endpoint, Family, Protocol, State};
use crate::model::tree::ProcessNode;

const ID: &str = "3f4e1b0c9d8a7f6e5d4c3b2a190817263544536271809fabcdef0123456789ab";

/// Processes and what programs answer.
#[derive(Default)]
struct System {
    members: HashMap<u32, Member>,
    /// What is printed when a command line begins like this.
    replies: Vec<(String, String)>,
    /// What is said of a question that none of them answers.
    refusal: Option<String>,
    asked: RefCell<Vec<String>>,
    uid: u32,
    distrusted: Vec<String>,
    guarded: Vec<u32>,
    /// Files by path, or by the pattern that they match.
    files: Vec<(String, String)>,
    forwarder: Option<Forwarder>,
    /// Network namespaces by process.
    networks: HashMap<u32, u64>,
}

impl System {
    fn with(replies: &[(&str, &str)]) -> Self {
        let own = |&(question, reply): &(&str, &str)| (question.to_owned(), reply.to_owned());
        Self { replies: replies.iter().map(own).collect(), ..Self::default() }
    }

    /// Adds a process: its pid, its parent's, its name, its command line, its control group.
    fn add(&mut self, pid: u32, ppid: u32, name: &str, cmdline: &str, group: &str) -> &mut Member {
        let mut process = Process::named(pid, u64::from(pid), name);
        process.ppid = Some(ppid);
        process.uid = Some(0);
        process.cmdline = cmdline.split(' ').map(Into::into).collect();
        let standing = Standing {
            pids: vec![pid],
            cwd: Some("/".into()),
            mount_namespace: Some(7),
            ..Standing::default()
        };
        let member = Member { process, cgroups: format!("0::{group}\n"), standing };
        self.members.entry(pid).insert_entry(member).into_mut()
    }

    fn chain_of(&self, pid: u32, activation: Option<&Activation>, holds: &[Socket]) -> Vec<Keeper> {
        let node = |member: &Member| ProcessNode {
            key: ProcessKey { pid: member.pid(), start_time: member.process.start_time },
            ppid: member.process.ppid.unwrap(),
            name: member.process.name.clone(),
            kernel_thread: false,
            stopped: false,
        };
        let tree: ProcessTree = self.members.values().map(node).collect();
        let mut ask = |program: &str, arguments: &[&str]| {
            let line = format!("{program} {}", arguments.join(" "));
            self.asked.borrow_mut().push(line.clone());
            let reply = self.replies.iter().find(|(question, _)| line.starts_with(question));
            let refusal = || self.refusal.clone().unwrap_or(format!("{program} is silent"));
            let text = reply.map(|(_, text)| text.clone()).ok_or_else(refusal)?;
            Ok(Reply { program: format!("/usr/bin/{program}"), text })
        };
        let member = |pid: u32| self.members.get(&pid).cloned();
        let mut world = World {
            asker: Asker::new(&mut ask),
            member: &member,
            cgroups: &|pid| self.members.get(&pid).map_or(String::new(), |it| it.cgroups.clone()),
            network: &|pid| self.networks.get(&pid).copied(),
            program: &|name| Ok(format!("/usr/bin/{name}")),
            read: &|path| {
                let files = self.files.iter().filter(|(known, _)| known == path);
                files.map(|(_, text)| text.clone()).collect()
            },
            trusts: &|path| !self.distrusted.iter().any(|known| known == path),
            tree: &tree,
            subjects: vec![pid],
            uid: self.uid,
            mount_namespace: Some(7),
            guarded: self.guarded.iter().filter_map(|pid| member(*pid)).collect(),
        };
        let holder = member(pid).unwrap();
        let process = holder.process.clone();
        let forwarder = self.forwarder.as_ref();
        world.chain(holder, &Subject { process: &process, activation, holds, forwarder })
    }

    fn chain(&self, pid: u32) -> Vec<Keeper> {
        self.chain_of(pid, None, &[])
    }
}

/// A keeper's command, and whether it is known to end the holder.
fn stop(keeper: &Keeper) -> (String, Option<bool>) {
    (keeper.stop.clone().unwrap_or_default().join(" "), keeper.ends_holder)
}

#[test]
fn keepers_that_several_share_stand_once() {
    let keeper = |of| Keeper::new(KeeperKind::Systemd, "a.service", of);
    let all = merged(vec![vec![keeper(1)], vec![keeper(2)]]);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].of, [1, 2]);
}

#[test]
fn what_sockpit_itself_runs_in_is_no_keeper() {
    let mut system = System::default();
    system.add(1, 0, "systemd", "/sbin/init", "/init.scope");
    system.add(9, 1, "bash", "bash", "/system.slice/runner.service");
    system.add(10, 9, "sockpit", "sockpit", "/system.slice/runner.service");
    system.add(20, 9, "server", "server", "/system.slice/runner.service");
    system.guarded = vec![9, 10];
    assert!(system.chain(20).is_empty());
}
