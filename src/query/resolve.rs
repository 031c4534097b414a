//! `@name`: the names of saved filters, and who knows what they stand for.

use super::ast::Expr;

/// The name in `@name`, where that is how the word reads.
pub(super) fn name_in(word: &str) -> Option<&str> {
    word.strip_prefix('@').filter(|name| is_name(name))
}

/// Whether a filter can be saved under this name.
pub fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_part)
}

/// Gives parsers what a name stands for.
pub(super) trait Resolve {
    /// What the filter of this name asks for; an error is a sentence.
    fn resolve(&mut self, name: &str) -> Result<Expr, String>;
}
