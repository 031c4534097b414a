//! What happens in a network of the test's own making.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

#[path = "netns/packets.rs"]
mod packets;
