//! One look at one thing: a listing of sockets, the options of a socket, a process.
#![forbid(unsafe_code)]

pub use crate::sys::Error;

pub mod addresses;
pub mod bind;
pub mod doctor;
pub mod elsewhere;
pub mod ephemeral;
pub mod forwarders;
pub mod free;
mod heirs;
pub mod keepers;
pub mod lineage;
pub mod names;
pub mod nat;
pub mod options;
pub mod processes;
pub mod reuse;
pub mod sockets;
pub mod unix_path;
pub mod wait;
pub mod why;
mod words;
