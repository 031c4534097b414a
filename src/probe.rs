//! The connection tester: resolve, stages, verdicts.
#![forbid(unsafe_code)]
