//! `@name`: the names of saved filters, and who knows what they stand for.

use super::ast::Expr;

/// Gives parsers what a name stands for.
pub(super) trait Resolve {
    /// What the filter of this name asks for; an error is a sentence.
    fn resolve(&mut self, name: &str) -> Result<Expr, String>;
}
