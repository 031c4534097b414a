//! supervisord: spoken to by the configuration that it was itself started with, since others may
//! run beside it.

use super::World;
use super::ask::{Reply, words};
use super::lineage::{Member, Script};
use super::program::{confirm, elsewhere, is_ours, pids, unlike};
use crate::model::keeper::Keeper;
use crate::wire::keepers as said;

/// supervisord looks once a second, and waits one to three seconds longer after a start that
/// failed.
const LOOP_DELAY_MS: u64 = 3_000;

/// A configuration that no option names is looked for here, behind what lies beside the program
/// and in its working directory ("Configuration File" in supervisord's manual).
const USUAL: [&str; 2] = ["/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"];

/// The program that the holder is, or was started by.
pub(super) fn program(keeper: &mut Keeper, line: &[Member], at: usize, world: &mut World<'_>) {
    let member = &line[at];
    // Its `autorestart` and the exit code decide, and supervisorctl does not tell the first.
    keeper.restarts = None;
    keeper.delay_ms = Some(LOOP_DELAY_MS);
    let file = configuration(member, world);
    let named = file.as_deref().unwrap_or("FILE");
    keeper.untested = Some(words(&["supervisorctl", "-c", named, "stop", "NAME"]));
    let program = match (elsewhere(member, world), &file) {
        (Some(why), _) => Err(why),
        (None, None) => Err("its configuration is unknown".to_owned()),
        // It loads what its configuration names.
        (None, Some(file)) if !is_ours(member, world) && !(world.trusts)(file) => {
            Err("another user can change its configuration".to_owned())
        }
        (None, Some(file)) => ask(file, &pids(&line[..at]), world),
    };
    match program {
        Ok(Told { program, instance, name }) => {
            // `stop all` stops every program; with its group before it the name is a name.
            let named = if name == "all" { "all:all" } else { &name };
            let control: Vec<&str> =
                std::iter::once(&program).chain(&instance).map(String::as_str).collect();
            keeper.asks = Some(words(&[&control, &["status", named][..]].concat()));
            confirm(keeper, words(&[&control, &["stop", named][..]].concat()));
            keeper.instance = Some(name);
        }
        Err(why) => keeper.reason = Some(why),
    }
}

/// What supervisorctl tells of a process.
struct Told {
    /// supervisorctl's path.
    program: String,
    /// The options by which it speaks to this supervisord and no other.
    instance: Vec<String>,
    /// What it calls the program.
    name: String,
}

/// Asks by the configuration; and where that tells supervisorctl of no server, or of another one, by
/// the address at which supervisord itself is told to listen.
fn ask(file: &str, ours: &[u32], world: &mut World<'_>) -> Result<Told, String> {
    let instance = words(&["-c", file]);
    let first = ask_instance(instance, ours, world);
    if first.is_ok() {
        return first;
    }
    let here = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    let url = (world.read)(file).iter().find_map(|text| said::server_url(text, here));
    let by_url = url.and_then(|url| ask_instance(words(&["-s", &url]), ours, world).ok());
    by_url.map_or(first, Ok)
}

fn ask_instance(
    instance: Vec<String>,
    ours: &[u32],
    world: &mut World<'_>,
) -> Result<Told, String> {
    let question: Vec<&str> =
        instance.iter().map(String::as_str).chain(std::iter::once("status")).collect();
    let Reply { program, text } = world.asker.ask("supervisorctl", &question)?;
    let is_ours = |found: &said::Program| found.pid.is_some_and(|pid| ours.contains(&pid));
    let found = said::supervisord(&text).into_iter().find(is_ours);
    let found = found.ok_or_else(|| unlike(&text, "supervisorctl status", " pid "))?;
    Ok(Told { program, instance, name: found.name })
}

/// The configuration that this supervisord has read; `None` where that cannot be told.
fn configuration(member: &Member, world: &World<'_>) -> Option<String> {
    if let Some(file) = member.option("-c", "--configuration") {
        return member.absolute(file);
    }
    let program = match member.script() {
        Some(Script::File(script)) => Some(script),
        _ => member.process.cmdline.first().map(|program| &**program),
    };
    let program = program.filter(|program| program.contains('/'));
    let program = program.and_then(|program| member.absolute(program)).unwrap_or_default();
    let beside = program.rsplitn(3, '/').nth(2);
    let beside = beside.into_iter().flat_map(|above| {
        ["etc/supervisord.conf", "supervisord.conf"].map(|file| Some(format!("{above}/{file}")))
    });
    let within = ["supervisord.conf", "etc/supervisord.conf"].map(|file| member.absolute(file));
    let usual = USUAL.map(|file| Some(file.to_owned()));
    let mut all = beside.chain(within).chain(usual).flatten();
    all.find(|file| !(world.read)(file).is_empty())
}

/// Whether supervisord sends its signal to the whole process group of a program (`stopasgroup`),
/// and the holder is in that.
pub(super) fn signals_group(
    keeper: &Keeper,
    line: &[Member],
    at: usize,
    world: &World<'_>,
) -> bool {
    let Some(name) = keeper.instance.as_deref() else { return false };
    // supervisord makes each program the leader of a group.
    let program = line[at - 1].pid();
    let is_outside = |member: &Member| member.standing.group != Some(program);
    let below = |pid: &&u32| world.tree.ancestors(**pid).contains(&program);
    let mut heirs = world.subjects.iter().filter(below).filter_map(|pid| (world.member)(*pid));
    if line[..at].iter().any(is_outside) || heirs.any(|it| is_outside(&it)) {
        return false;
    }
    let Some(file) = configuration(&line[at], world) else { return false };
    let mut texts = (world.read)(&file);
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    let more: Vec<String> = texts.iter().flat_map(|text| said::includes(text)).collect();
    for pattern in more {
        let is_whole = pattern.starts_with('/');
        let pattern = if is_whole { pattern } else { format!("{directory}/{pattern}") };
        texts.extend((world.read)(&pattern));
    }
    // A process of several is called `web:web_00`, its program `web`.
    let names = name.split(':');
    let told = |text: &String| names.clone().find_map(|name| said::stops_group(text, name));
    texts.iter().find_map(told) == Some(true)
}
