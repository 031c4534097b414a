//! What a server on every address exposes.

use std::net::IpAddr;

use super::super::Scene;
use super::{InWay, finding};
use crate::inspect::words::list;
use crate::model::interface::Interface;
use crate::model::socket::Socket;
use crate::model::why::{WhyFinding, WhyKind};
use crate::sys::interfaces;
use crate::text::address;

/// More addresses than this are counted.
const MOST: usize = 6;

/// One finding for each server that answers on every address, where others can reach one.
pub(super) fn findings(scene: &Scene<'_>, in_way: &InWay<'_>) -> Vec<WhyFinding> {
    let is_wildcard = |socket: &&Socket| {
        socket.interface.is_none() && socket.local.addr.is_some_and(|addr| addr.is_unspecified())
    };
    let mut wildcards: Vec<&Socket> = in_way.serving.iter().copied().filter(is_wildcard).collect();
    wildcards.dedup_by(|a, b| a.local == b.local && a.is_dual_stack() == b.is_dual_stack());
    if wildcards.is_empty() || scene.target.port == 0 {
        return Vec::new();
    }
    let Ok(interfaces) = interfaces::list() else { return Vec::new() };
    wildcards.iter().filter_map(|socket| exposed(socket, &interfaces.list)).collect()
}

pub(in super::super) fn exposed(socket: &Socket, interfaces: &[Interface]) -> Option<WhyFinding> {
    let is_v4 = socket.local.addr?.is_ipv4();
    let is_answered =
        |addr: &IpAddr| addr.is_ipv4() == is_v4 || (addr.is_ipv4() && socket.is_dual_stack());
    let mut reachable = Vec::new();
    let is_loopback =
        |interface: &&Interface| interface.addresses.iter().any(|(addr, _)| addr.is_loopback());
    for interface in interfaces.iter().filter(|interface| !is_loopback(interface)) {
        let own = interface.addresses.iter().map(|(addr, _)| addr).filter(|addr| is_answered(addr));
        for addr in own {
            let by_neighbours = matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local());
            let whom = if by_neighbours { ", by its link alone" } else { "" };
            reachable.push(format!("{addr} ({}{whom})", interface.name));
        }
    }
    if reachable.is_empty() {
        return None;
    }
    if reachable.len() > MOST {
        let rest = reachable.split_off(MOST).len();
        reachable.push(format!("{rest} more"));
    }
    let text = format!(
        "{} answers on every address: others may reach it at {}, unless a firewall stands before \
         it; a bind of 127.0.0.1 would keep it to this host",
        address::local(socket),
        list(&reachable)
    );
    Some(finding(WhyKind::Exposure, text, &[socket], Vec::new()))
}
