//! pm2: its daemon keeps applications, and listens itself for those in cluster mode.

use super::ask::{Reply, words};
use super::lineage::Member;
use super::program::{called, confirm, elsewhere, is_ours, pids};
use super::{World, losses};
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};
use crate::wire::keepers::{self as said, Pm2App};

/// The directory in the title of pm2's daemon: `PM2 v5.3.0: God Daemon (/root/.pm2)`.
pub fn pm2_home(member: &Member) -> Option<&str> {
    let title = member.process.cmdline.first()?;
    title.split_once('(')?.1.strip_suffix(')').filter(|home| home.starts_with('/'))
}

/// How pm2 is called for this daemon, and the applications that it lists.
fn list(member: &Member, world: &mut World<'_>) -> Result<(Vec<String>, Vec<Pm2App>), String> {
    if let Some(why) = elsewhere(member, world) {
        return Err(why);
    }
    let home = pm2_home(member).ok_or("its directory is unknown")?;
    if !is_ours(member, world) {
        return Err("it belongs to another user".to_owned());
    }
    let path = world.find("pm2")?;
    let home = format!("PM2_HOME={home}");
    let Reply { program, text } = world.asker.ask("env", &[&home, &path, "jlist"])?;
    Ok((vec![program, home, path], said::pm2(&text)))
}

/// A stop that is not looked into: by whom the daemon belongs to, and in its directory.
fn untested(member: &Member, what: &str, world: &World<'_>) -> Vec<String> {
    let mut argv = Vec::new();
    if let Some(uid) = member.process.uid.filter(|uid| *uid != world.uid) {
        argv.extend(words(&["sudo", "-u", &format!("#{uid}")]));
    }
    if let Some(home) = pm2_home(member) {
        argv.extend(words(&["env", &format!("PM2_HOME={home}")]));
    }
    argv.extend(words(&["pm2", "stop", what]));
    argv
}

/// The application that the holder is, or was started by.
pub(super) fn application(keeper: &mut Keeper, line: &[Member], at: usize, world: &mut World<'_>) {
    keeper.restarts = Some(true);
    keeper.untested = Some(untested(&line[at], "ID", world));
    let app = list(&line[at], world).and_then(|(argv, apps)| {
        let ours = pids(&line[..at]);
        let is_ours = |app: &Pm2App| app.pid.is_some_and(|pid| ours.contains(&pid));
        let app = apps.into_iter().find(is_ours);
        app.map(|app| (argv, app)).ok_or_else(|| "pm2 lists no such process".to_owned())
    });
    match app {
        Ok((mut argv, app)) => {
            keeper.asks = Some(argv.iter().cloned().chain(words(&["jlist"])).collect());
            argv.extend(words(&["stop", &app.id.to_string()]));
            confirm(keeper, argv);
            if app.ends_tree {
                losses::add_below(keeper, line, line[at - 1].pid(), world);
            } else if at > 1 || losses::leaves_heirs(&line[at - 1], true, world) {
                keeper.ends_holder = None;
            }
            keeper.instance = Some(app.name);
            keeper.restarts = Some(app.autorestart);
            keeper.delay_ms = app.restart_delay_ms.filter(|delay| *delay > 0);
        }
        Err(why) => keeper.reason = Some(why),
    }
}

/// The application for which the daemon itself holds a port. It tells of none for which: where
/// several are in cluster mode, all of them are named and no command is offered.
pub(super) fn cluster(holder: &Member, world: &mut World<'_>) -> Keeper {
    let mut keeper = Keeper {
        restarts: Some(false),
        confirmed: Some(Confirmed::Name),
        untested: Some(untested(holder, "NAME", world)),
        ..Keeper::new(KeeperKind::Pm2, called(holder, KeeperKind::Pm2), holder.pid())
    };
    let (mut argv, mut apps) = match list(holder, world) {
        Ok(told) => told,
        Err(why) => {
            keeper.reason = Some(why);
            return keeper;
        }
    };
    apps.retain(|app| app.cluster && app.pid.is_some());
    let mut names: Vec<&str> = apps.iter().map(|app| &*app.name).collect();
    names.sort_unstable();
    names.dedup();
    match &*names {
        [] => keeper.reason = Some("it lists no application in cluster mode".to_owned()),
        [name] => {
            keeper.instance = Some((*name).to_owned());
            argv.push("stop".to_owned());
            argv.extend(apps.iter().map(|app| app.id.to_string()));
            confirm(&mut keeper, argv);
            keeper.ends_holder = Some(false);
        }
        several => {
            let several = several.join(", ");
            keeper.reason =
                Some(format!("it listens for {several}, and does not tell for which of them here"));
        }
    }
    keeper
}
