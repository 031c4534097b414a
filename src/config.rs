//! The configuration file and its defaults, validated.
#![forbid(unsafe_code)]
