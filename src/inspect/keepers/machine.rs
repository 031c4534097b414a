//! Machines of systemd-nspawn and LXC, and the units inside of them.

use super::World;
use super::ask::words;
use super::container::named;
use super::lineage::Member;
use super::unit::{self, Manager, Tie};
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};
use crate::model::owner::Container;
use crate::wire::cgroup;

/// A booted machine, with the unit inside of it that the process is in.
pub(super) fn keepers(
    line: &[Member],
    container: &Container,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let (holder, name) = (&line[0], &*container.id);
    let mut chain = Vec::new();
    let is_nspawn = container.runtime == "systemd-nspawn";
    let path = cgroup::path(&holder.cgroups).unwrap_or_default();
    if let Some((prefix, unit)) = cgroup::inner_unit(path) {
        let manager = Manager::Machine(name.to_owned());
        if is_nspawn {
            let tie = Tie { holder, witness: holder, prefix, reaches_holder: true, is_kept: false };
            chain.extend(unit::keepers(&unit, &manager, &tie, world));
        } else {
            chain.push(Keeper {
                instance: Some(unit.clone()),
                confirmed: Some(Confirmed::Path),
                untested: Some(words(&[
                    "lxc-attach",
                    "-n",
                    name,
                    "--",
                    "systemctl",
                    "stop",
                    &unit,
                ])),
                reason: Some("sockpit does not look into LXC's machines".to_owned()),
                ..Keeper::new(KeeperKind::Systemd, unit, holder.pid())
            });
        }
    }
    let mut keeper = Keeper {
        restarts: Some(false),
        ..Keeper { kind: KeeperKind::Machine, ..named(line, container) }
    };
    let (asking, question, stopping): (_, &[&str], &[&str]) = if is_nspawn {
        ("machinectl", &["show", "-p", "Leader", "--", name], &["terminate", "--", name])
    } else {
        ("lxc-info", &["--name", name, "--pid", "--no-humanize"], &["--name", name])
    };
    let program = if is_nspawn { "machinectl" } else { "lxc-stop" };
    let leader = world.asker.ask(asking, question).and_then(|reply| {
        let digits = reply.text.trim().trim_start_matches("Leader=");
        digits.parse::<u32>().map_err(|_| format!("{asking} names no first process of it"))
    });
    let told = leader.and_then(|leader| {
        let is_below = line.iter().any(|member| member.pid() == leader);
        let path = world.find(program)?;
        is_below.then_some((leader, path)).ok_or("its first process is no ancestor".to_owned())
    });
    match told {
        Ok((leader, path)) => {
            keeper.set_command(words(&[&[&*path], stopping].concat()), world.uid != 0);
            keeper.pid = Some(leader);
            keeper.ends_holder = Some(true);
            keeper.confirmed = Some(Confirmed::Asked);
            if holder.pid() != leader {
                keeper.stops_also.push(format!("everything else in {name}"));
            }
        }
        Err(why) => {
            keeper.untested = Some(words(&[&[program], stopping].concat()));
            keeper.reason = Some(why);
        }
    }
    chain.push(keeper);
    chain
}
