//! A packet as a line of a list.

use jiff::Timestamp;

use super::each::Packet;
use crate::model::packet::{Layer, PacketLine};
use crate::wire::dissect::dissect;
use crate::wire::names;

/// The packet with this number, with all of its fields where they are wanted.
pub fn packet_line(packet: &Packet<'_>, number: u64, with_fields: bool) -> PacketLine {
    let layers = dissect(packet.link, packet.bytes);
    let [source, destination] = ends(packet, &layers);
    let network = layers.iter().position(|layer| matches!(&*layer.name, "ipv4" | "ipv6" | "arp"));
    let first = network.map_or(0, |at| if layers[at].name == "arp" { at } else { at + 1 });
    let shown = layers.get(first..).filter(|layers| !layers.is_empty()).unwrap_or(&layers);
    let protocol = shown.iter().rev().find(|layer| layer.name != "data");
    let protocol = protocol.or(layers.last()).map(|layer| layer.name.clone());
    PacketLine {
        number,
        at: packet.time_ns.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok()),
        interface: packet.interface_name.cloned(),
        length: packet.length,
        captured: packet.bytes.len(),
        source,
        destination,
        protocol: protocol.unwrap_or_else(|| unread(packet).into()),
        summary: summary(packet, shown),
        layers: if with_fields { layers } else { Vec::new() },
    }
}

fn unread(packet: &Packet<'_>) -> &'static str {
    names::link_type(packet.link_type).unwrap_or("unknown")
}

fn summary(packet: &Packet<'_>, layers: &[Layer]) -> String {
    let words = layers.iter().enumerate().filter(|(_, layer)| layer.name != "data").map(
        |(index, layer)| {
            let has_ports = matches!(&*layer.name, "tcp" | "udp" | "udplite" | "sctp");
            // The ends before it have the ports already: "4000 > 53 len 33" is "len 33".
            let summary = match layer.summary.splitn(4, ' ').nth(3) {
                Some(rest) if index == 0 && has_ports => rest,
                _ if index == 0 && has_ports => "",
                _ => &layer.summary,
            };
            format!("{} {summary}", layer.name).trim_end().to_owned()
        },
    );
    let mut text = words.collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        text = format!("{} bytes", packet.length);
    }
    if (packet.bytes.len() as u64) < u64::from(packet.length) {
        text += &format!(" ({} of {} bytes captured)", packet.bytes.len(), packet.length);
    }
    text
}

fn ends(packet: &Packet<'_>, layers: &[Layer]) -> [Option<String>; 2] {
    if let Some(ip) = packet.summary.ip() {
        let addresses = [ip.source, ip.destination].map(std::net::IpAddr::from);
        return match ip.transport.ports() {
            Some((source, destination)) => {
                let [a, b] = addresses;
                [(a, source), (b, destination)]
                    .map(|end| Some(std::net::SocketAddr::from(end).to_string()))
            }
            None => addresses.map(|address| Some(address.to_string())),
        };
    }
    let link = layers.first().filter(|layer| layer.name == "ethernet");
    ["source", "destination"].map(|name| {
        let field = link?.fields.iter().find(|field| field.name == name)?;
        Some(field.value.clone())
    })
}
