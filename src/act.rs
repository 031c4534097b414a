//! What changes the system. Every action is a plan first: plan, confirm, run, verify.
#![forbid(unsafe_code)]

mod action;
pub mod clipboard;
pub mod close;
mod guard;
pub mod kill;
pub mod set;
pub mod unit;

pub use action::{
    Action, AnyAction, AnyDone, AnyRequest, Completion, Confirmation, Done, Entry, Mark, Obstacle,
    Part, Request,
};
pub use guard::Consent;
pub use kill::Progress;
