//! Parents whose trade it is to start their child again, told by program and arguments.

use super::ask::words;
use super::lineage::{self, Member};
use super::{World, directory, losses, pm2, script, supervisord};
use crate::model::keeper::{Confirmed, Deafness, Keeper, KeeperKind, TERM};

/// Programs by name: of the process, of the file, or of the script that an interpreter runs.
const PROGRAMS: [(&str, KeeperKind); 30] = [
    ("runsv", KeeperKind::Runit),
    ("s6-supervise", KeeperKind::S6),
    ("supervise", KeeperKind::Daemontools),
    ("supervisord", KeeperKind::Supervisord),
    ("cron", KeeperKind::Cron),
    ("crond", KeeperKind::Cron),
    ("CRON", KeeperKind::Cron),
    ("xinetd", KeeperKind::SuperServer),
    ("inetd", KeeperKind::SuperServer),
    ("inetutils-inetd", KeeperKind::SuperServer),
    ("openbsd-inetd", KeeperKind::SuperServer),
    ("nodemon", KeeperKind::Watcher),
    ("nodemon.js", KeeperKind::Watcher),
    ("node-dev", KeeperKind::Watcher),
    ("ts-node-dev", KeeperKind::Watcher),
    ("watchexec", KeeperKind::Watcher),
    ("watchmedo", KeeperKind::Watcher),
    ("cargo-watch", KeeperKind::Watcher),
    ("entr", KeeperKind::Watcher),
    ("air", KeeperKind::Watcher),
    ("reflex", KeeperKind::Watcher),
    ("circusd", KeeperKind::Parent),
    ("forever", KeeperKind::Parent),
    ("autossh", KeeperKind::Parent),
    ("perpd", KeeperKind::Parent),
    ("dinit", KeeperKind::Parent),
    ("procServ", KeeperKind::Parent),
    ("god", KeeperKind::Parent),
    ("bluepill", KeeperKind::Parent),
    ("watch", KeeperKind::Parent),
];

/// Programs between a keeper and its process that pass a signal on and end with their child.
const FORWARDERS: [&str; 5] = ["tini", "dumb-init", "catatonit", "docker-init", "npm"];

/// The commands of sv and s6-svc that send KILL.
const BY_KILL: [&str; 2] = ["force-stop", "-dk"];

/// Which kind of keeper a process is, if it is one.
pub fn kind(member: &Member) -> Option<KeeperKind> {
    let arguments = || member.process.cmdline.iter().map(|argument| &**argument);
    // The name that pm2's daemon gives itself holds its version.
    let names = member.names();
    if names.iter().any(|name| name.starts_with("PM2 v")) {
        return Some(KeeperKind::Pm2);
    }
    let is = |name: &str| names.contains(&name);
    if (is("node") || is("nodejs")) && arguments().any(is_watch_flag)
        || is("tsx") && arguments().any(|argument| argument == "watch")
    {
        return Some(KeeperKind::Watcher);
    }
    if names.iter().any(|name| name.starts_with("uwsgi"))
        && arguments().any(|argument| argument.starts_with("--emperor"))
    {
        return Some(KeeperKind::Emperor);
    }
    PROGRAMS.iter().find(|(name, _)| is(name)).map(|(_, kind)| *kind)
}

fn is_watch_flag(argument: &str) -> bool {
    argument == "--watch" || argument.starts_with("--watch-path")
}

/// The keeper that `line[at]` is for `line[0]`, if it is one.
pub(super) fn keeper(line: &[Member], at: usize, world: &mut World<'_>) -> Option<Keeper> {
    let (member, between) = (&line[at], &line[1..at]);
    // Whoever started what started it is not its keeper.
    let is_near = || {
        let is_way = |it: &Member| losses::is_wrapper(it) || lineage::is_same_program(it, &line[0]);
        between.iter().all(is_way) && world.guarded.iter().all(|it| it.pid() != member.pid())
    };
    let loops =
        self::kind(member).is_none() && is_near() && script::is_loop(member, &line[0], world);
    let kind = kind(member).or(loops.then_some(KeeperKind::Parent))?;
    // cron makes a process of its own for each job, which is no second keeper.
    let is_cron = |member: &Member| self::kind(member) == Some(KeeperKind::Cron);
    if is_cron(member) && line.get(at + 1).is_some_and(is_cron) {
        return None;
    }
    let mut keeper = Keeper {
        pid: Some(member.pid()),
        confirmed: Some(Confirmed::Name),
        ..Keeper::new(kind, called(member, kind), line[0].pid())
    };
    match kind {
        KeeperKind::Runit => directory::service(&mut keeper, line, at, world, ["sv", "down", "sv"]),
        KeeperKind::S6 => {
            directory::service(&mut keeper, line, at, world, ["s6-svc", "-d", "s6-svstat"]);
        }
        KeeperKind::Daemontools => {
            directory::service(&mut keeper, line, at, world, ["svc", "-d", "svstat"]);
        }
        KeeperKind::Supervisord => supervisord::program(&mut keeper, line, at, world),
        KeeperKind::Pm2 => pm2::application(&mut keeper, line, at, world),
        KeeperKind::Emperor => emperor(&mut keeper, line, at),
        KeeperKind::Cron => {
            keeper.policy = Some("by its table".to_owned());
            keeper.reason = Some("a job is taken out of a crontab, not stopped".to_owned());
        }
        KeeperKind::SuperServer => {
            keeper.policy = Some("with the next connection".to_owned());
            keeper.reason = Some(TURNED_OFF.to_owned());
        }
        KeeperKind::Watcher => {
            keeper.policy = Some("when a file changes".to_owned());
            whole(&mut keeper, line, at, world);
        }
        _ if member.names().contains(&"watch") => {
            repeated(&mut keeper, member);
            whole(&mut keeper, line, at, world);
        }
        _ => {
            keeper.restarts = (!loops).then_some(true);
            keeper.policy = loops.then(|| "its script has a loop".to_owned());
            whole(&mut keeper, line, at, world);
        }
    }
    leave_to_root(&mut keeper, member, world);
    only_its_own_child(&mut keeper, between.iter().rev().find(|it| !passes_on(it)));
    if keeper.ends_holder == Some(true) {
        reach(&mut keeper, line, at, world);
    }
    keeper.first = Some(line[at - 1].pid());
    keeper.revives = keeper.may_restart() && !is_patient(kind);
    Some(keeper)
}

/// Says how far the signal of a supervisor's stop reaches: it is sent to its child, and what that
/// has started may outlive it.
fn reach(keeper: &mut Keeper, line: &[Member], at: usize, world: &World<'_>) {
    if matches!(keeper.kind, KeeperKind::Watcher | KeeperKind::Parent | KeeperKind::Pm2) {
        return;
    }
    let program = &line[at - 1];
    let last = line[..at].iter().rev().find(|member| !passes_on(member)).unwrap_or(&line[0]);
    let by_term = keeper.stop.as_ref().is_none_or(|stop| !BY_KILL.contains(&&*stop[1]));
    let is_alone = line[1..at].iter().all(passes_on);
    if is_alone && !losses::leaves_heirs(last, by_term, world) {
        return;
    }
    if keeper.kind == KeeperKind::Supervisord && supervisord::signals_group(keeper, line, at, world)
    {
        let program = program.pid();
        let in_group =
            |pid: u32| (world.member)(pid).is_some_and(|it| it.standing.group == Some(program));
        let below: Vec<u32> =
            world.tree.descendants(program).iter().map(|node| node.key.pid).collect();
        let within = |pid: u32| below.contains(&pid) && in_group(pid);
        losses::add(keeper, line, &within, world);
    } else {
        keeper.ends_holder = None;
    }
}

/// Whether a process passes a signal on, and ends with its child.
fn passes_on(member: &Member) -> bool {
    let mut names = member.names().into_iter().filter_map(|name| name.split(' ').next());
    names.any(|name| FORWARDERS.contains(&name))
}

/// Whether a keeper starts nothing again for the mere end of what it has started.
fn is_patient(kind: KeeperKind) -> bool {
    matches!(kind, KeeperKind::Watcher | KeeperKind::Cron | KeeperKind::SuperServer)
}

/// `watch(1)` runs its command every two seconds, or as often as it is told; some options let it
/// end after a run that failed, or brought another result.
fn repeated(keeper: &mut Keeper, member: &Member) {
    let seconds = member.option("-n", "--interval").map_or(Some(2.0), |told| told.parse().ok());
    let seconds = seconds.filter(|told: &f64| told.is_finite() && *told >= 0.0);
    let may_end = |argument: &&str| {
        let short = argument.starts_with('-') && !argument.starts_with("--");
        matches!(*argument, "--errexit" | "--chgexit" | "--equexit")
            || short && argument.contains(['e', 'g', 'q'])
    };
    let own = member.process.cmdline.iter().skip(1).map(|argument| &**argument);
    let mut own = own.take_while(|argument| argument.starts_with('-'));
    keeper.restarts = own.all(|argument| !may_end(&argument)).then_some(true);
    keeper.policy = seconds.map(|seconds| format!("every {seconds} s"));
    keeper.delay_ms = seconds.map(|seconds| (seconds * 1_000.0) as u64);
}

/// How a service of inetd or xinetd is stopped.
const TURNED_OFF: &str = "a service of its own is turned off in its configuration, which it reads \
                          again on HUP";

/// The keeper that a process is for the socket that it listens on, for what it starts.
pub(super) fn super_server(holder: &Member) -> Keeper {
    Keeper {
        restarts: Some(false),
        confirmed: Some(Confirmed::Name),
        reason: Some(TURNED_OFF.to_owned()),
        ..Keeper::new(
            KeeperKind::SuperServer,
            called(holder, KeeperKind::SuperServer),
            holder.pid(),
        )
    }
}

/// What a keeper is called by its users, where its process has another name: `nodemon 625`.
pub(super) fn called(member: &Member, kind: KeeperKind) -> String {
    let names = member.names();
    let known = PROGRAMS.iter().map(|(name, _)| *name).find(|name| names.contains(name));
    let name = match (kind, known) {
        (KeeperKind::Pm2, _) => "pm2",
        (KeeperKind::Emperor, _) => "uwsgi's emperor",
        (KeeperKind::Watcher, None) if names.contains(&"tsx") => "tsx watch",
        (KeeperKind::Watcher, None) => "node --watch",
        (_, Some(known)) => known.trim_end_matches(".js"),
        (_, None) => return member.who(),
    };
    format!("{name} {}", member.pid())
}

/// One that has no command of its own is ended, with all that it started; by KILL where one of
/// them would not end by TERM: it could start the rest again meanwhile.
fn whole(keeper: &mut Keeper, line: &[Member], at: usize, world: &World<'_>) {
    let member = &line[at];
    let pid = format!("pid:{}", member.pid());
    let mut argv = words(&["sockpit", "kill", &pid, "--tree"]);
    if let Some(why) = line[..=at].iter().find_map(|member| outlives_term(member, world)) {
        argv.extend(words(&["--signal", "KILL", "--force"]));
        let policy = keeper.policy.as_ref().map_or(String::new(), |policy| format!("{policy}; "));
        keeper.policy = Some(format!("{policy}{why}"));
    }
    keeper.set_command(argv, world.uid != 0 && !is_ours(member, world));
    keeper.ends_holder = Some(true);
    losses::add_below(keeper, line, member.pid(), world);
}

/// Why a process does not end by TERM, as a clause; `None` for one that is not known to live on.
fn outlives_term(member: &Member, world: &World<'_>) -> Option<String> {
    let who = member.who();
    match member.standing.is_deaf_to(TERM) {
        Some(Deafness::Ignores) => Some(format!("{who} ignores TERM")),
        Some(Deafness::InitWithoutHandler) => Some(format!(
            "{who} is pid 1 of its PID namespace and has no handler for TERM, which the kernel \
             does not deliver then"
        )),
        None => script::goes_on_after_term(member, world)
            .then(|| format!("{who} traps TERM, and its trap does not exit")),
    }
}

/// Why an answer is of no use: what it says, where it does not say what such answers do.
pub(super) fn unlike(text: &str, program: &str, mark: &str) -> String {
    let first = text.lines().find(|line| !line.trim().is_empty());
    match first.filter(|_| !text.contains(mark)) {
        Some(line) => format!("{program} says: {}", line.trim()),
        None => format!("{program} names another process"),
    }
}

pub(super) fn confirm(keeper: &mut Keeper, argv: Vec<String>) {
    keeper.stop = Some(argv);
    keeper.untested = None;
    keeper.ends_holder = Some(true);
    keeper.confirmed = Some(Confirmed::Asked);
}

pub(super) fn pids(line: &[Member]) -> Vec<u32> {
    line.iter().map(Member::pid).collect()
}

/// Why a keeper's command would not reach it from here; `None` when it would.
pub(super) fn elsewhere(member: &Member, world: &World<'_>) -> Option<String> {
    let (there, here) = (member.standing.mount_namespace, world.mount_namespace);
    let is_other = there.is_some() && here.is_some() && there != here;
    is_other.then(|| "it lives among files of its own, in another mount namespace".to_owned())
}

/// It starts its own child again once that one has ended. What is between it and the holder may go on
/// to something else: a `run` script to its next line.
fn only_its_own_child(keeper: &mut Keeper, between: Option<&Member>) {
    let starts_a_child = matches!(
        keeper.kind,
        KeeperKind::Runit | KeeperKind::S6 | KeeperKind::Daemontools | KeeperKind::Pm2
    );
    if let Some(child) = between.filter(|_| starts_a_child && keeper.restarts == Some(true)) {
        keeper.restarts = None;
        keeper.policy = Some(format!("once {} has ended", child.who()));
    }
}

/// What could not be looked into is for root to do where the keeper is another user's.
pub(super) fn leave_to_root(keeper: &mut Keeper, member: &Member, world: &World<'_>) {
    if !is_ours(member, world) && keeper.stop.is_none() {
        by_root(keeper, world);
    }
}

/// What could not be looked into for want of rights is for root to do.
pub(super) fn by_root(keeper: &mut Keeper, world: &World<'_>) {
    let untested = keeper.untested.as_mut().filter(|argv| argv[0] != "sudo");
    if let Some(argv) = untested.filter(|_| world.uid != 0) {
        argv.insert(0, "sudo".to_owned());
    }
}

pub(super) fn is_ours(member: &Member, world: &World<'_>) -> bool {
    member.process.uid == Some(world.uid)
}

fn emperor(keeper: &mut Keeper, line: &[Member], at: usize) {
    keeper.restarts = Some(true);
    keeper.policy = Some("when it looks the next time".to_owned());
    let mut arguments = line[at].process.cmdline.iter();
    let of_flag = arguments.find_map(|argument| {
        let rest = argument.strip_prefix("--emperor")?;
        Some(rest.strip_prefix('=').map(str::to_owned))
    });
    let directory = of_flag.flatten().or_else(|| arguments.next().map(ToString::to_string));
    let vassal = line[at - 1].process.cmdline.windows(2).find(|pair| &*pair[0] == "--ini");
    keeper.instance = vassal.map(|pair| pair[1].to_string());
    let place = directory.map_or(String::new(), |directory| format!(" {directory}"));
    keeper.reason =
        Some(format!("the emperor stops it when its file leaves the emperor's directory{place}"));
}
