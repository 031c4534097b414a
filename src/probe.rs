//! The connection tester: resolve, stages, verdicts.
#![forbid(unsafe_code)]

pub mod settings;
pub mod summary;
pub mod target;

pub use settings::Settings;
pub use target::{Host, Protocol, Target, TargetError};
