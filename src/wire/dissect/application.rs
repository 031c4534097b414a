//! What is told of a payload: DNS, TLS records and hellos, the first lines of HTTP and SSH, and
//! the tunnels in UDP.

use super::header::Dissection;
use super::{dns, tls};

impl Dissection<'_> {
    /// The payload of a TCP segment.
    pub(super) fn stream(&mut self, source: u16, destination: u16) {
        let rest = self.rest();
        if [source, destination].contains(&53) && rest.len() > 2 {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            if length + 2 == rest.len() {
                return self.dns("dns", 2);
            }
        }
        if tls::is_record(rest) {
            return self.tls();
        }
        let line = first_line(rest);
        let name = match line {
            Some(line) if is_http(line) => "http",
            Some(line) if line.starts_with("SSH-") => "ssh",
            _ => return self.remainder(),
        };
        let line = line.unwrap_or_default().to_owned();
        let length = self.left();
        if let Some(mut header) = self.header(name, 0) {
            header.field("first line", 0, line.len(), &line, None);
            self.push(header, length, line);
        }
    }

    /// The payload of a datagram.
    pub(super) fn datagram(&mut self, source: u16, destination: u16) {
        let is = |port| [source, destination].contains(&port);
        match () {
            () if is(53) => self.dns("dns", 0),
            () if is(5353) => self.dns("mdns", 0),
            () if is(5355) => self.dns("llmnr", 0),
            () if destination == 4789 => self.vxlan(),
            () if destination == 6081 => self.geneve(),
            () if destination == 51820 || source == 51820 => self.unread("wireguard".into()),
            () if is(67) || is(68) => self.dhcp(),
            () if is(123) => self.ntp(),
            () if is(443) && is_quic(self.rest()) => self.quic(),
            () => self.remainder(),
        }
    }

    fn dns(&mut self, name: &'static str, prefix: usize) {
        let rest = self.rest().get(prefix..).unwrap_or_default();
        let Some(message) = dns::message(rest) else { return self.remainder() };
        let length = self.left();
        let Some(mut header) = self.header(name, 0) else { return };
        header.field("id", prefix, 2, format!("0x{:04x}", message.id), None);
        let kind = if message.is_response { "response" } else { "query" };
        header.field("flags", prefix + 2, 2, format!("0x{:04x}", message.flags), Some(kind.into()));
        for (index, (name, count)) in ["questions", "answers", "authorities", "additionals"]
            .into_iter()
            .zip(message.counts)
            .enumerate()
        {
            header.field(name, prefix + 4 + 2 * index, 2, count, None);
        }
        let question = message.question.as_ref();
        if let Some(question) = question {
            let length = question.length;
            header.field("name", prefix + 12, length, &question.name, None);
            header.field("type", prefix + 12 + length, 2, dns::type_name(question.kind), None);
        }
        for answer in &message.answers {
            let place = prefix + answer.start;
            header.field("answer", place, answer.length, &answer.text, None);
        }
        self.push(header, length, message.to_string());
    }

    fn tls(&mut self) {
        for _ in 0..8 {
            let rest = self.rest();
            if !tls::is_record(rest) {
                return self.remainder();
            }
            let length = 5 + usize::from(u16::from_be_bytes([rest[3], rest[4]]));
            let Some(mut header) = self.header("tls", 5) else { return };
            let kind = header.peek(0, 1);
            header.field("content type", 0, 1, kind, Some(tls::content_name(kind).to_owned()));
            let version = header.peek(1, 2);
            header.field("version", 1, 2, format!("0x{version:04x}"), tls::version_name(version));
            header.number("length", 3, 2);
            let body = &rest[5.min(rest.len())..length.min(rest.len())];
            let summary = tls::fields(&mut header, kind, body);
            if rest.len() < length {
                header.layer.fault = Some("the record goes on in another segment".into());
            }
            self.push(header, length, summary);
            if self.left() == 0 {
                return;
            }
        }
    }

    fn quic(&mut self) {
        let length = self.left();
        let Some(mut header) = self.header("quic", 0) else { return };
        let first = header.peek(0, 1);
        let summary = if first & 0x80 != 0 {
            let version = header.digits("version", 1, 4);
            let kind = match (version, first >> 4 & 3) {
                (0, _) => "version negotiation",
                (_, 0) => "initial",
                (_, 1) => "0-rtt",
                (_, 2) => "handshake",
                _ => "retry",
            };
            header.field("long header", 0, 1, format!("0x{first:02x}"), Some(kind.to_owned()));
            kind
        } else {
            header.field("short header", 0, 1, format!("0x{first:02x}"), None);
            "encrypted"
        };
        self.push(header, length, summary);
    }

    /// RFC 7348.
    fn vxlan(&mut self) {
        let Some(mut header) = self.header("vxlan", 8) else { return };
        header.digits("flags", 0, 1);
        let network = header.number("network identifier", 4, 3);
        self.push(header, 8, format!("vni {network}"));
        self.ethernet();
    }

    /// RFC 8926.
    fn geneve(&mut self) {
        let Some(mut header) = self.header("geneve", 8) else { return };
        let options = (header.peek(0, 1) & 0x3f) as usize * 4;
        header.field("options length", 0, 1, options, None);
        let kind = header.digits("protocol", 2, 2) as u16;
        let network = header.number("network identifier", 4, 3);
        self.push(header, 8 + options, format!("vni {network}"));
        self.gre_payload(kind);
    }

    /// RFC 2131, and the message type of RFC 2132, 9.6.
    fn dhcp(&mut self) {
        let length = self.left();
        let Some(mut header) = self.header("dhcp", 44) else { return };
        let operation = header.number("operation", 0, 1);
        header.digits("transaction", 4, 4);
        for (name, at) in [("client", 12), ("your", 16), ("server", 20), ("relay", 24)] {
            let address = std::net::Ipv4Addr::from_bits(header.peek(at, 4));
            header.field(name, at, 4, address, None);
        }
        header.mac("client link address", 28);
        let kind = message_type(header.bytes(236, length.saturating_sub(236)));
        let summary = kind.unwrap_or(if operation == 1 { "request" } else { "reply" });
        self.push(header, length, summary);
    }

    /// RFC 5905, 7.3.
    fn ntp(&mut self) {
        let length = self.left();
        let Some(mut header) = self.header("ntp", 4) else { return };
        let first = header.peek(0, 1);
        let mode = match first & 7 {
            3 => "client",
            4 => "server",
            5 => "broadcast",
            6 => "control",
            _ => "other",
        };
        header.field("version", 0, 1, first >> 3 & 7, None);
        header.field("mode", 0, 1, first & 7, Some(mode.to_owned()));
        header.number("stratum", 1, 1);
        self.push(header, length, format!("version {}, {mode}", first >> 3 & 7));
    }
}

fn message_type(options: &[u8]) -> Option<&'static str> {
    const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
    let mut rest = options.strip_prefix(&COOKIE)?;
    while let [code, after @ ..] = rest {
        match (*code, after) {
            (0, _) => rest = after,
            (255, _) => return None,
            (53, [1, kind, ..]) => {
                let names = [
                    "", "discover", "offer", "request", "decline", "ack", "nak", "release",
                    "inform",
                ];
                return names.get(usize::from(*kind)).copied();
            }
            (_, [length, after @ ..]) => rest = after.get(usize::from(*length)..)?,
            _ => return None,
        }
    }
    None
}

fn is_quic(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0x40 != 0)
}

/// The first line, where it is text.
fn first_line(bytes: &[u8]) -> Option<&str> {
    const MOST: usize = 256;
    let bytes = &bytes[..bytes.len().min(MOST)];
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    (!line.is_empty() && line.chars().all(|c| !c.is_control())).then_some(line)
}

fn is_http(line: &str) -> bool {
    const METHODS: [&str; 9] =
        ["GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "];
    line.starts_with("HTTP/") || METHODS.iter().any(|method| line.starts_with(method))
}

/// The host that an HTTP/1 request is for (RFC 9110, 7.2).
pub fn http_host(payload: &[u8]) -> Option<&str> {
    const MOST: usize = 2_048;
    let text = &payload[..payload.len().min(MOST)];
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    for line in lines.take(64) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > 5 && line[..5].eq_ignore_ascii_case(b"host:") {
            return std::str::from_utf8(&line[5..]).ok().map(str::trim);
        }
    }
    None
}

/// The identification that an SSH peer begins with (RFC 4253, 4.2).
pub fn ssh_version(payload: &[u8]) -> Option<&str> {
    first_line(payload).filter(|line| line.starts_with("SSH-"))
}
