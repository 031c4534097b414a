//! What portable code needs of the platform that it runs on.

#[cfg(target_os = "linux")]
pub(super) use super::linux::netstat2;
#[cfg(not(target_os = "linux"))]
pub(super) use super::portable::netstat2;
#[cfg(unix)]
pub(super) use super::unix::errno;
#[cfg(windows)]
pub(super) use super::windows::errno;
