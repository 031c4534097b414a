//! Runs effects. What may block goes to threads for blocking work; what comes of it goes
//! back over one bounded channel, with the id of its request.

mod tester;

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::arrange::{Arrange, Arranged, GroupBy};
use super::effect::{Effect, ProbeOrder};
use super::event::{Answer, Killed, RequestId, Stopped};
use super::export::Export;
use super::feeds::Feeds;
use super::surroundings::KeptBy;
use crate::act::clipboard;
use crate::act::kill::{self, Consent};
use crate::act::unit;
use crate::collect::trace;
use crate::inspect;
use crate::inspect::doctor;
use crate::model::action::{KillPlan, KillTarget, StopPlan};
use crate::model::owner::ProcessKey;
use crate::probe::Spoken;
use crate::sys::host;

/// Answers that may wait for the loop. Whoever has one more waits until there is room.
pub(super) const ANSWERS: usize = 64;

/// The last packets of a file wait for a look at whose they are, and for the disk.
const LAST_PACKETS: Duration = Duration::from_secs(3);

/// A file system that hangs must not keep the terminal for longer.
const SETTLING: Duration = Duration::from_secs(1);

/// The executor.
#[derive(Debug)]
pub(super) struct Executor {
    feeds: Feeds,
    answers: mpsc::Sender<(RequestId, Answer)>,
    probe: Option<(RequestId, oneshot::Sender<()>)>,
    talk: Option<(RequestId, mpsc::Sender<Vec<u8>>)>,
    kept: Arc<Mutex<HashMap<&'static str, RequestId>>>,
    keeping: Option<JoinHandle<()>>,
}

impl Executor {
    pub(super) fn new(feeds: Feeds, answers: mpsc::Sender<(RequestId, Answer)>) -> Self {
        Self { feeds, answers, probe: None, talk: None, kept: Arc::default(), keeping: None }
    }

    /// Starts an effect. Those that need the terminal belong to the loop and do nothing here.
    pub(super) fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Arrange(id, work) => {
                self.block(id, || Answer::Arranged(Box::new(arrange(*work))));
            }
            Effect::SearchHistory(id, work) => self.block(id, || Answer::History(work.run())),
            Effect::Keep(id, name, text) => {
                let kept = Arc::clone(&self.kept);
                let keep = move || Answer::Kept(keep(&kept, id, name, &text));
                self.keeping = Some(self.start(id, keep));
            }
            Effect::Export(id, export) => self.block(id, move || Answer::Exported(write(&export))),
            Effect::Capture(how) => self.feeds.capture(how),
            Effect::WatchDrops => self.feeds.watch_drops(),
            Effect::FocusFlows(focus) => self.feeds.focus(focus),
            Effect::LookAtFlow(flow) => self.feeds.look_at(flow),
            Effect::TakeWholePackets => self.feeds.take_whole_packets(),
            Effect::ListFlows(wanted) => self.feeds.list_flows(wanted),
            Effect::WritePackets(path) => self.feeds.write_packets(path),
            Effect::ResetCounts => self.feeds.reset_packets(),
            Effect::CaptureOnly(id, text) => {
                let feeds = self.feeds.clone();
                self.block(id, move || Answer::Capturing(feeds.capture_only(&text)));
            }
            Effect::AllNamespaces(all) => self.feeds.all_netns(all),
            Effect::Refresh => self.feeds.refresh(),
            Effect::Copy(id, text) => self.block(id, move || {
                let tool = clipboard::put(&text);
                Answer::Copied(text, tool)
            }),
            Effect::Quit
            | Effect::Suspend
            | Effect::CopyToTerminal(_)
            | Effect::Mouse(_)
            | Effect::Ring(_) => {}
            Effect::Inspect(id, row) => self.block(id, move || {
                let report = inspect::options::options(&row.socket);
                Answer::Options(report.map(Box::new).map_err(|error| error.to_string()))
            }),
            Effect::Name(id, addr) => {
                self.block(id, move || Answer::Named(addr, inspect::names::ask(addr)));
            }
            Effect::LookAround(id, look) => {
                self.block(id, move || Answer::LookedAround(look.run()));
            }
            Effect::AskKeepers(id, row) => {
                self.block(id, move || Answer::KeptBy(KeptBy::ask(&row)));
            }
            Effect::PlanKill(id, targets, options) => {
                self.block(id, move || Answer::KillPlanned(plan(&targets, &options)));
            }
            Effect::RunStop(id, plan) => self.stop(id, *plan),
            Effect::Prepare(id, request) => self.block(id, move || {
                Answer::Prepared(request.prepare_any().map_err(|error| error.to_string()))
            }),
            Effect::Act(id, action, consent) => {
                let tell = self.answers.clone();
                self.block(id, move || {
                    let mut tell = |progress| {
                        // Progress is for the eye alone: what finds no room is soon outdated.
                        let _ = tell.try_send((id, Answer::Acting(progress)));
                    };
                    Answer::Acted(action.run_any(consent, &mut tell))
                });
            }
            Effect::Explain(id, target) => self.block(id, move || {
                let report = inspect::why::explain(&target);
                Answer::Explained(report.map(Box::new).map_err(|error| error.to_string()))
            }),
            Effect::Trace(id, process, watched) => self.trace(id, process, watched),
            // Where nothing was on a terminal, there would be no dashboard.
            Effect::Examine(id) => self.block(id, || {
                Answer::Examined(doctor::examine(&doctor::Terminal::of_environment(true)))
            }),
            Effect::RunKill(id, plans, consent) => self.kill(id, plans, consent),
            Effect::Probe(id, order) => self.probe(id, order),
            Effect::ProbeAll(id, targets) => {
                tokio::spawn(tester::probe_all(id, targets, self.answers.clone()));
            }
            Effect::StopProbe(id) => {
                // Dropping its sender stops a test.
                self.probe.take_if(|(running, _)| *running == id);
            }
            Effect::TracePath(id, address) => {
                tokio::spawn(tester::path(id, address, self.answers.clone()));
            }
            Effect::Talk(id, target) => {
                self.talk = Some((id, tester::talk(id, target, self.answers.clone())));
            }
            Effect::Say(id, words) => self.say(id, words),
            Effect::HangUp(id) => {
                // Dropping its sender ends a talk.
                self.talk.take_if(|(running, _)| *running == id);
            }
        }
    }

    fn kill(&self, id: RequestId, plans: Vec<KillPlan>, consent: Consent) {
        let tell = self.answers.clone();
        self.block(id, move || {
            let run = |plan: KillPlan| {
                let outcome = kill::execute(&plan, consent, &mut |progress| {
                    // Progress is for the eye alone: what finds no room is soon outdated.
                    let _ = tell.try_send((id, Answer::Killing(progress)));
                });
                Killed { plan, consent, outcome: outcome.map_err(|error| error.to_string()) }
            };
            Answer::Killed(side_by_side(plans, &run))
        });
    }

    fn stop(&self, id: RequestId, plan: StopPlan) {
        let tell = self.answers.clone();
        self.block(id, move || {
            let outcome = unit::execute(&plan, &mut |progress| {
                let _ = tell.try_send((id, Answer::Killing(progress)));
            });
            let outcome = outcome.map_err(|error| error.to_string());
            Answer::Stopped(Box::new(Stopped { plan, outcome }))
        });
    }

    /// Follows the calls of a process for as long as `watched` is held.
    fn trace(&self, id: RequestId, process: ProcessKey, watched: Weak<()>) {
        let tell = self.answers.clone();
        self.block(id, move || {
            let is_wanted = || watched.strong_count() > 0;
            let ended = trace::follow(process, is_wanted, |traced| {
                tell.try_send((id, Answer::Traced(Arc::new(traced.clone())))).is_ok()
            });
            Answer::TraceEnded(ended.map(Arc::new).map_err(|error| error.to_string()))
        });
    }

    /// Waits a moment for what must not be lost at the end.
    pub(super) async fn settle(&mut self) {
        let feeds = self.feeds.clone();
        // A panic in there is told of by the panic hook.
        let _ = tokio::task::spawn_blocking(move || feeds.end_writing(LAST_PACKETS)).await;
        if let Some(keeping) = self.keeping.take() {
            let _ = tokio::time::timeout(SETTLING, keeping).await;
        }
    }

    /// Only one test runs at a time: a new one stops the one before.
    fn probe(&mut self, id: RequestId, order: ProbeOrder) {
        let (stop, stopped) = oneshot::channel();
        self.probe = Some((id, stop));
        tokio::spawn(tester::probe(id, order, stopped, self.answers.clone()));
    }

    /// What finds no room, since the peer does not take what was said before, is told as lost.
    fn say(&self, id: RequestId, words: Vec<u8>) {
        let Some((_, say)) = self.talk.as_ref().filter(|(running, _)| *running == id) else {
            return;
        };
        if say.try_send(words).is_err() {
            let why = "the peer does not take what was said before".to_owned();
            self.block(id, || Answer::Talking(Spoken::Lost(why)));
        }
    }

    /// Runs `work` on a thread for blocking work. Should it panic, the panic hook ends the
    /// dashboard.
    fn block(&self, id: RequestId, work: impl FnOnce() -> Answer + Send + 'static) {
        drop(self.start(id, work));
    }

    fn start(
        &self,
        id: RequestId,
        work: impl FnOnce() -> Answer + Send + 'static,
    ) -> JoinHandle<()> {
        let answers = self.answers.clone();
        tokio::task::spawn_blocking(move || {
            // Fails only when the loop has ended and nobody wants the answer any more.
            let _ = answers.blocking_send((id, work()));
        })
    }
}

/// A process tree has parents that hold no socket, so that only a look at all processes
/// tells of them; without it they are missing.
fn arrange(mut work: Arrange) -> Arranged {
    if work.group == Some(GroupBy::Tree) {
        work.processes = inspect::processes::tree().ok().map(Arc::new);
    }
    work.run()
}

fn plan(targets: &[KillTarget], options: &kill::Options) -> Result<Vec<KillPlan>, String> {
    let plan = |target| kill::prepare(target, options).map_err(|error| error.to_string());
    targets.iter().map(plan).collect()
}

/// Plans that are run at the same time.
const TOGETHER: usize = 16;

/// Runs plans side by side, since each watches its port for a while; one after another where
/// they have a victim in common, who shall not get each signal twice at once.
fn side_by_side(plans: Vec<KillPlan>, run: &(impl Fn(KillPlan) -> Killed + Sync)) -> Vec<Killed> {
    let victims = plans.iter().flat_map(|plan| &plan.victims).map(|victim| victim.key);
    let all: Vec<ProcessKey> = victims.collect();
    let distinct: BTreeSet<ProcessKey> = all.iter().copied().collect();
    let together = if distinct.len() == all.len() { TOGETHER } else { 1 };
    let mut killed = Vec::new();
    let mut plans = plans.into_iter().peekable();
    while plans.peek().is_some() {
        let round: Vec<KillPlan> = plans.by_ref().take(together).collect();
        killed.extend(thread::scope(|scope| {
            let threads: Vec<_> =
                round.into_iter().map(|plan| scope.spawn(move || run(plan))).collect();
            // A panic in there has ended the dashboard already.
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
        }));
    }
    killed
}

/// Writes a file that is kept between runs, unless a later request for it came first.
fn keep(
    kept: &Mutex<HashMap<&'static str, RequestId>>,
    id: RequestId,
    name: &'static str,
    text: &str,
) -> Result<(), String> {
    // Held while writing, so that the order of requests is that of the texts.
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.get(name).is_some_and(|last| *last > id) {
        return Ok(());
    }
    kept.insert(name, id);
    host::state::write(name, text).map_err(|error| format!("Cannot remember the {name}: {error}"))
}

/// Writes an export into the working directory, under a name that was free.
fn write(export: &Export) -> Result<PathBuf, String> {
    let path = Path::new(".").join(export.file_name());
    let fail = |error: &dyn std::fmt::Display| format!("Cannot write {}: {error}", path.display());
    let text = export.render().map_err(|error| fail(&error))?;
    let mut file = host::create_private(&path).map_err(|error| fail(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| fail(&error))?;
    Ok(path)
}
