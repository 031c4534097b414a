//! Configuration files of keepers, bounded in number and size.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// More files than this are not read.
const MOST_FILES: usize = 64;
/// Nor more of one than this.
const MOST_BYTES: u64 = 256 << 10;

/// The texts of the files that match a pattern, in the order of their names. Only the last part of
/// the path may hold a `*`, and one at most; what cannot be read is left out.
pub(super) fn matching(pattern: &str) -> Vec<String> {
    let Some((directory, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    let Some((before, after)) = name.split_once('*') else {
        return read(Path::new(pattern)).into_iter().collect();
    };
    let Ok(entries) = fs::read_dir(Path::new(directory).join("")) else { return Vec::new() };
    let matches = |name: &str| {
        name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after)
    };
    let entries = entries.take(MOST_FILES * 16).filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| matches(name)).collect();
    names.sort_unstable();
    names.truncate(MOST_FILES);
    names.iter().filter_map(|name| read(&Path::new(directory).join(name))).collect()
}

fn read(path: &Path) -> Option<String> {
    // A pipe would be waited for.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut content = Vec::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut content).ok()?;
    Some(String::from_utf8_lossy(&content).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_by_both_of_its_ends() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", "c.ini", "conf"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        let at = directory.path().display();
        assert_eq!(matching(&format!("{at}/*.conf")), ["a.conf", "b.conf"]);
        assert_eq!(matching(&format!("{at}/c.ini")), ["c.ini"]);
        assert!(matching(&format!("{at}/none")).is_empty());
        assert!(matching(&format!("{at}/")).is_empty() && matching("x").is_empty());
    }
}
