//! `sockpit man`.

use std::io::Write;

use super::{Exit, Failure, output};

/// Prints the manual page in roff, for `sockpit man | man -l -`.
pub(super) fn run() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(super::whole()).render(&mut page)?;
    let mut out = output::stdout();
    out.write_all(&page)?;
    out.flush()?;
    Ok(Exit::Yes)
}
