//! Why an expression is no filter.

/// Why an expression is no filter, or not one for this kind of link: one sentence that names the
/// word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

impl FilterError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn without_double_blank(self) -> Self {
        Self(self.0.replace("  ", " "))
    }
}

pub(super) type Result<T> = std::result::Result<T, FilterError>;
