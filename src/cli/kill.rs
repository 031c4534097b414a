//! `sockpit kill`.

mod show;

use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::port::{self, Port};
use super::{Exit, Failure, consent, output};
use crate::act::kill::{self, Consent, Obstacle, Options, Verdict};
use crate::inspect::forwarders::{Held, redirect};
use crate::model::action::{KillOutcome, KillPlan, KillTarget, VictimOutcome};
use crate::model::signal::Signal;
use crate::text::{self, duration};

const SCHEMA: &str = "sockpit.kill/1";

/// Who is to be ended, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose processes to end: those that listen on PORT or are bound to it, or process N.
    #[arg(value_name = "PORT[/udp]|pid:N")]
    target: String,
    /// Only sockets bound to exactly this address.
    #[arg(long, value_name = "ADDR", value_parser = port::parse_addr)]
    addr: Option<IpAddr>,
    /// The first signal, by name or number.
    #[arg(long, value_name = "SIGNAL", default_value = "TERM", value_parser = parse_signal)]
    signal: Signal,
    /// How long to wait for the end after each signal: 500ms, 3s, 1m.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration::parse)]
    timeout: Duration,
    /// How long to watch the port afterwards. By itself as long as whoever keeps the process may
    /// take to bring it back, and 15 s at most.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    watch: Option<Duration>,
    /// Take the processes' descendants along.
    #[arg(long)]
    tree: bool,
    /// Allow KILL: as the signal, and after the timeout.
    #[arg(long)]
    force: bool,
    /// Allow ending pid 1, sockpit itself and the processes that it runs under.
    #[arg(long)]
    protected: bool,
    #[command(flatten)]
    how: consent::How,
}

/// Plans, asks, runs and tells.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let target = target(args)?;
    let options = options(args)?;
    let plan = kill::prepare(&target, &options)?;
    if args.how.dry_run {
        return dry_run(&plan, args.how.json);
    }
    if let Some(obstacle) = kill::obstacle(&plan) {
        if args.how.json {
            output::json(SCHEMA, &execute(args, &plan, Consent::default())?)?;
        }
        return Err(stopped(&plan, obstacle));
    }
    let Some(consent) = confirm(args, &plan)? else {
        return Err(Failure::no("nothing was done"));
    };
    let outcome = execute(args, &plan, consent)?;
    if args.how.json {
        output::json(SCHEMA, &outcome)?;
    } else {
        let mut out = output::stdout();
        show::outcome(&plan, &outcome, &mut out)?;
        out.flush()?;
    }
    conclude(args, &plan, &outcome)
}

fn target(args: &Args) -> Result<KillTarget, Failure> {
    let Some(pid) = args.target.strip_prefix("pid:") else {
        let Port { number, udp } = Port::parse(&args.target)?;
        return Ok(KillTarget::Port { port: number, udp, addr: args.addr });
    };
    if args.addr.is_some() {
        return Err(Failure::usage("--addr narrows a port; it cannot be used with pid:N"));
    }
    match pid.parse() {
        Ok(pid @ 1..=0x7fff_ffff) if !args.target.contains('+') => Ok(KillTarget::Pid { pid }),
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

fn dry_run(plan: &KillPlan, json: bool) -> Result<Exit, Failure> {
    if json {
        consent::json(SCHEMA, plan)?;
    } else {
        let mut out = output::stdout();
        show::plan(plan, &mut out)?;
        out.flush()?;
    }
    match kill::obstacle(plan) {
        None => Ok(Exit::Yes),
        Some(obstacle) => Err(stopped(plan, obstacle)),
    }
}

/// What the user agrees to; `None` when to nothing.
fn confirm(args: &Args, plan: &KillPlan) -> Result<Option<Consent>, Failure> {
    let mut stderr = io::stderr().lock();
    if !(args.how.yes && args.how.json) {
        show::plan(plan, &mut stderr)?;
    }
    if args.how.yes {
        return Ok(Some(Consent { protected: args.protected }));
    }
    if !consent::agrees("kill", &mut stderr)? {
        return Ok(None);
    }
    let protected = args.protected || confirm_protected(plan, &mut stderr)?;
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

fn execute(args: &Args, plan: &KillPlan, consent: Consent) -> Result<KillOutcome, Failure> {
    let mut progress = show::Progress::new(io::stderr());
    let outcome = kill::execute(plan, consent, &mut |event| {
        if !args.how.json {
            progress.tell(&event);
        }
    });
    progress.finish();
    Ok(KillOutcome { target: args.target.clone(), ..outcome? })
}

fn conclude(args: &Args, plan: &KillPlan, outcome: &KillOutcome) -> Result<Exit, Failure> {
    let verdict = kill::verdict(plan, outcome);
    if verdict == Verdict::Done {
        return Ok(Exit::Yes);
    }
    let sentence = format!("{}{}", show::shortfall(outcome), hint(args, plan, outcome));
    Err(failure(sentence, verdict == Verdict::NotPermitted))
}

/// What would have helped: an option, or the command that stops only what is held.
fn hint(args: &Args, plan: &KillPlan, outcome: &KillOutcome) -> String {
    let is_protected =
        |pid| plan.victims.iter().any(|victim| victim.key.pid == pid && victim.protected.is_some());
    let ignored = |victim: &VictimOutcome| !victim.exited && !victim.refused;
    if !args.protected && outcome.spared.iter().any(|spared| is_protected(spared.pid)) {
        match kill::narrow_command(plan) {
            Some(command) => format!("; this stops only that: {}", text::clean(&command)),
            None => "; --protected allows ending it".to_owned(),
        }
    } else if !args.force && outcome.victims.iter().any(ignored) {
        "; --force would send KILL, too".to_owned()
    } else {
        String::new()
    }
}

/// Nobody is to be ended, and where somebody would be.
fn stopped(plan: &KillPlan, obstacle: Obstacle) -> Failure {
    let Obstacle { sentence, not_permitted } = obstacle;
    let sentence = match kill::holder_elsewhere(plan) {
        Some(elsewhere) => format!("{sentence} here, but {elsewhere}"),
        None => match kill::obstacle_to_bind(plan) {
            Some(held) => format!("no process to end holds {}, but {held}", plan.target.describe()),
            None => match redirected(plan) {
                Some(redirected) => format!("{sentence}, but {redirected}"),
                None => sentence,
            },
        },
    };
    failure(sentence, not_permitted)
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
