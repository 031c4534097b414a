//! Why a host name could not be turned into addresses.

use std::io;

/// What the resolver said, as far as the platform lets it be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupFailure {
    /// The name does not exist (NXDOMAIN, or in no source that the system asks).
    NoSuchName,
    /// The name exists and has no address.
    NoAddress,
    /// No name server answered; a later try may succeed.
    Temporary,
    /// Something else; see the text.
    Other,
}

/// A failed look-up.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct LookupError {
    /// Which kind.
    pub failure: LookupFailure,
    /// The resolver's own words.
    pub text: String,
    /// The error number, where the resolver itself failed with one.
    #[source]
    pub source: Option<io::Error>,
}
