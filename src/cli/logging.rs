//! The log: to a file that the user names, never to the terminal.

use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::sys::host;

/// The variable that sets the filter.
const FILTER: &str = "SOCKPIT_LOG";
/// What is logged unless told otherwise.
const DEFAULT: &str = "sockpit=info";

/// Appends the log of this run to `path`, made for its user alone.
pub fn start(path: &Path) -> Result<(), Failure> {
    let filter = std::env::var(FILTER).unwrap_or_else(|_| DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        Failure::usage(format!("{FILTER}={filter} is no filter for the log: {error}"))
    })?;
    let file = host::append_private(path).map_err(|error| {
        Failure::usage(format!("cannot write the log {}: {error}", path.display()))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "sockpit starts");
    Ok(())
}
