//! What Linux and macOS have in common: POSIX.

pub mod command;
pub mod errno;
pub(super) mod host;
mod interrupt;
pub mod resolve;
