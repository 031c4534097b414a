//! What the application wants done: data, run by the executor.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use super::arrange::Arrange;
use super::event::RequestId;
use super::export::Export;
use super::history::Search;
use super::surroundings::LookAround;
use crate::act::kill;
use crate::act::{AnyAction, AnyRequest, Consent};
use crate::collect::packets::Wanted;
use crate::inspect::bind;
use crate::model::action::{KillPlan, KillTarget, StopPlan};
use crate::model::owner::ProcessKey;
use crate::model::packets::{FlowFocus, FlowKey};
use crate::model::table::SocketRow;
use crate::probe::Target;

/// Something to be done outside of the application's state.
#[derive(Debug)]
pub enum Effect {
    /// Sort and filter the table on a worker.
    Arrange(RequestId, Box<Arrange>),
    /// Search the history of ended sockets on a worker.
    SearchHistory(RequestId, Box<Search>),
    /// Read the options of a socket.
    Inspect(RequestId, Arc<SocketRow>),
    /// Find out who is at the other end of a socket, and where its owners come from.
    LookAround(RequestId, Box<LookAround>),
    /// Ask who keeps the holders of a socket.
    AskKeepers(RequestId, Arc<SocketRow>),
    /// Ask the system what an address is called.
    Name(RequestId, IpAddr),
    /// Work out what a kill would do.
    PlanKill(RequestId, Vec<KillTarget>, kill::Options),
    /// Do it.
    RunKill(RequestId, Vec<KillPlan>, Consent),
    /// Stop a unit or container in place of a kill.
    RunStop(RequestId, Box<StopPlan>),
    /// Work out what an action would do.
    Prepare(RequestId, Box<dyn AnyRequest>),
    /// Do it.
    Act(RequestId, Box<dyn AnyAction>, Consent),
    /// Find out why a port is busy, by trial binds among others.
    Explain(RequestId, bind::Target),
    /// Follow the socket calls of a process until nobody holds what this points to.
    Trace(RequestId, ProcessKey, Weak<()>),
    /// Find out what can be seen and done here.
    Examine(RequestId),
    /// Test a target.
    Probe(RequestId, ProbeOrder),
    /// Test each of these once, side by side.
    ProbeAll(RequestId, Vec<Target>),
    /// Stop the test with this id.
    StopProbe(RequestId),
    /// Look for the hops to an address, by TCP connects to it.
    TracePath(RequestId, SocketAddr),
    /// Open a connection to talk on.
    Talk(RequestId, Target),
    /// Say this on the connection with this id.
    Say(RequestId, Vec<u8>),
    /// End the talk with this id.
    HangUp(RequestId),
    /// Put text on the desktop's clipboard.
    Copy(RequestId, String),
    /// Put text on the clipboard of the terminal that shows us.
    CopyToTerminal(String),
    /// Ring the terminal's bell, and show this on the desktop where the terminal can.
    Ring(String),
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Put this text in place of a file that is kept between runs.
    Keep(RequestId, &'static str, String),
    /// Write a file.
    Export(RequestId, Box<Export>),
    /// Count packets, or rest.
    Capture(Capturing),
    /// Count dropped packets and resets from now on.
    WatchDrops,
    /// List the flows of this socket whatever their rank.
    FocusFlows(Option<FlowFocus>),
    /// Look at this flow packet by packet.
    LookAtFlow(Option<FlowKey>),
    /// Capture whole packets from now on.
    TakeWholePackets,
    /// List only flows that are wanted, or all.
    ListFlows(Option<Wanted>),
    /// Capture only what this expression in tcpdump's language lets through; all, where it is
    /// empty. Counting begins anew.
    CaptureOnly(RequestId, String),
    /// Write packets to this new file from now on; without one, end the file that there is.
    WritePackets(Option<PathBuf>),
    /// Count packets from nothing again.
    ResetCounts,
    /// List the sockets of every network namespace, or of sockpit's own.
    AllNamespaces(bool),
    /// Take samples now.
    Refresh,
    /// Stop the process.
    Suspend,
    /// End the program.
    Quit,
}

impl Effect {
    /// The id of a change to the system, whose outcome must not be lost.
    pub fn action(&self) -> Option<RequestId> {
        match self {
            Self::RunKill(id, ..) | Self::RunStop(id, _) | Self::Act(id, ..) => Some(*id),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Effect {
    /// A plan of this kind that is asked for.
    pub(super) fn request<R: crate::act::Request>(&self) -> Option<(RequestId, &R)> {
        match self {
            Self::Prepare(id, request) => {
                (&**request as &dyn std::any::Any).downcast_ref().map(|request| (*id, request))
            }
            _ => None,
        }
    }
}

/// How packets are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capturing {
    /// Not at all.
    Off,
    /// With a tenth of a core at most: nobody looks.
    InBackground,
    /// Whatever it takes.
    Attended,
}

/// A test to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeOrder {
    /// Where to.
    pub target: Target,
    /// Once a second until stopped; else one round.
    pub continuous: bool,
}

/// Gives out request ids.
#[derive(Debug, Default)]
pub struct Requests {
    last: u64,
}

impl Requests {
    /// An id that was never given out before.
    pub fn next_id(&mut self) -> RequestId {
        self.last += 1;
        RequestId(self.last)
    }
}
