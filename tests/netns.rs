//! What holds in a network that the test made itself.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

#[path = "netns/probe.rs"]
mod probe;
