//! Packets: counted where they are captured or read; counts cross threads, packets do not.

mod attribution;
mod counter;
mod flows;
mod ports;
mod snapshot;
#[cfg(test)]
mod tests;

pub use counter::{Counter, Frame};
pub use snapshot::Limits;
