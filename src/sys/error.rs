//! Why the operating system did not do what was asked.

use std::io;

use crate::model::health::{Health, Source};

/// A result of the operating system.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, naming what was tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This platform or kernel has no such thing.
    #[error("{what} is not available here: {why}")]
    Unsupported {
        /// What was tried.
        what: String,
        /// Why it is not there, and since when it would be.
        why: String,
    },
    /// It is there, but this user may not.
    #[error("not permitted to {what}: {remedy}")]
    NotPermitted {
        /// What was tried, as a verb: `open a packet socket`.
        what: String,
        /// What would permit it.
        remedy: String,
    },
    /// It is not there any more.
    #[error("{what} is gone")]
    Gone {
        /// What was looked for.
        what: String,
    },
    /// It is there, but it is something else.
    #[error("{what} is not a socket")]
    NotASocket {
        /// What was looked at.
        what: String,
    },
    /// The system refused for another reason.
    #[error("cannot {what}: {source}")]
    Os {
        /// What was tried, as a verb.
        what: String,
        /// The system's own word.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// An error of the system while trying to `what`.
    pub fn os(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Os { what: what.into(), source: source.into() }
    }

    /// An ability that this platform lacks.
    pub fn unsupported(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), why: why.into() }
    }

    /// What is said of a source that delivers nothing because of this.
    pub fn health(&self, source: Source) -> Health {
        match self {
            Self::NotPermitted { what, remedy } => {
                Health::unavailable(source, format!("not permitted to {what}")).with_remedy(remedy)
            }
            _ => Health::unavailable(source, self.to_string()),
        }
    }

    /// An ability that this user lacks.
    pub fn not_permitted(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::NotPermitted { what: what.into(), remedy: remedy.into() }
    }
}
