//! Model to text that a terminal can be trusted with: units, addresses, hostile names.
#![forbid(unsafe_code)]

pub mod address;
pub mod bytes;
pub mod clean;
pub mod column;
pub mod csv;
pub mod doctor;
pub mod drops;
pub mod duration;
pub mod ephemeral;
pub mod event;
pub mod explain;
pub mod flow;
pub mod forwarder;
pub mod json;
pub mod keeper;
pub mod ladder;
pub mod notation;
pub mod options;
pub mod own_bytes;
pub mod owner;
pub mod packet;
pub mod probe;
pub mod problem;
pub mod serve;
pub mod shell;
pub mod stream;
pub mod table;
pub mod trace;
pub mod units;
pub mod why;

pub use clean::clean;
