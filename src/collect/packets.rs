//! Packets: counted where they are captured or read; counts cross threads, packets do not.

mod attribution;
mod collector;
mod counter;
mod file;
mod flows;
mod fragments;
mod live;
mod ports;
mod sightings;
mod snapshot;
#[cfg(test)]
mod tests;
mod unpack;

pub use collector::{Steering, health_of, health_of_error, spawn};
pub use counter::{Counter, Frame};
pub use file::{FileCount, FileError, FileSource, count_record};
pub use live::{CaptureOptions, LiveCapture};
pub use snapshot::Limits;
