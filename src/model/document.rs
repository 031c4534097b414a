//! The envelope of every JSON document.

use serde::Serialize;

/// A document of the JSON contract: `schema` comes first, then the body's own fields.
#[derive(Debug, Serialize)]
pub struct Document<'a, T> {
    /// Name and version: `sockpit.ports/1`.
    pub schema: &'a str,
    /// The rest.
    #[serde(flatten)]
    pub body: T,
}
