//! What is compiled in from `assets/`: parsed lazily, on first use.
#![forbid(unsafe_code)]

pub mod reasons;
pub mod reference;
pub mod services;
pub mod sockopts;
pub mod themes;
