//! Feeds: long-running samplers that publish model snapshots over channels.
//!
//! From outside every collector looks the same: a [`Feed`] with the newest sample and a
//! [`Control`]. Latest wins, nothing queues up, and a failed round keeps the last good value.
#![forbid(unsafe_code)]

mod control;
mod driver;
pub mod drops;
pub mod events;
mod feed;
pub mod interfaces;
pub mod packets;
pub mod ports;
pub mod trace;

pub use control::Control;
pub use driver::{Collector, Round, spawn};
pub use feed::Feed;
