//! The rules themselves: each bad sample is refused, each good one passes.

use super::rules::{arrows, circles, crate_homes, orphans, platform_and_unsafe, platforms, shape};
use super::source::Source;

fn source(path: &str, text: &str) -> Source {
    Source::parse(path, text).unwrap()
}

/// The lines that the arrows of `text` are refused on.
fn refused(path: &str, text: &str) -> Vec<usize> {
    let complaints = arrows(&source(path, text));
    complaints.iter().map(|line| line.split(':').nth(1).unwrap().parse().unwrap()).collect()
}

#[test]
fn an_arrow_that_runs_the_planned_way_passes() {
    for (path, text) in [
        ("src/cli/ports.rs", "use crate::{collect, model::socket::{self, Socket as S}, text::*};"),
        ("src/cli/ports.rs", "use super::{Exit, output}; fn f() { crate::sys::host::name() }"),
        ("src/cli/ports.rs", "use crate::sys::{host, host::rights};"),
        ("src/main.rs", "use sockpit::{cli::{self, Args}, sys::host, tui, config};"),
        ("src/sys/linux/capture.rs", "use crate::sys::Error; use super::super::error; mod a {}"),
        ("src/model/socket.rs", "pub(crate) struct S; mod tests { use super::*; }"),
        ("src/lib.rs", "//! uses [`crate::sys`]\npub mod act;\npub mod sys;"),
    ] {
        assert!(
            arrows(&source(path, text)).is_empty(),
            "{path}: {:?}",
            arrows(&source(path, text))
        );
    }
}

#[test]
fn an_arrow_that_runs_another_way_is_refused() {
    for (path, text) in [
        ("src/cli/ports.rs", "use crate::sys::linux;"),
        ("src/cli/ports.rs", "use crate::sys;"),
        ("src/cli/ports.rs", "use crate::{model, sys::{host, sockets}};"),
        ("src/cli/ports.rs", "use {std::io, crate::tui};"),
        ("src/cli/ports.rs", "pub use crate::tui as screen;"),
        ("src/cli/ports.rs", "use crate::*;"),
        ("src/cli/ports.rs", "use crate as whole;"),
        ("src/cli.rs", "use super::tui;"),
        ("src/cli/ports.rs", "fn f() { super::super::tui::run() }"),
        ("src/cli/ports.rs", "mod inner { fn f() { super::super::super::tui::run() } }"),
        ("src/cli/ports.rs", "fn f() { println!(\"{}\", crate::wire::x()); }"),
        ("src/cli/ports.rs", "fn f() -> Vec<crate::wire::Frame> { vec![] }"),
        ("src/cli/ports.rs", "macro_rules! m { () => { $crate::wire::x() } }"),
        ("src/model/socket.rs", "impl From<u8> for S { fn f() { self::super::super::text::g() } }"),
        ("src/wire/frame.rs", "fn f(x: &crate::catalog::Option) {}"),
        ("src/collect/ports.rs", "use crate::inspect;"),
        ("src/inspect/options.rs", "use crate::collect::Feed;"),
        ("src/act/kill.rs", "use crate::{probe};"),
        ("src/main.rs", "fn main() { sockpit::collect::spawn() }"),
        ("src/main.rs", "use ::sockpit::model;"),
        ("src/lib.rs", "pub use model::Socket;"),
    ] {
        assert_eq!(refused(path, text), [1], "{path}: {text}");
    }
}

#[test]
fn each_wrong_arrow_is_named_with_its_line() {
    let text = "use crate::model;\n\nuse crate::{\n    text,\n    sys::{host,\n    sockets},\n};\n";
    assert_eq!(
        arrows(&source("src/tui/app.rs", text)),
        ["src/tui/app.rs:6: tui uses sys::sockets; it may use collect, inspect, act, probe, \
          query, config, text, catalog, model, sys::host"]
    );
    assert_eq!(refused("src/tui/app.rs", "use crate::cli;\nuse crate::wire;"), [1, 2]);
}

#[test]
fn comments_and_strings_are_no_arrows() {
    let text = r##"
        // crate::sys::linux and unsafe { }
        /* use crate::tui; #[cfg(windows)] */
        /// [`crate::tui`]
        const A: &str = "crate::sys::linux";
        const B: &str = r#"unsafe "crate::tui" cfg(unix)"#;
    "##;
    let source = source("src/cli/ports.rs", text);
    assert!(arrows(&source).is_empty());
    assert!(platform_and_unsafe(&source).is_empty());
}

#[test]
fn an_unknown_room_is_refused() {
    assert_eq!(arrows(&source("src/utils.rs", "")), ["src/utils.rs: utils is no room of the plan"]);
}

#[test]
fn a_crate_outside_of_its_room_is_refused() {
    let crates = ["libc", "ratatui", "tokio", "serde"].map(str::to_owned);
    let complaints = |path, text| crate_homes(&source(path, text), &crates).len();
    assert_eq!(complaints("src/cli/ports.rs", "use ratatui::Frame;"), 1);
    assert_eq!(complaints("src/cli/ports.rs", "use {std::io, crossterm::{cursor, event}};"), 2);
    assert_eq!(complaints("src/tui/app.rs", "#[derive(clap::Args)] struct A;"), 1);
    assert_eq!(complaints("src/inspect.rs", "fn f() { ::libc::close(3) }"), 1);
    assert_eq!(complaints("src/inspect.rs", "use libc;"), 1);
    assert_eq!(complaints("src/collect/ports.rs", "use sysinfo::System;"), 1);
    assert_eq!(complaints("src/model/socket.rs", "use tokio::sync::watch;"), 2);
    assert_eq!(complaints("src/wire/frame.rs", "use std::{fs, io::Read};"), 1);
    assert_eq!(complaints("src/query.rs", "fn f() { std::env::var(\"X\"); }"), 1);

    assert_eq!(complaints("src/tui/app.rs", "use ratatui::{Frame, text};"), 0);
    assert_eq!(complaints("src/sys/linux/a.rs", "use libc::{c_int, close};"), 0);
    assert_eq!(complaints("src/model/socket.rs", "use serde::Serialize; use std::net::IpAddr;"), 0);
    assert_eq!(complaints("src/text.rs", "fn f(text: &str) { text.len(); }"), 0);
}

#[test]
fn platform_cfg_and_unsafe_belong_into_sys() {
    for text in [
        "#[cfg(target_os = \"linux\")] fn f() {}",
        "#[cfg(all(test, not(windows)))] mod tests {}",
        "#[cfg_attr(unix, allow(dead_code))] fn f() {}",
        "fn f() -> bool { cfg!(target_family = \"unix\") }",
        "cfg_select! { windows => {} _ => {} }",
        "use std::os::fd::OwnedFd;",
        "fn f() { unsafe { g() } }",
        "unsafe impl Send for S {}",
        "macro_rules! m { () => { unsafe { g() } } }",
    ] {
        assert_eq!(platform_and_unsafe(&source("src/probe/tcp.rs", text)).len(), 1, "{text}");
        assert!(platform_and_unsafe(&source("src/sys/linux/a.rs", text)).is_empty(), "{text}");
    }
    for text in ["#[cfg(test)] mod tests {}", "let windows = slice.windows(2);", "fn unix() {}"] {
        assert!(platform_and_unsafe(&source("src/probe/tcp.rs", text)).is_empty(), "{text}");
    }
}

#[test]
fn a_room_without_the_forbidding_attribute_is_refused() {
    let complaints = |path, text| shape(&source(path, text)).len();
    assert_eq!(complaints("src/probe.rs", "//! The tester.\nmod tcp;"), 1);
    assert_eq!(complaints("src/main.rs", "fn main() {}"), 1);
    assert_eq!(complaints("src/probe.rs", "// #![forbid(unsafe_code)]"), 1);
    assert_eq!(complaints("src/probe.rs", "//! The tester.\n#![forbid(unsafe_code)]"), 0);
    assert_eq!(complaints("src/probe/tcp.rs", ""), 0);
    assert_eq!(complaints("src/sys.rs", ""), 0);
}

#[test]
fn a_long_file_is_refused_without_its_tests() {
    let long = "fn f() {}\n".repeat(451);
    let tests = format!("fn f() {{}}\n\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    let complaints = |path: &str, text: &str| shape(&source(path, text)).len();
    assert_eq!(complaints("src/wire/frame.rs", &long), 1);
    assert_eq!(complaints("src/wire/frame.rs", &"fn f() {}\n".repeat(450)), 0);
    assert_eq!(complaints("src/wire/frame.rs", &tests), 0);
    assert_eq!(complaints("src/wire/frame.rs", &format!("{long}{tests}")), 1);
    assert_eq!(complaints("src/wire/frame.rs", &format!("{tests}fn g() {{}}\n")), 1);
    assert_eq!(complaints("src/wire/frame/tests.rs", &long), 0);
    assert_eq!(complaints("src/wire/tests/frame.rs", &long), 0);
}

#[test]
fn a_module_is_never_mod_rs() {
    assert_eq!(shape(&source("src/wire/mod.rs", "")).len(), 1);
}

#[test]
fn a_file_that_nobody_declares_is_an_orphan() {
    let tree = [
        source("src/lib.rs", "pub mod sys;"),
        source("src/main.rs", ""),
        source("src/sys.rs", "mod linux; #[cfg(windows)] mod windows;"),
        source("src/sys/linux.rs", "pub use super::windows::clock;"),
        source("src/sys/linux/clock.rs", ""),
        source("src/sys/windows.rs", ""),
    ];
    assert_eq!(orphans(&tree), ["src/sys/linux/clock.rs: no `mod clock` in src/sys/linux.rs"]);
}

#[test]
fn every_platform_has_what_the_others_have() {
    let tree = |linux: &str| {
        [
            source("src/sys/linux.rs", linux),
            source("src/sys/macos.rs", "pub use super::portable::{host, sockets}; pub mod errno;"),
            source(
                "src/sys/windows.rs",
                "pub use super::portable::{bsd as sockets, host};\
                pub use super::unix::errno;",
            ),
            source("src/sys/portable.rs", "pub mod host; pub mod sockets; mod table;"),
        ]
    };
    let complaints = |linux: &str| platforms(&tree(linux));
    assert!(
        complaints("pub mod sockets; pub(crate) use super::portable::host; pub mod errno;")
            .is_empty()
    );
    assert_eq!(
        complaints("pub mod errno; pub mod sockets; mod host;"),
        [
            "src/sys/linux.rs: lacks `host`, which src/sys/macos.rs has",
            "src/sys/linux.rs: lacks `host`, which src/sys/windows.rs has",
            "src/sys/linux.rs: lacks `host`, which src/sys/portable.rs has",
        ]
    );
    assert_eq!(
        complaints("pub mod errno; pub mod sockets; pub mod host; pub mod netlink;"),
        [
            "src/sys/macos.rs: lacks `netlink`, which src/sys/linux.rs has",
            "src/sys/windows.rs: lacks `netlink`, which src/sys/linux.rs has",
        ]
    );
    let missing = &tree("pub mod errno; pub mod sockets; pub mod host;")[..3];
    assert_eq!(platforms(missing), ["src/sys/portable.rs: missing"]);
}

#[test]
fn files_that_import_each_other_in_a_circle_are_named() {
    let room = |sort: &str| {
        [
            source("src/query.rs", "mod a; mod b; pub use a::A;"),
            source("src/query/a.rs", "use super::b::B; mod tests { use super::super::sort::S; }"),
            // How far something is visible is no import.
            source(
                "src/query/b.rs",
                "pub(in crate::query) fn f() { crate::query::sort::g() } pub(in super::super) mod c {}",
            ),
            source("src/query/sort.rs", sort),
        ]
    };
    assert!(circles("query", &room("use std::fmt;")).is_empty());
    let complaints = circles("query", &room("use crate::query::a;"));
    assert_eq!(complaints.len(), 3, "{complaints:#?}");
    assert!(complaints[0].starts_with("src/query/a.rs: in a circle"), "{complaints:#?}");
    assert_eq!(circles("query", &room("use super::A;")).len(), 4, "by way of the room's root");
}
