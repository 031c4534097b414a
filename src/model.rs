//! What is known: plain data that serialises and deserialises, its arithmetic and its joins.
//!
//! No I/O happens here, and nothing here depends on another module of the crate.
#![forbid(unsafe_code)]

pub mod action;
pub mod activation;
pub mod activity;
pub mod address_class;
pub mod close;
pub mod connection;
pub mod dialogue;
pub mod document;
pub mod drops;
pub mod ephemeral;
pub mod event;
pub mod finding;
pub mod flow_look;
pub mod flow_owner;
pub mod forwarder;
pub mod free;
pub mod health;
pub mod interface;
pub mod join;
pub mod keeper;
pub mod kernel_port;
pub mod ladder;
pub mod machine;
pub mod mptcp;
pub mod options;
pub mod owner;
pub mod packet;
pub mod packets;
pub mod peer;
pub mod port_rules;
pub mod probe;
pub mod problem;
pub mod process_name;
pub mod prominence;
pub mod route_table;
pub mod sample;
pub mod serve;
pub mod set;
pub mod signal;
pub mod socket;
pub mod stream;
pub mod table;
pub mod tables;
pub mod tcp;
pub mod trace;
pub mod tree;
pub mod unix_path;
pub mod why;
