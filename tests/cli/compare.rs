//! `benches/compare`, at a size that takes a second, so that it goes on working.

use std::process::Command;

use crate::support::cannot_run;

#[test]
fn the_comparison_with_other_programs_runs() {
    let namespaces = ["--user", "--map-root-user", "--net", "--pid", "--fork", "true"];
    if !Command::new("unshare").args(namespaces).status().is_ok_and(|status| status.success()) {
        return cannot_run("no namespace of its own");
    }
    let output = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare"))
        .args(["--program", env!("CARGO_BIN_EXE_sockpit"), "--sockets", "90"])
        .args(["--processes", "2", "--rounds", "1", "--seconds", "0.5", "--churn", "0.1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let first = row("sockpit ports --jsonl ");
    assert_eq!(first.split_whitespace().nth(3), Some("90"), "it lists every socket: {text}");
    assert!(row("sockpit ports --watch").contains("MB resident"), "{text}");
    assert!(row("sockpit (dashboard)").contains("% of one core"), "{text}");
}
