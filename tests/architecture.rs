//! Holds the sources to the plan of the house: who may use whom, where platform cfg and `unsafe`
//! may stand, which crate belongs to which room, and how long a file may grow.
//!
//! The table of arrows is in `architecture/rules.rs`; `src/lib.rs` and CONTRIBUTING.md explain it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/tests.rs"]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

#[test]
fn the_sources_follow_the_plan() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources: Vec<Source> = files(&root.join("src"))
        .iter()
        .map(|file| {
            let path = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            Source::parse(&path, &fs::read_to_string(file).unwrap()).unwrap()
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.iter().any(|source| source.path == "src/lib.rs"), "no sources were found");

    let crates = dependencies(&fs::read_to_string(root.join("Cargo.toml")).unwrap());
    assert!(crates.iter().any(|name| name == "tui_input"), "Cargo.toml was misread: {crates:?}");

    let complaints = rules::complaints(&sources, &crates);
    assert!(
        complaints.is_empty(),
        "{} against the plan in src/lib.rs and CONTRIBUTING.md:\n  {}",
        complaints.len(),
        complaints.join("\n  ")
    );
}

#[test]
fn every_dependency_has_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let (_, reasons) = guide.split_once("\n## Dependencies\n").unwrap();
    let mut told: Vec<String> = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|crates| crates.split(", "))
        .map(|name| name.replace('-', "_"))
        .filter(|name| name != "crate")
        .collect();
    let mut used = dependencies(&fs::read_to_string(root.join("Cargo.toml")).unwrap());
    told.sort();
    used.sort();
    used.dedup();
    assert_eq!(told, used, "the table of CONTRIBUTING.md (left) beside Cargo.toml (right)");
}

/// Every Rust file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The crates that a manifest names in any of its tables of dependencies, as code names them.
fn dependencies(manifest: &str) -> Vec<String> {
    fn collect(table: &toml::Table, names: &mut Vec<String>) {
        for (key, value) in table {
            let Some(inner) = value.as_table() else { continue };
            if key.ends_with("dependencies") {
                names.extend(inner.keys().map(|name| name.replace('-', "_")));
            } else {
                collect(inner, names);
            }
        }
    }
    let mut names = Vec::new();
    collect(&manifest.parse().unwrap(), &mut names);
    names
}
