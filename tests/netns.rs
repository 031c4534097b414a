//! What needs a network of its own: each test makes one for itself, without root.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

#[path = "netns/close.rs"]
mod close;
#[path = "netns/devices.rs"]
mod devices;
#[path = "netns/doctor.rs"]
mod doctor;
#[path = "netns/events.rs"]
mod events;
#[path = "netns/events_owners.rs"]
mod events_owners;
#[path = "netns/families.rs"]
mod families;
#[path = "netns/free.rs"]
mod free;
#[path = "netns/holders.rs"]
mod holders;
#[path = "netns/kill.rs"]
mod kill;
#[path = "netns/kill_parents.rs"]
mod kill_parents;
#[path = "netns/kill_races.rs"]
mod kill_races;
#[path = "netns/kill_several.rs"]
mod kill_several;
#[path = "netns/live.rs"]
mod live;
#[path = "netns/mptcp.rs"]
mod mptcp;
#[path = "netns/namespaces.rs"]
mod namespaces;
#[path = "netns/no_sock_diag.rs"]
mod no_sock_diag;
#[path = "netns/one_answer.rs"]
mod one_answer;
#[path = "netns/opts.rs"]
mod opts;
#[path = "netns/opts_lints.rs"]
mod opts_lints;
#[path = "netns/opts_look.rs"]
mod opts_look;
#[path = "netns/opts_set.rs"]
mod opts_set;
#[path = "netns/owner_cache.rs"]
mod owner_cache;
#[path = "netns/owners.rs"]
mod owners;
#[path = "netns/owners_by_kernel.rs"]
mod owners_by_kernel;
#[path = "netns/packet_capture.rs"]
mod packet_capture;
#[path = "netns/packet_filters.rs"]
mod packet_filters;
#[path = "netns/packet_gaps.rs"]
mod packet_gaps;
#[path = "netns/packets.rs"]
mod packets;
#[path = "netns/ports.rs"]
mod ports;
#[path = "netns/probe.rs"]
mod probe;
#[path = "netns/probe_between.rs"]
mod probe_between;
#[path = "netns/probe_datagrams.rs"]
mod probe_datagrams;
#[path = "netns/probe_lies.rs"]
mod probe_lies;
#[path = "netns/probe_outfit.rs"]
mod probe_outfit;
#[path = "netns/skips.rs"]
mod skips;
#[path = "netns/trace.rs"]
mod trace;
#[path = "netns/unlisted.rs"]
mod unlisted;
#[path = "netns/wait.rs"]
mod wait;
#[path = "netns/why.rs"]
mod why;
#[path = "netns/why_addresses.rs"]
mod why_addresses;
#[path = "netns/why_binds.rs"]
mod why_binds;
#[path = "netns/why_drops.rs"]
mod why_drops;
#[path = "netns/why_nat.rs"]
mod why_nat;
#[path = "netns/why_paths.rs"]
mod why_paths;
