//! What keeps a server running, for real: systemd and other supervisors, in a box of their own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

#[path = "keepers/booted.rs"]
mod booted;
#[path = "keepers/docker.rs"]
mod docker;
#[path = "keepers/image.rs"]
mod image;
#[path = "keepers/loops.rs"]
mod loops;
#[path = "keepers/losses.rs"]
mod losses;
#[path = "keepers/machine.rs"]
mod machine;
#[path = "keepers/node.rs"]
mod node;
#[path = "keepers/paths.rs"]
mod paths;
#[path = "keepers/plans.rs"]
mod plans;
#[path = "keepers/podman.rs"]
mod podman;
#[path = "keepers/prefork.rs"]
mod prefork;
#[path = "keepers/rights.rs"]
mod rights;
#[path = "keepers/settings.rs"]
mod settings;
#[path = "keepers/slow.rs"]
mod slow;
#[path = "keepers/supervisors.rs"]
mod supervisors;
#[path = "keepers/systemd.rs"]
mod systemd;
