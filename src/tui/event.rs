//! What can happen to the dashboard.

use std::any::Any;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::Timestamp;

use super::arrange::Arranged;
use super::history::Found;
use super::surroundings::{KeptBy, Surroundings};
use crate::act::{Action, AnyAction, AnyDone, Consent, Done, Progress, kill, unit};
use crate::inspect::names;
use crate::model::action::{KillOutcome, KillPlan, StopOutcome, StopPlan};
use crate::model::drops::Drops;
use crate::model::interface::Interfaces;
use crate::model::machine::Ability;
use crate::model::options::OptionsReport;
use crate::model::packets::PacketCounts;
use crate::model::probe::{Hop, ProbeReport, Verdict};
use crate::model::sample::Sample;
use crate::model::table::SocketTable;
use crate::model::trace::Traced;
use crate::model::why::WhyReport;
use crate::probe;

/// The time of an event, on both clocks. The application asks no clock itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic.
    pub at: Instant,
    /// Wall clock.
    pub wall: Timestamp,
}

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self { at: Instant::now(), wall: Timestamp::now() }
    }
}

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// A moment that [`super::app::App::wake_at`] asked for.
    Tick,
    /// A feed has a new sample.
    Feed(FeedUpdate),
    /// An effect has come to something.
    Answer(RequestId, Answer),
}

/// A new sample of one of the feeds.
#[derive(Clone, Debug)]
pub enum FeedUpdate {
    /// The socket table.
    Ports(Arc<Sample<SocketTable>>),
    /// Interface counters.
    Interfaces(Arc<Sample<Interfaces>>),
    /// Packet counts.
    Packets(Arc<Sample<PacketCounts>>),
    /// Dropped packets and resets.
    Drops(Arc<Sample<Drops>>),
}

/// Connects an effect with its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What came of an effect. Errors are sentences, uncleaned.
#[derive(Debug)]
pub enum Answer {
    /// The table in its order.
    Arranged(Box<Arranged>),
    /// What the history has of ended sockets.
    History(Found),
    /// The options of a socket.
    Options(Result<Box<OptionsReport>, String>),
    /// What an address is called.
    Named(IpAddr, names::NameAnswer),
    /// Who is around a socket.
    LookedAround(Surroundings),
    /// Who keeps the holders of a socket.
    KeptBy(KeptBy),
    /// What a kill would do, one plan a target.
    KillPlanned(Result<Vec<KillPlan>, String>),
    /// How far a kill is.
    Killing(kill::Progress),
    /// What a kill did, one for each plan.
    Killed(Vec<Killed>),
    /// What stopping a unit or container did.
    Stopped(Box<Stopped>),
    /// What an action would do.
    Prepared(Result<Box<dyn AnyAction>, String>),
    /// How far an action is.
    Acting(Progress),
    /// What an action did.
    Acted(Box<dyn AnyDone>),
    /// Why a port is busy, or is not.
    Explained(Result<Box<WhyReport>, String>),
    /// What is known of the calls of a process.
    Traced(Arc<Traced>),
    /// All that was known of them when the process ended, or why they cannot be followed.
    TraceEnded(Result<Arc<Traced>, String>),
    /// What can be seen and done here.
    Examined(Vec<Ability>),
    /// How far a test is.
    Probing(probe::Progress),
    /// A test has ended; `None` when it was stopped before its first attempt ended.
    Probed(Option<Box<ProbeReport>>),
    /// The hops to an address, or why none could be looked for.
    Path(Result<Vec<Hop>, String>),
    /// A step of a talk.
    Talking(probe::Spoken),
    /// One of several targets was tested: which, and the answer.
    ProbedOf(usize, Box<Verdict>),
    /// Something is kept for the next run.
    Kept(Result<(), String>),
    /// Text that was to be copied, and what took it; `None` where nothing did.
    Copied(String, Option<&'static str>),
    /// What is captured now, or why that expression cannot be.
    Capturing(Result<(), String>),
    /// A file was written.
    Exported(Result<PathBuf, String>),
}

/// A plan that was run.
#[derive(Clone, Debug)]
pub struct Killed {
    /// The plan.
    pub plan: KillPlan,
    /// What was agreed to beyond it.
    pub consent: Consent,
    /// What came of it, or why it was not run at all.
    pub outcome: Result<KillOutcome, String>,
}

/// A unit or container that was to be stopped.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// The plan.
    pub plan: StopPlan,
    /// What came of it, or why it was not run at all.
    pub outcome: Result<StopOutcome, String>,
}

impl Stopped {
    /// Whether it was stopped and the ports are free.
    pub fn is_success(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|outcome| unit::is_success(&self.plan, outcome))
    }
}

impl Answer {
    /// What an action of this kind would do, or why there is no plan.
    pub fn prepared<A: Action>(&self) -> Option<Result<&A, &str>> {
        match self {
            Self::Prepared(Ok(plan)) => (&**plan as &dyn Any).downcast_ref().map(Ok),
            Self::Prepared(Err(why)) => Some(Err(why)),
            _ => None,
        }
    }

    /// What an action of this kind did.
    pub fn acted<A: Action>(&self) -> Option<&Done<A>> {
        match self {
            Self::Acted(done) => (&**done as &dyn Any).downcast_ref(),
            _ => None,
        }
    }
}
