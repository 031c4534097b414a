//! Filters saved under a name: those of the configuration, and those of the dashboard.

use std::sync::Arc;

use super::Failure;
use crate::config::Config;
use crate::model::socket::Socket;
use crate::query::Saved;
use crate::sys::host::state;

/// The file of those that were saved from within the dashboard.
const FILE: &str = "saved-filters";

/// All of them. One of the configuration that is wrong is an error with its place; what the
/// dashboard saved and what is no good any more is left out.
pub fn saved(config: &Config) -> Result<Saved, Failure> {
    let filters = config.filters.iter().map(|filter| (&*filter.name, &*filter.text));
    let saved = Saved::new(filters).map_err(|error| {
        Failure::usage(config.wrong_filter(&error.name, error.to_string()).to_string())
    })?;
    let text = state::read(FILE).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot read the saved filters");
        None
    });
    let (saved, wrong) = saved.with_own_text(text.as_deref().unwrap_or_default());
    for error in wrong {
        tracing::warn!(%error, "a saved filter is left out");
    }
    Ok(saved)
}

/// Takes the words of this very command line off sockpit's own process: a query for `nginx`
/// would else find the sockets of the sockpit that was given it.
pub(super) fn hide_own_words(sockets: &mut [Socket]) {
    let own = std::process::id();
    for owner in sockets.iter_mut().flat_map(|socket| &mut socket.owners) {
        if owner.process.pid == own && owner.process.cmdline.len() > 1 {
            let process = Arc::make_mut(&mut owner.process);
            process.cmdline = process.cmdline.iter().take(1).cloned().collect();
        }
    }
}
