//! What the host's rules say of the port and the address.

use std::ops::RangeInclusive;

use super::super::Scene;
use super::{InWay, address, finding, remedy};
use crate::inspect::words::counted;
use crate::model::why::{WhyFinding, WhyKind};

/// Rules that refuse the bind.
pub(super) fn refusals(scene: &Scene<'_>) -> Vec<WhyFinding> {
    [privileged(scene), address::refusal(scene)].into_iter().flatten().collect()
}

/// Rules that let an explicit bind pass.
pub(super) fn notes(scene: &Scene<'_>, in_way: &InWay<'_>) -> Vec<WhyFinding> {
    [reserved(scene), ephemeral(scene, in_way)].into_iter().flatten().collect()
}

fn privileged(scene: &Scene<'_>) -> Option<WhyFinding> {
    let port = scene.target.port;
    let start = scene.rules.unprivileged_start.filter(|start| port < *start)?;
    let below =
        format!("{port} is privileged: below {start} (net.ipv4.ip_unprivileged_port_start)");
    let protocol = if scene.target.udp { "/udp" } else { "" };
    let other = format!("{start}{protocol}");
    let another = remedy("find a port that needs no right", &["sockpit", "free", &other]);
    // Root without the right: of a user namespace that the network namespace is not of, or with
    // its capabilities taken away. There is nothing that it could do about that from here.
    let (text, remedies) = if scene.own.as_ref().is_some_and(|own| own.uid == Some(0)) {
        let lacks = "which this root lacks: it was dropped, or its user namespace does not own \
                     this network namespace";
        let text = format!("{below} a bind needs CAP_NET_BIND_SERVICE, {lacks}");
        (text, vec![another])
    } else {
        let text = format!("{below} a bind needs root or CAP_NET_BIND_SERVICE");
        let lower = format!("net.ipv4.ip_unprivileged_port_start={port}");
        let everyone = ["sysctl", "-w", &lower];
        let program = ["setcap", "cap_net_bind_service=+ep", "PROGRAM"];
        let remedies = vec![
            remedy("let everyone bind it (as root)", &everyone),
            remedy("let one program bind it (as root)", &program),
            another,
        ];
        (text, remedies)
    };
    scene.plain_error("EACCES").then(|| finding(WhyKind::PrivilegedPort, text, &[], remedies))
}

fn reserved(scene: &Scene<'_>) -> Option<WhyFinding> {
    let port = scene.target.port;
    let text = format!(
        "{port} is reserved by net.ipv4.ip_local_reserved_ports: no outgoing connection is given \
         it, but whoever names it may bind it"
    );
    scene.rules.is_reserved(port).then(|| finding(WhyKind::ReservedPort, text, &[], Vec::new()))
}

fn ephemeral(scene: &Scene<'_>, in_way: &InWay<'_>) -> Option<WhyFinding> {
    let port = scene.target.port;
    let range = scene.rules.ephemeral.as_ref().filter(|_| scene.rules.is_ephemeral(port))?;
    let (first, last) = (range.start(), range.end());
    let outgoing = match in_way.connected.len() {
        0 => "an outgoing connection may take it at any moment".to_owned(),
        count => {
            let has = counted(count, "connection has", "connections have");
            format!("any outgoing connection may take it, and {has} it now")
        }
    };
    let text = format!("{port} is in the ephemeral range {first}-{last}: {outgoing}");
    // Without the ports that are reserved already the command would release those.
    let reserve = scene.rules.reserved.as_ref().map(|reserved| {
        let ports = format!("net.ipv4.ip_local_reserved_ports={}", with_port(reserved, port));
        remedy("reserve it (as root)", &["sysctl", "-w", &ports])
    });
    let remedies = reserve.into_iter().collect();
    Some(finding(WhyKind::EphemeralRange, text, &in_way.connected, remedies))
}

fn with_port(reserved: &[RangeInclusive<u16>], port: u16) -> String {
    let written = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    };
    let ranges = reserved.iter().map(written).chain([port.to_string()]);
    ranges.collect::<Vec<_>>().join(",")
}
