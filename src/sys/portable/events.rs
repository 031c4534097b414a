//! What sockets do, as it happens: no portable means tells.

use std::convert::Infallible;
use std::time::Duration;

use crate::model::event::SocketEvent;
use crate::sys::error::{Error, Result};

/// Whether this sockpit can watch events at all, rights and kernel aside.
pub const IS_BUILT: bool = false;

/// What is watched.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Every network namespace, and not sockpit's own alone.
    pub all_namespaces: bool,
    /// Which events.
    pub watched: Watched,
}

/// Which events are watched: what is not wanted costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// All of them.
    Everything,
    /// Connections that are over, and what the kernel tells on the way to them.
    Ends,
    /// Packets that the kernel drops.
    Drops,
    /// These, and resets that are sent or received.
    DropsAndResets,
}

/// The kernel's events: there are none on this platform.
#[derive(Debug)]
pub struct Events(Infallible);

impl Events {
    /// Says that there are none here.
    pub fn open(_: Scope) -> Result<Self> {
        let why = "it needs Linux with BPF, and a sockpit that was built with its feature `bpf`";
        Err(Error::unsupported("watching what sockets do", why))
    }

    /// Never called.
    pub fn poll(&mut self, _: Duration, _: impl FnMut(SocketEvent)) -> Result<()> {
        match self.0 {}
    }

    /// Never called.
    pub fn lost(&self) -> Result<u64> {
        match self.0 {}
    }

    /// Never called.
    pub fn missing(&self) -> &[String] {
        match self.0 {}
    }
}
