//! What a user of the command line could see.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

#[cfg(target_os = "linux")]
#[path = "cli/compare.rs"]
mod compare;
#[path = "cli/explain.rs"]
mod explain;
#[cfg(target_os = "linux")]
#[path = "cli/filters.rs"]
mod filters;
#[cfg(target_os = "linux")]
#[path = "cli/habits.rs"]
mod habits;
#[cfg(target_os = "linux")]
#[path = "cli/opts.rs"]
mod opts;
#[cfg(target_os = "linux")]
#[path = "cli/opts_headers.rs"]
mod opts_headers;
#[cfg(target_os = "linux")]
#[path = "cli/packet_filters.rs"]
mod packet_filters;
#[path = "cli/packet_lists.rs"]
mod packet_lists;
#[path = "cli/packet_stats.rs"]
mod packet_stats;
#[path = "cli/packets.rs"]
mod packets;
#[path = "cli/ports.rs"]
mod ports;
#[path = "cli/probe.rs"]
mod probe;
#[path = "cli/serve.rs"]
mod serve;

use support::sockpit;

#[test]
fn an_unknown_subcommand_is_wrong_usage() {
    let output = sockpit().arg("frobnicate").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_manual_page_is_roff_and_names_every_subcommand() {
    let output = sockpit().arg("man").output().unwrap();
    assert!(output.status.success());
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(page.contains(".TH sockpit"), "{page}");
    for name in [
        "ports", "why", "free", "wait", "kill", "close", "opts", "packets", "probe", "serve",
        "explain", "addr",
    ] {
        assert!(page.contains(&format!("sockpit\\-{name}")), "{name}: {page}");
    }
}

#[test]
fn completions_are_written_for_a_shell() {
    let output = sockpit().args(["completions", "bash"]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("_sockpit"));
}

#[test]
fn a_test_can_have_a_network_of_its_own() {
    support::in_namespace(|| {
        let links = support::run(std::process::Command::new("ip").args(["-o", "link"]));
        assert_eq!(links.lines().count(), 1, "{links}");
    });
}
