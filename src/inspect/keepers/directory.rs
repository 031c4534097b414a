//! Supervisors of service directories: runit, s6, daemontools.

use super::World;
use super::ask::words;
use super::lineage::{Member, base};
use super::program::{confirm, elsewhere, pids, unlike};
use crate::model::keeper::{Keeper, TERM};
use crate::wire::keepers as said;

/// runsv, s6-supervise and supervise wait this long before they start a service again.
const SERVICE_DELAY_MS: u64 = 1_000;
/// A service directory: the supervisor's own working directory.
pub(super) fn service(
    keeper: &mut Keeper,
    line: &[Member],
    at: usize,
    world: &mut World<'_>,
    [program, command, status]: [&str; 3],
) {
    let member = &line[at];
    keeper.restarts = Some(true);
    keeper.delay_ms = Some(SERVICE_DELAY_MS);
    let named = member.process.cmdline.get(1).filter(|service| !service.starts_with('-'));
    let cwd = member.standing.cwd.as_deref().filter(|cwd| cwd.starts_with('/'));
    let directory = match (named, cwd) {
        (Some(named), Some(cwd)) if base(named.trim_end_matches('/')) == base(cwd) => cwd,
        _ => {
            keeper.reason = Some("its service directory is unknown".to_owned());
            return;
        }
    };
    keeper.instance = Some(directory.to_owned());
    keeper.untested = Some(words(&[program, command, directory]));
    let question: &[&str] = if status == "sv" { &["status", directory] } else { &[directory] };
    let asked = match elsewhere(member, world) {
        Some(why) => Err(why),
        None => world.asker.ask(status, question),
    };
    let path = world.find(program);
    let told = asked.and_then(|reply| match said::is_of(&reply.text, &pids(&line[..at])) {
        Some(_) => Ok(reply),
        None => Err(unlike(&reply.text, status, "(pid ")),
    });
    match told.and_then(|reply| Ok((reply, path?))) {
        Ok((reply, path)) => {
            if reply.text.contains("want down") {
                keeper.restarts = Some(false);
                keeper.delay_ms = None;
                keeper.policy = Some("started once".to_owned());
            }
            confirm(keeper, words(&[&path, command, directory]));
            keeper.asks = Some(words(&[&[&*reply.program], question].concat()));
            by_force(keeper, &line[..at], program, directory, world);
        }
        Err(why) => keeper.reason = Some(why),
    }
}

/// These supervisors send TERM and nothing else, unless they are told to.
fn by_force(
    keeper: &mut Keeper,
    line: &[Member],
    program: &str,
    directory: &str,
    world: &World<'_>,
) {
    let own = |name: &str| !(world.read)(&format!("{directory}/{name}")).is_empty();
    if own("control/d") || own("control/t") || own("down-signal") {
        // A script of the service's, or another signal: what that does is not known.
        keeper.ends_holder = None;
    } else if line.iter().any(|member| member.standing.is_deaf_to(TERM).is_some())
        && let Some(stop) = &mut keeper.stop
    {
        stop[1] = if program == "sv" { "force-stop" } else { "-dk" }.to_owned();
    }
}
