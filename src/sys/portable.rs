//! What every platform can do by portable means, and the honest word for what it cannot.

pub mod capture;
pub mod clock;
pub mod command;
pub mod connecting;
pub mod containers;
pub mod events;
pub mod files;
pub mod host;
pub mod inet6;
pub mod interfaces;
mod interrupt;
pub mod machine;
pub mod nat_rules;
pub mod neighbours;
pub mod netns;
pub mod netstat2;
pub mod options;
pub mod port_rules;
pub mod process;
pub mod processes;
pub mod resolve;
pub mod route;
pub mod sockets;
pub mod tcp_ext;
pub mod tcp_info;
pub mod trace;
pub mod trial;
