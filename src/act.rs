//! What changes the system. Every action is a plan first: plan, confirm, run, verify.
#![forbid(unsafe_code)]

pub mod close;
mod guard;
pub mod kill;
pub mod unit;
