//! What portable code needs of the platform that it runs on.

#[cfg(target_os = "linux")]
pub(super) use super::linux::{errno, netstat2};
#[cfg(target_os = "macos")]
pub(super) use super::macos::{errno, netstat2};
#[cfg(windows)]
pub(super) use super::windows::{errno, netstat2};
