//! What is wrong with a query, where, and what would be right.

use std::fmt;

/// One sentence about one place of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong and what would be right. Fit for a terminal.
    pub message: String,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query column {}: {}", self.column, self.message)
    }
}

impl std::error::Error for QueryError {}

/// The longest piece of the user's text that an error repeats, in characters.
const MAX_ECHO: usize = 40;

/// The user's own text between backticks: cut, and with whatever a terminal would obey, or
/// not show, written as an escape.
pub(super) fn echo(text: &str) -> String {
    let mut out = String::from("`");
    for (index, c) in text.chars().enumerate() {
        if index == MAX_ECHO {
            out.push('…');
            break;
        }
        match c {
            '"' | '\'' | '\\' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    out.push('`');
    out
}

/// Whether text can be shown as it stands.
pub(super) fn is_harmless(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1)
}

/// The candidate that was probably meant: at most a third of its letters differ, and two.
pub(super) fn nearest<'a>(
    typed: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&typed, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 2.min(candidate.len().div_ceil(3)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance in bytes, by one row; long text is far from every candidate.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 32 {
        return a.len();
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        let keys = ["port", "proto", "pid", "state", "if"];
        assert_eq!(nearest("prot", keys), Some("proto"));
        assert_eq!(nearest("PROTOO", keys), Some("proto"));
        assert_eq!(nearest("stat", keys), Some("state"));
        assert_eq!(nearest("zebra", keys), None);
        assert_eq!(nearest("xy", keys), None);
    }

    #[test]
    fn echoed_text_is_harmless_and_short() {
        assert_eq!(echo("a\x1b[31m\u{202e}\"b"), r#"`a\u{1b}[31m\u{202e}"b`"#);
        assert_eq!(echo(&"x".repeat(500)).chars().count(), MAX_ECHO + 3);
    }
}
