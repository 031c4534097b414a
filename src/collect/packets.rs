//! Packets: counted where they are captured or read; counts cross threads, packets do not.

mod applications;
mod attribution;
mod collector;
mod counter;
mod each;
mod expression;
mod file;
mod flows;
mod fragments;
mod ladder;
mod lines;
mod live;
mod ports;
mod recording;
mod sightings;
mod snapshot;
mod sockets;
mod steering;
mod store;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod unpack;
mod wanted;
mod writer;

pub use crate::sys::Error as CaptureError;
pub use crate::sys::netns::{Namespace, named as namespace};
pub use crate::wire::filter::{Filter, FilterError};
pub use collector::{health_of, spawn};
pub use counter::{Counter, Frame};
pub use each::{Each, Packet};
pub use expression::parse_filter;
pub use file::{FileCount, FileError, FileJob, FileSource, PassedOver, count_record};
pub use ladder::Ladders;
pub use lines::packet_line;
pub use live::{Backend, CaptureOptions, LiveCapture};
pub use snapshot::Limits;
pub use sockets::Sockets;
pub use steering::Steering;
pub use wanted::{Listing, Wanted};
pub use writer::{FileWriter, WriteOptions, Written};
