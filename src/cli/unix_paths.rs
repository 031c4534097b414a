//! Paths of UNIX sockets in a query: a socket is found by every path that leads to its file, not by
//! the text alone that it was bound with.

use std::path::Path;

use crate::inspect::unix_path;

/// The query with each path of a socket's file widened to the sockets that are bound to it through
/// symbolic links, or by a path relative to where their program was.
pub(super) fn widened(query: &[String]) -> Vec<String> {
    query.iter().map(|word| widened_word(word).unwrap_or_else(|| word.clone())).collect()
}

fn widened_word(word: &str) -> Option<String> {
    // Between slashes stands a regular expression.
    let is_path = word.starts_with('/') && !word[1..].ends_with('/') && !word.contains(['"', '\\']);
    let inodes = if is_path { unix_path::inodes_at(Path::new(word)) } else { Vec::new() };
    if inodes.is_empty() {
        return None;
    }
    let inodes: Vec<String> = inodes.iter().map(u64::to_string).collect();
    Some(format!("(\"{word}\" or (family:unix inode:{}))", inodes.join(",")))
}
