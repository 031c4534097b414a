//! What a running packets feed is asked to count, list and write.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::live::CaptureOptions;
use super::wanted::Wanted;
use crate::model::packets::{FlowFocus, FlowKey};
use crate::wire::filter::{Filter, FilterError};

/// Steers what a running packets feed counts and lists. Clones steer the same feed.
#[derive(Clone, Debug)]
pub struct Steering(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    orders: Mutex<Orders>,
    written: Condvar,
}

/// What holds from the next round on.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    pub(super) focus: Option<FlowFocus>,
    pub(super) look: Option<FlowKey>,
    pub(super) wanted: Option<Wanted>,
    pub(super) options: CaptureOptions,
    /// What `options` has compiled.
    pub(super) filter: Option<Filter>,
    /// Counts again from nothing.
    pub(super) restart: bool,
    /// Something else is captured than before.
    pub(super) recapture: bool,
    /// Whole packets are taken.
    pub(super) whole: bool,
    /// Somebody looks: counting may take what it takes.
    pub(super) attended: bool,
    /// The file to be written.
    pub(super) file: Option<PathBuf>,
    /// Ends the round that runs.
    urgent: bool,
    /// A file is being written, or ended.
    is_writing: bool,
}

impl Steering {
    pub(super) fn new(options: CaptureOptions) -> Self {
        let orders = Orders {
            focus: None,
            look: None,
            wanted: None,
            options,
            filter: None,
            restart: false,
            recapture: false,
            whole: false,
            attended: true,
            file: None,
            urgent: false,
            is_writing: false,
        };
        Self(Arc::new(Shared { orders: Mutex::new(orders), written: Condvar::new() }))
    }

    /// Lists the flows of this socket whatever their rank, from the next snapshot on.
    pub fn set_focus(&self, focus: Option<FlowFocus>) {
        self.lock().focus = focus;
    }

    /// Looks at this flow packet by packet, from the next snapshot on.
    pub fn set_look(&self, flow: Option<FlowKey>) {
        self.lock().look = flow;
    }

    /// Takes whole packets from now on.
    pub fn take_whole(&self) {
        let mut orders = self.lock();
        orders.urgent |= !orders.whole;
        orders.whole = true;
    }

    /// Lists only flows that are wanted, from the next snapshot on.
    pub fn set_wanted(&self, wanted: Option<Wanted>) {
        self.lock().wanted = wanted;
    }

    /// Whether somebody looks. Where nobody does, counting takes a tenth of a core at most; what
    /// it would take more is a gap.
    pub fn attend(&self, attended: bool) {
        self.lock().attended = attended;
    }

    /// Counts again from nothing.
    pub fn restart(&self) {
        let mut orders = self.lock();
        (orders.restart, orders.urgent) = (true, true);
    }

    /// Captures only what the filter lets through, or everything, and counts again from nothing.
    pub fn capture_only(&self, filter: Option<Filter>) -> Result<(), FilterError> {
        let program = filter.as_ref().map(Filter::for_live).transpose()?;
        let mut orders = self.lock();
        orders.options.filter = program;
        orders.filter = filter;
        (orders.recapture, orders.urgent) = (true, true);
        Ok(())
    }

    /// Writes whole packets to this new file from now on; without one, ends what is written.
    pub fn write(&self, file: Option<PathBuf>) {
        let mut orders = self.lock();
        orders.whole |= file.is_some();
        orders.file = file;
        orders.urgent = true;
    }

    /// Waits until no file is being written any more, at most so long.
    pub fn wait_written(&self, limit: Duration) {
        let orders = self.lock();
        let is_writing = |orders: &mut Orders| orders.is_writing;
        // What is not written by then is lost.
        let _ = self.0.written.wait_timeout_while(orders, limit, is_writing);
    }

    /// Whether the round should end.
    pub(super) fn is_urgent(&self) -> bool {
        self.lock().urgent
    }

    /// What holds now.
    pub(super) fn orders(&self) -> Orders {
        self.lock().clone()
    }

    /// What holds now; what is to be done once is handed out once.
    pub(super) fn take(&self) -> Orders {
        let mut orders = self.lock();
        let taken = orders.clone();
        (orders.restart, orders.recapture, orders.urgent) = (false, false, false);
        taken
    }

    pub(super) fn set_writing(&self, is_writing: bool) {
        self.lock().is_writing = is_writing;
        self.0.written.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        // The orders are valid at every moment: a poisoned lock loses nothing.
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
