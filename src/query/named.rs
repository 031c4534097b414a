//! How the name of a saved filter is written.

/// The name in `@name`, where that is how the word reads.
pub(super) fn name_in(word: &str) -> Option<&str> {
    word.strip_prefix('@').filter(|name| is_name(name))
}

/// Whether a filter can be saved under this name.
pub fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_part)
}
