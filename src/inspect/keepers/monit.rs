//! monit: it looks for processes by the files with their ids, and is no parent of them.

use super::World;
use super::ask::words;
use super::lineage::Member;
use super::program::{elsewhere, is_ours, leave_to_root, pids};
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};
use crate::wire::keepers as said;

/// The monit that looks after one of these processes. One that does not answer is told of only
/// where the process lives in its unit.
pub(super) fn keeper(line: &[Member], world: &mut World<'_>) -> Option<Keeper> {
    let mut running = world.tree.iter().filter(|node| &*node.name == "monit");
    let monit = running.find_map(|node| (world.member)(node.key.pid))?;
    let mut keeper = Keeper {
        pid: Some(monit.pid()),
        policy: Some("when it looks the next time".to_owned()),
        confirmed: Some(Confirmed::Path),
        ..Keeper::new(KeeperKind::Monit, monit.who(), line[0].pid())
    };
    let file = monit.option("-c", "--config").and_then(|file| monit.absolute(file));
    let file: Vec<&str> = file.iter().flat_map(|file| ["-c", file]).collect();
    let asked = match elsewhere(&monit, world) {
        Some(why) => Err(why),
        None if !is_ours(&monit, world) => Err("it belongs to another user".to_owned()),
        None => world.asker.ask("monit", &[&*file, &["status"]].concat()),
    };
    let ours = pids(line);
    match asked {
        Ok(reply) => {
            let is_it = |found: &said::Program| found.pid.is_some_and(|pid| ours.contains(&pid));
            let found = said::monit(&reply.text).into_iter().find(is_it)?;
            if found.name == "all" {
                let why = "monit takes the name `all` for everything that it watches";
                keeper.reason = Some(why.to_owned());
            } else {
                let stop = [&[&*reply.program], &*file, &["stop", &found.name]].concat();
                keeper.stop = Some(words(&stop));
            }
            keeper.restarts = Some(true);
            (keeper.first, keeper.revives) = (found.pid, true);
            keeper.confirmed = Some(Confirmed::Asked);
            keeper.instance = Some(found.name);
            Some(keeper)
        }
        Err(why) => {
            keeper.reason = Some(why);
            keeper.untested = Some(words(&[&["monit"], &*file, &["stop", "NAME"]].concat()));
            leave_to_root(&mut keeper, &monit, world);
            (line[0].cgroups == monit.cgroups && !monit.cgroups.is_empty()).then_some(keeper)
        }
    }
}
