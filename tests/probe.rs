//! The tester against real servers, each started by its test in a network of its own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

#[path = "probe/certificates.rs"]
mod certificates;
#[path = "probe/databases.rs"]
mod databases;
#[path = "probe/logins.rs"]
mod logins;
#[path = "probe/mail.rs"]
mod mail;
#[path = "probe/names.rs"]
mod names;
#[path = "probe/proxies.rs"]
mod proxies;
#[path = "probe/servers.rs"]
mod servers;
#[path = "probe/strangers.rs"]
mod strangers;
#[path = "probe/tls.rs"]
mod tls;
