//! TCP with its options, UDP and the tunnels in it, SCTP, ICMP and ICMPv6.

use super::header::{Dissection, Header, hexadecimal};
use crate::wire::names;

/// Flags of RFC 9293, 3.1, from the highest bit down, with the letters that tcpdump uses.
const FLAGS: [(&str, char); 8] = [
    ("cwr", 'W'),
    ("ece", 'E'),
    ("urg", 'U'),
    ("ack", '.'),
    ("psh", 'P'),
    ("rst", 'R'),
    ("syn", 'S'),
    ("fin", 'F'),
];

impl Dissection<'_> {
    pub(super) fn transport(&mut self, protocol: u8) {
        match protocol {
            6 => self.tcp(),
            17 | 136 => self.udp(protocol == 136),
            132 => self.sctp(),
            1 => self.icmp(false),
            58 => self.icmp(true),
            _ => self.unread(names::ip_protocol(protocol)),
        }
    }

    pub(super) fn gre_payload(&mut self, kind: u16) {
        match kind {
            0x6558 => self.ethernet(),
            other => self.ether_payload(other),
        }
    }

    fn tcp(&mut self) {
        let Some(mut header) = self.header("tcp", 20) else { return };
        let source = header.number("source port", 0, 2) as u16;
        let destination = header.number("destination port", 2, 2) as u16;
        let sequence = header.number("sequence", 4, 4);
        let acknowledgment = header.number("acknowledgment", 8, 4);
        let length = (header.peek(12, 1) >> 4) as usize * 4;
        header.field("header length", 12, 1, length, None);
        let flags = header.peek(13, 1);
        let letters: String = FLAGS
            .iter()
            .enumerate()
            .filter(|(bit, _)| flags & (0x80 >> bit) != 0)
            .map(|(_, (_, letter))| *letter)
            .rev()
            .collect();
        let set: Vec<&str> = FLAGS
            .iter()
            .enumerate()
            .filter(|(bit, _)| flags & (0x80 >> bit) != 0)
            .map(|(_, (name, _))| *name)
            .collect();
        header.field("flags", 13, 1, format!("0x{flags:02x}"), Some(set.join(" ")));
        let window = header.number("window", 14, 2);
        header.digits("checksum", 16, 2);
        header.number("urgent pointer", 18, 2);
        if length < 20 || self.left() < length {
            header.layer.fault = Some("its header length makes no sense".into());
            self.push(header, 20, format!("{source} > {destination} [{letters}]"));
            return;
        }
        let options = tcp_options(&mut header, length);
        let payload = self.left() - length;
        let mut summary = format!("{source} > {destination} [{letters}] seq {sequence}");
        if flags & 0x10 != 0 {
            summary += &format!(" ack {acknowledgment}");
        }
        summary += &format!(" win {window}");
        if !options.is_empty() {
            summary += &format!(" <{options}>");
        }
        summary += &format!(" len {payload}");
        self.push(header, length, summary);
        if payload > 0 {
            self.stream(source, destination);
        }
    }

    fn udp(&mut self, is_lite: bool) {
        let name = if is_lite { "udplite" } else { "udp" };
        let Some(mut header) = self.header(name, 8) else { return };
        let source = header.number("source port", 0, 2) as u16;
        let destination = header.number("destination port", 2, 2) as u16;
        let length = header.number(if is_lite { "coverage" } else { "length" }, 4, 2) as usize;
        header.digits("checksum", 6, 2);
        if !is_lite && length >= 8 {
            self.end = self.end.min(self.at + length);
        }
        let payload = self.left().saturating_sub(8);
        self.push(header, 8, format!("{source} > {destination} len {payload}"));
        if payload > 0 {
            self.datagram(source, destination);
        }
    }

    fn sctp(&mut self) {
        let Some(mut header) = self.header("sctp", 12) else { return };
        let source = header.number("source port", 0, 2);
        let destination = header.number("destination port", 2, 2);
        header.digits("verification tag", 4, 4);
        header.digits("checksum", 8, 4);
        self.push(header, 12, format!("{source} > {destination}"));
        // RFC 9260, 3.2.
        for _ in 0..16 {
            if self.left() == 0 {
                return;
            }
            let Some(mut chunk) = self.header("sctp chunk", 4) else { return };
            let kind = chunk.peek(0, 1);
            let name = match kind {
                0 => "data",
                1 => "init",
                2 => "init ack",
                3 => "sack",
                4 => "heartbeat",
                5 => "heartbeat ack",
                6 => "abort",
                7 => "shutdown",
                8 => "shutdown ack",
                9 => "error",
                10 => "cookie echo",
                11 => "cookie ack",
                14 => "shutdown complete",
                _ => "other",
            };
            chunk.field("type", 0, 1, kind, Some(name.to_owned()));
            chunk.digits("flags", 1, 1);
            let length = chunk.number("length", 2, 2) as usize;
            self.push(chunk, length.max(4).next_multiple_of(4), name);
        }
    }

    fn icmp(&mut self, is_v6: bool) {
        let name = if is_v6 { "icmpv6" } else { "icmp" };
        let Some(mut header) = self.header(name, 4) else { return };
        let kind = header.peek(0, 1) as u8;
        let code = header.peek(1, 1) as u8;
        let meaning = if is_v6 { names::icmpv6(kind, code) } else { names::icmp(kind, code) };
        header.field("type", 0, 1, kind, Some(meaning.clone().into_owned()));
        header.field("code", 1, 1, code, None);
        header.digits("checksum", 2, 2);
        let is_error =
            if is_v6 { matches!(kind, 1..=4) } else { matches!(kind, 3 | 4 | 5 | 11 | 12) };
        let is_echo = if is_v6 { matches!(kind, 128 | 129) } else { matches!(kind, 0 | 8) };
        let mut summary = meaning.into_owned();
        let length = if (is_error || is_echo) && self.left() >= 8 { 8 } else { 4 };
        if is_echo && length == 8 {
            let identifier = header.number("identifier", 4, 2);
            let sequence = header.number("sequence", 6, 2);
            summary += &format!(", id {identifier}, seq {sequence}");
        } else if is_error && length == 8 {
            header.digits("rest", 4, 4);
        }
        let neighbour = matches!(kind, 135 | 136) && is_v6 && self.left() >= 24;
        let length = if neighbour { 24 } else { length };
        if neighbour {
            let bytes: [u8; 16] = header.bytes(8, 16).try_into().unwrap_or_default();
            let target = std::net::Ipv6Addr::from(bytes);
            header.field("target", 8, 16, target, None);
            summary += &format!(", {target}");
        }
        self.push(header, length, summary);
        if is_error && self.left() > 0 {
            // The packet that it speaks of is mostly cut: its own length does not count.
            return if is_v6 { self.ipv6() } else { self.ipv4() };
        }
        self.remainder();
    }
}

/// Options up to the header's end (RFC 9293, 3.1; IANA's list), in short.
fn tcp_options(header: &mut Header<'_>, length: usize) -> String {
    let mut at = 20;
    let mut all: Vec<String> = Vec::new();
    while at < length {
        let kind = header.peek(at, 1);
        if kind == 0 {
            header.field("option end", at, length - at, "", None);
            break;
        }
        if kind == 1 {
            header.field("option no-op", at, 1, "", None);
            at += 1;
            continue;
        }
        let size = header.peek(at + 1, 1) as usize;
        if size < 2 || at + size > length {
            header.layer.fault = Some("an option's length makes no sense".into());
            break;
        }
        let (name, value) = match (kind, size) {
            (2, 4) => ("mss", header.peek(at + 2, 2).to_string()),
            (3, 3) => ("wscale", header.peek(at + 2, 1).to_string()),
            (4, 2) => ("sack ok", String::new()),
            (5, _) => {
                let edges = (at + 2..at + size).step_by(8);
                let blocks: Vec<String> = edges
                    .filter(|edge| edge + 8 <= at + size)
                    .map(|edge| format!("{}-{}", header.peek(edge, 4), header.peek(edge + 4, 4)))
                    .collect();
                ("sack", blocks.join(" "))
            }
            (8, 10) => {
                let (value, echo) = (header.peek(at + 2, 4), header.peek(at + 6, 4));
                ("timestamps", format!("{value} {echo}"))
            }
            (30, _) => ("mptcp", hexadecimal(header.bytes(at + 2, size - 2))),
            (34, _) => ("fast open", hexadecimal(header.bytes(at + 2, size - 2))),
            _ => ("unknown", format!("{kind} {}", hexadecimal(header.bytes(at + 2, size - 2)))),
        };
        header.field(format!("option {name}"), at, size, &value, None);
        all.push(if value.is_empty() { name.to_owned() } else { format!("{name} {value}") });
        at += size;
    }
    all.join(", ")
}
