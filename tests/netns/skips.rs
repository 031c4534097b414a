//! What a test says that cannot run: its name and the reason, for all to see, and in CI it fails.

use std::env;
use std::process::{Command, Output};

use crate::support::{cannot_run, cannot_run_without_root, in_namespace, in_namespace_with};

/// Set for the tests below that are there to be skipped.
const REHEARSAL: &str = "SOCKPIT_TEST_REHEARSAL";

#[test]
fn rehearsal_without_a_program() {
    if env::var_os(REHEARSAL).is_some() {
        in_namespace_with(&["no-such-program"], || unreachable!());
    }
}

#[test]
fn rehearsal_inside() {
    if env::var_os(REHEARSAL).is_some() {
        in_namespace(|| cannot_run("this kernel has none"));
    }
}

#[test]
fn rehearsal_without_root() {
    if env::var_os(REHEARSAL).is_some() {
        in_namespace(|| cannot_run_without_root("root alone may"));
    }
}

#[test]
fn rehearsal_without_namespaces() {
    if env::var_os(REHEARSAL).is_some() {
        in_namespace(|| unreachable!());
    }
}

/// Runs one of them as `cargo test` would: quietly, with its output captured.
fn rehearse(name: &str, set: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("skips::{name}")]).env(REHEARSAL, "1");
    command.env_remove("CI").env_remove("SOCKPIT_TEST_UNPRIVILEGED");
    command.envs(set.iter().copied()).output().unwrap()
}

fn says(name: &str, set: &[(&str, &str)], reason: &str) {
    let output = rehearse(name, set);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{output:?}");
    let line = format!("skips::{name} did not run: {reason}");
    assert_eq!(stderr.matches(&line).count(), 1, "{stderr}");
}

#[test]
fn a_test_that_cannot_run_says_so_by_name() {
    says("rehearsal_without_a_program", &[], "no no-such-program");
    says("rehearsal_inside", &[], "this kernel has none");
    says("rehearsal_without_root", &[], "root alone may");
    // Forbidden namespaces look as a missing `unshare` does: the program that makes them fails.
    let nowhere = tempfile::tempdir().unwrap();
    let unshare = nowhere.path().join("unshare");
    std::fs::write(&unshare, "#!/bin/sh\necho unshare failed: Operation not permitted >&2; exit 1")
        .unwrap();
    crate::support::run(Command::new("chmod").arg("755").arg(&unshare));
    let path = nowhere.path().to_str().unwrap();
    says("rehearsal_without_namespaces", &[("PATH", path)], "no namespace of its own");
}

#[test]
fn in_ci_only_what_needs_root_may_be_skipped_and_only_without_root() {
    let ci = ("CI", "true");
    let unprivileged = ("SOCKPIT_TEST_UNPRIVILEGED", "1");
    for name in ["rehearsal_without_a_program", "rehearsal_inside", "rehearsal_without_root"] {
        assert!(!rehearse(name, &[ci]).status.success(), "{name}");
    }
    assert!(!rehearse("rehearsal_inside", &[ci, unprivileged]).status.success());
    says("rehearsal_without_root", &[ci, unprivileged], "root alone may");
}
