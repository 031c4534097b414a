//! The connection tester: a target's name, way, handshake and manners, each a timed stage, and
//! a verdict that names the side that failed.
//!
//! [`Probe`] runs a [`Target`] under [`Settings`] and tells its [`Progress`]; it knows nothing of
//! terminals, so that the dashboard and the command line run the same code. A protocol is a
//! variant of [`Protocol`] and a file here.
#![forbid(unsafe_code)]

mod attempt;
mod conversation;
pub mod dialogue;
mod evidence;
mod eyeballs;
mod farewell;
mod fault;
mod local;
mod name_server;
mod outfit;
mod own_words;
mod path;
mod pipe;
mod plan;
mod progress;
mod proxy;
mod quiet;
mod resolve;
mod run;
mod secure;
mod security;
pub mod serve;
mod settings;
mod summary;
mod sweep;
mod talk;
mod target;
mod transport;
mod verdict;

pub use outfit::{Outfit, enter_netns};
pub use path::path;
pub use progress::Progress;
pub use proxy::Proxy;
pub use run::Probe;
pub use security::Material;
pub use settings::{Close, Family, Settings};
pub use summary::Tally;
pub use sweep::{Sweep, report as report_of};
pub use talk::{Spoken, talk};
pub use target::{Carrier, Host, Protocol, Target, TargetError, Written};
