//! This host and sockpit's own rights on it.

pub use super::interrupt::Interrupt;

/// The host's name, `unknown` when the system does not tell.
pub fn name() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned())
}
