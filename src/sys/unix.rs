//! What Linux and macOS have in common: POSIX.

pub mod errno;
pub mod host;
pub mod resolve;
