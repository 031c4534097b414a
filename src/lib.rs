//! sockpit, a cockpit for your sockets: who holds a port, what travels over it, how it is
//! set up, and whether an endpoint answers.
//!
//! # The map
//!
//! | module | what lives there |
//! |---|---|
//! | [`model`] | what is known: plain data, its arithmetic and its joins |
//! | [`catalog`] | what is compiled in from `assets/` |
//! | [`query`] | the filter language over model rows |
//! | [`text`] | model to text a terminal can be trusted with |
//! | [`config`] | the configuration file and its defaults |
//! | [`wire`] | bytes to model; pure, never panics |
//! | [`sys`] | the operating system: the only place for platform cfg and for unsafe |
//! | [`collect`] | feeds: long-running samplers that publish model snapshots |
//! | [`inspect`] | one look at one thing |
//! | [`act`] | what changes the system: plan, confirm, run, verify |
//! | [`probe`] | the connection tester |
//! | [`cli`] | the subcommands |
//! | [`tui`] | the dashboard |
//!
//! # Who may use whom
//!
//! ```text
//! main        -> cli, tui, config, sys::host
//! cli, tui    -> collect, inspect, act, probe, query, config, text, catalog, model, sys::host
//! act, probe  -> inspect, sys, wire, text, catalog, model
//! collect, inspect -> sys, wire, text, catalog, model
//! sys         -> wire, model          query, text, config -> catalog, model
//! wire, catalog -> model              model -> std, serde, jiff
//! ```
//!
//! `tests/architecture.rs` holds the sources to this.

pub mod act;
pub mod catalog;
pub mod cli;
pub mod collect;
pub mod config;
pub mod inspect;
pub mod model;
pub mod probe;
pub mod query;
pub mod sys;
pub mod text;
pub mod tui;
pub mod wire;
