//! Bytes to model: frames, netlink messages, capture files. Pure; never panics.
#![forbid(unsafe_code)]

pub mod bpf_call;
pub mod bpf_event;
pub mod bpf_owner;
pub mod btf;
pub mod capture_file;
pub mod cgroup;
pub mod container_files;
pub mod dissect;
pub mod filter;
pub mod frame;
pub mod keepers;
pub mod local_addresses;
pub mod monitor;
pub mod names;
pub mod netfilter;
pub mod netlink;
pub mod netstat;
pub mod procfs;
pub mod resolv_conf;
pub mod routes;
pub mod sockopt;
pub mod sysctl;
