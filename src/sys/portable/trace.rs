//! The calls of another process: no portable means tells.

use std::convert::Infallible;
use std::time::Duration;

use crate::model::owner::ProcessKey;
use crate::model::trace::Call;
use crate::sys::error::{Error, Result};

/// The calls of a process: nobody tells them on this platform.
#[derive(Debug)]
pub struct Trace(Infallible);

impl Trace {
    /// Says that there are none here.
    pub fn open(_: u32) -> Result<Self> {
        let why = "it needs Linux with BPF, and a sockpit that was built with its feature `bpf`";
        Err(Error::unsupported("tracing the calls of a process", why))
    }

    /// Never called.
    pub fn poll(&mut self, _: Duration, _: impl FnMut(Call)) -> Result<()> {
        match self.0 {}
    }

    /// Never called.
    pub fn lost(&self) -> Result<u64> {
        match self.0 {}
    }

    /// Never called.
    pub fn is_of(&self, _: ProcessKey) -> bool {
        match self.0 {}
    }

    /// Never called.
    pub fn is_alive(&self) -> bool {
        match self.0 {}
    }
}
