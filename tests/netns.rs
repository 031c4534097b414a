//! What sockpit tells of a network that the test made for itself.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

#[path = "netns/ports.rs"]
mod ports;
