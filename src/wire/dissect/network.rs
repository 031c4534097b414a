//! ARP, IPv4 and IPv6 with its extension headers, and tunnels by IP.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::header::{Dissection, Header, hexadecimal};
use crate::wire::names;

impl Dissection<'_> {
    /// RFC 826 for Ethernet and IPv4.
    pub(super) fn arp(&mut self, is_reverse: bool) {
        let name = if is_reverse { "rarp" } else { "arp" };
        let Some(mut header) = self.header(name, 28) else { return };
        header.number("hardware type", 0, 2);
        header.digits("protocol type", 2, 2);
        header.number("hardware length", 4, 1);
        header.number("protocol length", 5, 1);
        let operation = header.peek(6, 2);
        let meaning = match operation {
            1 => "request",
            2 => "reply",
            3 => "reverse request",
            4 => "reverse reply",
            _ => "unknown",
        };
        header.field("operation", 6, 2, operation, Some(meaning.to_owned()));
        let sender_mac = header.mac("sender address", 8);
        let sender = v4(&mut header, "sender protocol address", 14);
        header.mac("target address", 18);
        let target = v4(&mut header, "target protocol address", 24);
        let summary = match operation {
            1 if sender == target => format!("{sender} announces itself at {sender_mac}"),
            1 => format!("who has {target}? {sender} asks"),
            2 => format!("{sender} is at {sender_mac}"),
            _ => meaning.to_owned(),
        };
        self.push(header, 28, summary);
    }

    /// RFC 791.
    pub(super) fn ipv4(&mut self) {
        let Some(mut header) = self.header("ipv4", 20) else { return };
        let first = header.peek(0, 1);
        let length = (first & 0xf) as usize * 4;
        header.field("version", 0, 1, first >> 4, None);
        header.field("header length", 0, 1, length, None);
        let service = header.peek(1, 1);
        header.field("dscp", 1, 1, service >> 2, None);
        header.field("ecn", 1, 1, service & 3, congestion(service & 3));
        let total = header.number("total length", 2, 2) as usize;
        header.digits("identification", 4, 2);
        let fragment = header.peek(6, 2);
        let (dont, more, offset) =
            (fragment & 0x4000 != 0, fragment & 0x2000 != 0, (fragment & 0x1fff) * 8);
        header.field("don't fragment", 6, 1, dont, None);
        header.field("more fragments", 6, 1, more, None);
        header.field("fragment offset", 6, 2, offset, None);
        let hops = header.number("time to live", 8, 1);
        let protocol = header.peek(9, 1) as u8;
        let name = names::ip_protocol(protocol).into_owned();
        header.field("protocol", 9, 1, protocol, Some(name));
        header.digits("header checksum", 10, 2);
        let source = v4(&mut header, "source", 12);
        let destination = v4(&mut header, "destination", 16);
        let start = self.at;
        if length < 20 || self.left() < length {
            header.layer.fault = Some("its header length makes no sense".into());
            self.push(header, 20, format!("{source} > {destination}"));
            return self.remainder();
        }
        if length > 20 {
            let options = hexadecimal(header.bytes(20, length - 20));
            header.field("options", 20, length - 20, options, None);
        }
        let mut summary = format!("{source} > {destination}, ttl {hops}");
        if more || offset > 0 {
            let id = header.peek(4, 2);
            summary +=
                &format!(", fragment {id:#06x} from {offset}{}", if more { "+" } else { "" });
        }
        self.push(header, length, summary);
        if total >= length {
            self.end = self.end.min(start + total);
        }
        if offset > 0 {
            return self.remainder();
        }
        self.behind_ip(protocol);
    }

    /// RFC 8200.
    pub(super) fn ipv6(&mut self) {
        let Some(mut header) = self.header("ipv6", 40) else { return };
        let first = header.peek(0, 4);
        header.field("version", 0, 1, first >> 28, None);
        header.field("traffic class", 0, 2, format!("0x{:02x}", first >> 20 & 0xff), None);
        header.field("flow label", 1, 3, format!("0x{:05x}", first & 0xf_ffff), None);
        let payload = header.number("payload length", 4, 2) as usize;
        let next = header.peek(6, 1) as u8;
        header.field("next header", 6, 1, next, Some(names::ip_protocol(next).into_owned()));
        let hops = header.number("hop limit", 7, 1);
        let source = v6(&mut header, "source", 8);
        let destination = v6(&mut header, "destination", 24);
        self.push(header, 40, format!("{source} > {destination}, hop limit {hops}"));
        if payload > 0 {
            self.end = self.end.min(self.at + payload);
        }
        self.behind_ip(next);
    }

    /// Extension headers, transport, or a tunnel.
    pub(super) fn behind_ip(&mut self, mut protocol: u8) {
        loop {
            let before = self.at;
            protocol = match protocol {
                0 | 43 | 60 | 135 => match self.extension(protocol) {
                    Some(next) => next,
                    None => return,
                },
                44 => match self.fragment() {
                    Some(next) => next,
                    None => return,
                },
                51 => match self.authentication() {
                    Some(next) => next,
                    None => return,
                },
                4 => return self.ipv4(),
                41 => return self.ipv6(),
                47 => return self.gre(),
                other => return self.transport(other),
            };
            if self.at == before {
                return;
            }
        }
    }

    fn extension(&mut self, protocol: u8) -> Option<u8> {
        let name = names::ip_protocol(protocol);
        let mut header = self.header(name, 8)?;
        let next = header.peek(0, 1) as u8;
        header.field("next header", 0, 1, next, Some(names::ip_protocol(next).into_owned()));
        let length = (header.number("length", 1, 1) as usize + 1) * 8;
        let body = hexadecimal(header.bytes(2, length.min(self.left()) - 2));
        header.field("content", 2, length - 2, body, None);
        if self.left() < length {
            header.layer.fault = Some("it ends early".into());
            self.push(header, length, "cut short");
            return None;
        }
        self.push(header, length, "");
        Some(next)
    }

    fn fragment(&mut self) -> Option<u8> {
        let mut header = self.header("fragment", 8)?;
        let next = header.peek(0, 1) as u8;
        header.field("next header", 0, 1, next, Some(names::ip_protocol(next).into_owned()));
        let place = header.peek(2, 2);
        let (offset, more) = (place & !7, place & 1 == 1);
        header.field("fragment offset", 2, 2, offset, None);
        header.field("more fragments", 3, 1, more, None);
        let id = header.digits("identification", 4, 4);
        let sign = if more { "+" } else { "" };
        self.push(header, 8, format!("fragment {id:#010x} from {offset}{sign}"));
        if offset > 0 {
            self.remainder();
            return None;
        }
        Some(next)
    }

    fn authentication(&mut self) -> Option<u8> {
        let mut header = self.header("ah", 12)?;
        let next = header.peek(0, 1) as u8;
        header.field("next header", 0, 1, next, Some(names::ip_protocol(next).into_owned()));
        let length = (header.number("length", 1, 1) as usize + 2) * 4;
        let index = header.digits("security parameters index", 4, 4);
        header.number("sequence", 8, 4);
        if length < 12 || self.left() < length {
            header.layer.fault = Some("its length makes no sense".into());
            self.push(header, 12, "");
            return None;
        }
        self.push(header, length, format!("spi {index:#010x}"));
        Some(next)
    }

    /// RFC 2784, RFC 2890.
    fn gre(&mut self) {
        let Some(mut header) = self.header("gre", 4) else { return };
        let flags = header.digits("flags and version", 0, 2);
        let kind = header.peek(2, 2) as u16;
        let name = names::ether_type(kind).into_owned();
        header.field("protocol", 2, 2, format!("0x{kind:04x}"), Some(name));
        let fields = (flags & 0xb000).count_ones() as usize;
        let is_known = flags & 0x4007 == 0;
        self.push(header, if is_known { 4 + 4 * fields } else { 4 }, "");
        if is_known { self.gre_payload(kind) } else { self.remainder() }
    }
}

fn congestion(bits: u32) -> Option<String> {
    let meaning = match bits {
        0 => "not capable",
        3 => "congestion met",
        _ => "capable",
    };
    Some(meaning.to_owned())
}

fn v4(header: &mut Header<'_>, name: &'static str, at: usize) -> Ipv4Addr {
    let address = Ipv4Addr::from_bits(header.peek(at, 4));
    header.field(name, at, 4, address, None);
    address
}

fn v6(header: &mut Header<'_>, name: &'static str, at: usize) -> Ipv6Addr {
    let bytes: [u8; 16] = header.bytes(at, 16).try_into().unwrap_or_default();
    let address = Ipv6Addr::from(bytes);
    header.field(name, at, 16, address, None);
    address
}
