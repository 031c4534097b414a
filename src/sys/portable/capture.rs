//! Packet capture, which no portable means offers.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::Duration;

use super::netns::Namespace;
use crate::sys::capture::{Backend, CaptureOptions, CaptureStatistics, Captured, Drained};
use crate::sys::error::{Error, Result};

/// A running capture: there is none on this platform.
#[derive(Debug)]
pub struct Capture(Infallible);

impl Capture {
    /// Says that there is no capture here.
    pub fn open(_: &CaptureOptions, _: Option<&Namespace>) -> Result<Self> {
        Err(Error::unsupported(
            "packet capture",
            "only Linux has a capture backend yet; capture files can be read with -r",
        ))
    }

    /// Never called: there is no capture.
    pub fn backend(&self) -> Backend {
        match self.0 {}
    }

    /// Never called: there is no capture.
    pub fn fallback(&self) -> Option<&str> {
        match self.0 {}
    }

    /// Never called: there is no capture.
    pub fn drain(
        &mut self,
        _: Duration,
        _: impl FnMut(&Captured<'_>) -> ControlFlow<()>,
    ) -> Result<Drained> {
        match self.0 {}
    }

    /// Never called: there is no capture.
    pub fn finish(&mut self, _: impl FnMut(&Captured<'_>) -> ControlFlow<()>) -> Result<()> {
        match self.0 {}
    }

    /// Never called: there is no capture.
    pub fn statistics(&mut self) -> Result<CaptureStatistics> {
        match self.0 {}
    }

    /// Never called: there is no capture.
    pub fn interface_name(&self, _: u32) -> Option<String> {
        match self.0 {}
    }

    /// Never called: there is no capture.
    pub fn interfaces(&self) -> &[u32] {
        match self.0 {}
    }
}
