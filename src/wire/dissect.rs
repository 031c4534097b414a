//! The bytes of a frame to all fields of its headers, with their places: for looking at one packet
//! closely, where [`super::frame`] is for counting many.

mod application;
mod dns;
mod header;
mod network;
#[cfg(test)]
mod tests;
mod tls;
mod transport;

use super::frame::Link;
use super::names;
use crate::model::packet::Layer;

pub use application::{http_host, ssh_version};
pub use dns::{Dns, code_name, message as dns_message, response_code};
use header::Dissection;
pub use tls::{Hello, client_hello};

/// Tags and labels before a network header.
const MAX_TAGS: usize = 8;

/// All headers of a frame that begins with a `link` header.
pub fn dissect(link: Link, frame: &[u8]) -> Vec<Layer> {
    let mut dissection = Dissection { frame, at: 0, end: frame.len(), layers: Vec::new() };
    dissection.link(link);
    dissection.layers
}

impl Dissection<'_> {
    fn link(&mut self, link: Link) {
        match link {
            Link::Ethernet => self.ethernet(),
            Link::LinuxSll => self.cooked("linux cooked", 14, 16),
            Link::LinuxSll2 => self.cooked("linux cooked 2", 0, 20),
            Link::RawIp => self.by_version(),
            Link::Payload(ether_type) => self.ether_payload(ether_type),
            Link::Null => {
                if let Some(mut header) = self.header("loopback", 4) {
                    header.digits("family", 0, 4);
                    self.push(header, 4, "");
                    self.by_version();
                }
            }
            other => self.otherwise(other),
        }
    }

    /// Links whose headers are passed by without their fields being named.
    fn otherwise(&mut self, link: Link) {
        let network = super::frame::ip_at(link, self.frame);
        let Some(mut header) = self.header("link header", network.unwrap_or(0)) else { return };
        header.field("kind", 0, 0, format!("{link:?}").to_lowercase(), None);
        match network {
            Some(at) => {
                self.push(header, at, "");
                self.by_version();
            }
            None => {
                header.layer.fault = Some("its link header is not read field by field".into());
                self.push(header, 0, "");
                self.remainder();
            }
        }
    }

    fn ethernet(&mut self) {
        let Some(mut header) = self.header("ethernet", 14) else { return };
        let destination = header.mac("destination", 0);
        let source = header.mac("source", 6);
        let kind = header.peek(12, 2) as u16;
        if kind < 0x600 {
            header.number("length", 12, 2);
        } else {
            let name = names::ether_type(kind).into_owned();
            header.field("type", 12, 2, format!("0x{kind:04x}"), Some(name));
        }
        self.push(header, 14, format!("{source} > {destination}"));
        self.ether_payload(kind);
    }

    fn cooked(&mut self, name: &'static str, protocol_at: usize, length: usize) {
        let Some(mut header) = self.header(name, length) else { return };
        let kind = header.peek(protocol_at, 2) as u16;
        let (way_at, way_length) = if protocol_at == 0 { (10, 1) } else { (0, 2) };
        let way = header.peek(way_at, way_length);
        let way_name = match way {
            0 => "to us",
            1 => "broadcast",
            2 => "multicast",
            3 => "to somebody else",
            4 => "from us",
            _ => "unknown",
        };
        header.field("packet type", way_at, way_length, way, Some(way_name.to_owned()));
        if protocol_at == 0 {
            header.number("interface index", 4, 4);
        }
        let kind_name = names::ether_type(kind).into_owned();
        header.field("protocol", protocol_at, 2, format!("0x{kind:04x}"), Some(kind_name));
        self.push(header, length, way_name);
        self.ether_payload(kind);
    }

    fn ether_payload(&mut self, mut kind: u16) {
        for _ in 0..MAX_TAGS {
            if !matches!(kind, 0x8100 | 0x88a8 | 0x9100) {
                break;
            }
            let Some(mut header) = self.header("vlan", 4) else { return };
            let tag = header.peek(0, 2);
            header.field("priority", 0, 2, tag >> 13, None);
            header.field("drop eligible", 0, 2, tag >> 12 & 1, None);
            header.field("id", 0, 2, tag & 0xfff, None);
            kind = header.peek(2, 2) as u16;
            let name = names::ether_type(kind).into_owned();
            header.field("type", 2, 2, format!("0x{kind:04x}"), Some(name));
            self.push(header, 4, format!("vlan {}", tag & 0xfff));
        }
        match kind {
            0x0800 => self.ipv4(),
            0x86dd => self.ipv6(),
            0x0806 | 0x8035 => self.arp(kind == 0x8035),
            0x8847 | 0x8848 => self.mpls(),
            0x8864 => self.pppoe(),
            0..0x600 => self.llc(),
            _ => self.unread(names::ether_type(kind)),
        }
    }

    fn mpls(&mut self) {
        for _ in 0..MAX_TAGS {
            let Some(mut header) = self.header("mpls", 4) else { return };
            let label = header.peek(0, 4);
            header.field("label", 0, 3, label >> 12, None);
            header.field("traffic class", 2, 1, label >> 9 & 7, None);
            let is_last = label >> 8 & 1 == 1;
            header.field("bottom of stack", 2, 1, is_last, None);
            header.field("hop limit", 3, 1, label & 0xff, None);
            self.push(header, 4, format!("mpls {}", label >> 12));
            if is_last {
                return self.by_version();
            }
        }
    }

    fn pppoe(&mut self) {
        let Some(mut header) = self.header("pppoe", 8) else { return };
        let session = header.number("session", 2, 2);
        header.number("length", 4, 2);
        let protocol = header.digits("protocol", 6, 2);
        self.push(header, 8, format!("session {session}"));
        match protocol {
            0x21 => self.ipv4(),
            0x57 => self.ipv6(),
            _ => self.unread(format!("ppp 0x{protocol:04x}").into()),
        }
    }

    fn llc(&mut self) {
        let Some(mut header) = self.header("llc", 3) else { return };
        let destination = header.digits("destination access point", 0, 1);
        header.digits("source access point", 1, 1);
        header.digits("control", 2, 1);
        let name = names::llc(destination as u8);
        self.push(header, 3, name);
        if destination == 0xaa
            && let Some(mut header) = self.header("snap", 5)
        {
            header.digits("organisation", 0, 3);
            let kind = header.digits("protocol", 3, 2) as u16;
            self.push(header, 5, "");
            return match kind {
                0x0800 => self.ipv4(),
                0x86dd => self.ipv6(),
                0x0806 => self.arp(false),
                _ => self.unread(names::ether_type(kind)),
            };
        }
        self.remainder();
    }

    fn by_version(&mut self) {
        match self.rest().first().map(|byte| byte >> 4) {
            Some(4) => self.ipv4(),
            Some(6) => self.ipv6(),
            _ => self.remainder(),
        }
    }
}
