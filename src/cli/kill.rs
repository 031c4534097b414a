//! `sockpit kill`.

mod show;

use std::collections::HashSet;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::port::{self, Port, Ports};
use super::{Exit, Failure, consent, output};
use crate::act::kill::{self, Completion, Consent, Obstacle, Options};
use crate::inspect::forwarders::{Held, redirect};
use crate::model::action::{KillOutcome, KillPlan, KillTarget, VictimOutcome};
use crate::model::signal::Signal;
use crate::text::{self, duration, shell};

const SCHEMA: &str = "sockpit.kill/1";

/// Who is to be ended, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose processes to end: those that listen on PORT or are bound to it, on the UNIX socket at
    /// PATH, or process N. Several ports as a list or a range: 3000,3001 or 3000-3002.
    #[arg(value_name = "PORT[/udp]|PATH|pid:N", required = true)]
    targets: Vec<String>,
    /// Only sockets bound to exactly this address.
    #[arg(long, value_name = "ADDR", value_parser = port::parse_addr)]
    addr: Option<IpAddr>,
    /// The first signal, by name or number.
    #[arg(long, value_name = "SIGNAL", default_value = "TERM", value_parser = parse_signal)]
    signal: Signal,
    /// How long a process gets to exit after each signal: 500ms, 3s, 1m.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration::parse)]
    timeout: Duration,
    /// How long to watch the port afterwards. The default is as long as a supervisor may take to
    /// restart the process, but no more than 15 s.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    watch: Option<Duration>,
    /// End the processes' children too, and their children.
    #[arg(long)]
    tree: bool,
    /// Allow SIGKILL, as the first signal or for what is still alive after the timeout.
    #[arg(long)]
    force: bool,
    /// Allow ending PID 1, sockpit itself and the processes that it runs under.
    #[arg(long)]
    protected: bool,
    #[command(flatten)]
    how: consent::How,
}

/// A target as the user wrote it, and the plan for it.
struct Job {
    name: String,
    plan: KillPlan,
}

/// Plans, asks, runs and tells.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (targets, is_one) = targets(args)?;
    let options = options(args)?;
    let mut jobs = Vec::new();
    for (name, target) in targets {
        jobs.push(Job { name, plan: kill::prepare(&target, &options)? });
    }
    if args.how.dry_run {
        return dry_run(&jobs, is_one, args.how.json);
    }
    let consent = match stopped_all(&jobs) {
        // What was seen is told all the same.
        Some(_) if args.how.json => Consent::default(),
        Some(failure) => return Err(failure),
        None => match confirm(args, &jobs)? {
            Some(consent) => consent,
            None => return Err(Failure::no("nothing was done")),
        },
    };
    let mut outcomes = Vec::new();
    for job in &jobs {
        outcomes.push(execute(args, job, consent)?);
    }
    match outcomes.as_slice() {
        [outcome] if args.how.json && is_one => output::json(SCHEMA, outcome)?,
        outcomes if args.how.json => output::json_array(SCHEMA, outcomes)?,
        outcomes => {
            let mut out = output::stdout();
            for (job, outcome) in jobs.iter().zip(outcomes) {
                show::outcome(&job.plan, outcome, &mut out)?;
            }
            out.flush()?;
        }
    }
    conclude(args, &jobs, &outcomes)
}

/// What is to be ended, and whether it was written as one thing.
fn targets(args: &Args) -> Result<(Vec<(String, KillTarget)>, bool), Failure> {
    if let [one] = args.targets.as_slice()
        && let Some(pid) = one.strip_prefix("pid:")
    {
        if args.addr.is_some() {
            return Err(Failure::usage("--addr narrows a port; it cannot be used with pid:N"));
        }
        return Ok((vec![(one.clone(), pid_target(pid)?)], true));
    }
    if args.targets.iter().any(|target| target.starts_with("pid:")) {
        return Err(Failure::usage(
            "pid:N must be the only target: end one process at a time, or name ports",
        ));
    }
    if let [one] = args.targets.as_slice()
        && let Some(path) = port::path(one)
    {
        if args.addr.is_some() {
            return Err(Failure::usage("--addr narrows a port; a path has no address"));
        }
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let path = path.display().to_string();
        return Ok((vec![(one.clone(), KillTarget::Path { path, inodes: Vec::new() })], true));
    }
    if let Some(path) = args.targets.iter().find(|target| port::path(target).is_some()) {
        let text =
            format!("{path} stands alone: end the holder of one path at a time, or name ports");
        return Err(Failure::usage(text));
    }
    let Ports { ports, is_one } = Ports::parse(&args.targets)?;
    let target = |(name, Port { number, udp })| {
        (name, KillTarget::Port { port: number, udp, addr: args.addr })
    };
    Ok((ports.into_iter().map(target).collect(), is_one))
}

fn pid_target(pid: &str) -> Result<KillTarget, Failure> {
    match pid.parse() {
        Ok(pid @ 1..=0x7fff_ffff) => Ok(KillTarget::Pid { pid }),
        _ => {
            let text = format!("`{pid}` is no process id: write a number such as pid:4242");
            Err(Failure::usage(text))
        }
    }
}

fn options(args: &Args) -> Result<Options, Failure> {
    if args.signal == Signal::Kill && !args.force {
        let text = "KILL leaves a process no chance to tidy up: --signal KILL needs --force";
        return Err(Failure::usage(text));
    }
    let Args { signal, timeout, force, tree, watch, .. } = *args;
    Ok(Options { signal, timeout, force, tree, watch })
}

fn parse_signal(text: &str) -> Result<Signal, String> {
    let by_number =
        |number: i32| Signal::ALL.into_iter().find(|signal| kill::signal_number(*signal) == number);
    text.parse()
        .ok()
        .or_else(|| by_number(text.parse().ok()?))
        .ok_or_else(|| format!("no signal that ends a process: write one of {}", Signal::list()))
}

fn dry_run(jobs: &[Job], is_one: bool, json: bool) -> Result<Exit, Failure> {
    let plans: Vec<&KillPlan> = jobs.iter().map(|job| &job.plan).collect();
    match plans.as_slice() {
        [plan] if json && is_one => consent::json(SCHEMA, plan)?,
        plans if json => consent::json_array(SCHEMA, plans)?,
        plans => {
            let mut out = output::stdout();
            for plan in plans {
                show::plan(plan, &mut out)?;
            }
            out.flush()?;
        }
    }
    match stopped_all(jobs) {
        None => Ok(Exit::Yes),
        Some(failure) => Err(failure),
    }
}

/// A plan for more processes than this asks for their number.
const MANY: usize = 16;

/// What the user agrees to; `None` when to nothing.
fn confirm(args: &Args, jobs: &[Job]) -> Result<Option<Consent>, Failure> {
    let mut stderr = io::stderr().lock();
    if !(args.how.yes && args.how.json) {
        for job in jobs {
            show::plan(&job.plan, &mut stderr)?;
        }
    }
    if args.how.yes {
        return Ok(Some(Consent { protected: args.protected }));
    }
    if !consent::agrees("kill", &mut stderr)? {
        return Ok(None);
    }
    let victims = || jobs.iter().flat_map(|job| &job.plan.victims);
    let count = victims().map(|victim| victim.key).collect::<HashSet<_>>().len();
    if count > MANY {
        let question = format!("This ends {count} processes. Type their number to go on: ");
        if consent::ask(&question, &mut stderr)? != count.to_string() {
            return Ok(None);
        }
    }
    let mut protected = args.protected;
    for job in jobs.iter().filter(|job| job.plan.protected && !args.protected) {
        protected = confirm_protected(&job.plan, &mut stderr)?;
        if !protected {
            break;
        }
    }
    Ok(Some(Consent { protected }))
}

/// The second question: each protected pid has to be typed, so that a habit cannot answer it.
fn confirm_protected(plan: &KillPlan, stderr: &mut impl Write) -> Result<bool, Failure> {
    for victim in plan.victims.iter().filter(|victim| victim.protected.is_some()) {
        let pid = victim.key.pid.to_string();
        let name = text::clean(&victim.name);
        let question = format!("{name} {pid} is protected. Type its pid to end it, too: ");
        if consent::ask(&question, stderr)? != pid {
            return Ok(false);
        }
    }
    Ok(plan.protected)
}

fn execute(args: &Args, job: &Job, consent: Consent) -> Result<KillOutcome, Failure> {
    let mut progress = show::Progress::new(io::stderr());
    let outcome = kill::execute(&job.plan, consent, &mut |event| {
        if !args.how.json {
            progress.tell(&event);
        }
    });
    progress.finish();
    Ok(KillOutcome { target: job.name.clone(), ..outcome? })
}

/// The exit code, and of what fell short the reason.
fn conclude(args: &Args, jobs: &[Job], outcomes: &[KillOutcome]) -> Result<Exit, Failure> {
    if let Some(failure) = stopped_all(jobs) {
        return Err(failure);
    }
    let mut not_permitted = false;
    let mut sentences = Vec::new();
    for (Job { plan, .. }, outcome) in jobs.iter().zip(outcomes) {
        if kill::obstacle(plan).is_some() && outcome.port_free == Some(true) {
            continue;
        }
        match kill::completion(plan, outcome) {
            Completion::Done => continue,
            completion => not_permitted |= completion == Completion::NotPermitted,
        }
        sentences.push(format!("{}{}", show::shortfall(outcome), hint(args, plan, outcome)));
    }
    match sentences.as_slice() {
        [] => Ok(Exit::Yes),
        _ => Err(failure(sentences.join("; "), not_permitted)),
    }
}

/// Where nobody at all is to be ended: why.
fn stopped_all(jobs: &[Job]) -> Option<Failure> {
    let obstacles: Option<Vec<Obstacle>> =
        jobs.iter().map(|job| kill::obstacle(&job.plan)).collect();
    let obstacles = obstacles?;
    let not_permitted = obstacles.iter().any(|obstacle| obstacle.not_permitted);
    let sentence = |(job, obstacle): (&Job, Obstacle)| stopped(&job.plan, obstacle);
    let sentences: Vec<String> = jobs.iter().zip(obstacles).map(sentence).collect();
    Some(failure(sentences.join("; "), not_permitted))
}

/// What would have helped: an option, or the command that stops only what is held.
fn hint(args: &Args, plan: &KillPlan, outcome: &KillOutcome) -> String {
    let is_protected =
        |pid| plan.victims.iter().any(|victim| victim.key.pid == pid && victim.protected.is_some());
    let ignored = |victim: &VictimOutcome| !victim.exited && !victim.refused;
    if !args.protected && outcome.spared.iter().any(|spared| is_protected(spared.pid)) {
        match text::keeper::narrow(&plan.keepers) {
            Some(command) => format!("; this stops only that: {}", shell::line(&command)),
            None => "; --protected allows ending it".to_owned(),
        }
    } else if !args.force && outcome.victims.iter().any(ignored) {
        "; --force would send KILL, too".to_owned()
    } else if outcome.port_free == Some(true) {
        let command = text::keeper::narrow(&plan.keepers);
        command
            .map_or_else(String::new, |it| format!("; this stops only that: {}", shell::line(&it)))
    } else {
        String::new()
    }
}

/// Nobody is to be ended, and where somebody would be.
fn stopped(plan: &KillPlan, Obstacle { sentence, .. }: Obstacle) -> String {
    match kill::holder_elsewhere(plan) {
        Some(elsewhere) => format!("{sentence} here, but {elsewhere}"),
        None => match kill::obstacle_to_bind(plan) {
            Some(held) => format!("no process to end holds {}, but {held}", plan.target.describe()),
            None => match redirected(plan) {
                Some(redirected) => format!("{sentence}, but {redirected}"),
                None => sentence,
            },
        },
    }
}

/// Where packets for the port go when no process has it.
fn redirected(plan: &KillPlan) -> Option<String> {
    let KillTarget::Port { port, udp, .. } = plan.target else { return None };
    let has_none =
        plan.victims.is_empty() && plan.spared.is_empty() && plan.unattributed.is_empty();
    let where_to = has_none.then(|| redirect(Held { port, udp })).flatten()?;
    let protocol = if udp { "/udp" } else { "" };
    Some(text::clean(&format!("{where_to}; look: sockpit why {port}{protocol}")).to_string())
}

fn failure(sentence: String, not_permitted: bool) -> Failure {
    if not_permitted { Failure::not_permitted(sentence) } else { Failure::no(sentence) }
}
