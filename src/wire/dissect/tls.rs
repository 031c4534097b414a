//! TLS records and hellos (RFC 8446, 4.1, 5.1), as far as they are in the clear.

use super::header::Header;

/// What a client says that it wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The server's name (RFC 6066, 3), uncleaned.
    pub server_name: Option<String>,
    /// Application protocols that are offered (RFC 7301).
    pub protocols: Vec<String>,
}

/// Whether bytes begin like a record.
pub(super) fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=24, 3, 0..=4, high, _, ..] if *high <= 0x48)
}

pub(super) fn content_name(kind: u32) -> &'static str {
    match kind {
        20 => "change cipher spec",
        21 => "alert",
        22 => "handshake",
        23 => "application data",
        24 => "heartbeat",
        _ => "unknown",
    }
}

pub(super) fn version_name(version: u32) -> Option<String> {
    let name = match version {
        0x0300 => "SSL 3.0",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        _ => return None,
    };
    Some(name.to_owned())
}

/// The fields behind a record's header, in short.
pub(super) fn fields(header: &mut Header<'_>, kind: u32, body: &[u8]) -> String {
    match (kind, body) {
        (21, [level, description]) => {
            header.field("alert level", 5, 1, level, None);
            header.field("alert", 6, 1, description, None);
            format!("alert {description}")
        }
        (22, [message, ..]) => {
            let name = match message {
                0 => "hello request",
                1 => "client hello",
                2 => "server hello",
                4 => "new session ticket",
                8 => "encrypted extensions",
                11 => "certificate",
                12 => "server key exchange",
                13 => "certificate request",
                14 => "server hello done",
                15 => "certificate verify",
                16 => "client key exchange",
                20 => "finished",
                _ => return "handshake, encrypted".to_owned(),
            };
            header.field("handshake", 5, 1, message, Some(name.to_owned()));
            if *message != 1 {
                return name.to_owned();
            }
            let hello = handshake_hello(body).unwrap_or_default();
            let mut summary = name.to_owned();
            if let Some(server) = &hello.server_name {
                header.field("server name", 5, body.len(), server, None);
                summary += &format!(" for {server}");
            }
            if !hello.protocols.is_empty() {
                let protocols = hello.protocols.join(" ");
                summary += &format!(", alpn {protocols}");
                header.field("application protocols", 5, body.len(), protocols, None);
            }
            summary
        }
        _ => content_name(kind).to_owned(),
    }
}

/// The hello that a TCP payload begins with; what is cut away is left out.
pub fn client_hello(payload: &[u8]) -> Option<Hello> {
    match payload {
        [22, 3, 0..=4, _, _, body @ ..] => handshake_hello(body),
        _ => None,
    }
}

fn handshake_hello(body: &[u8]) -> Option<Hello> {
    // Type, length, version, random.
    let [1, _, _, _, rest @ ..] = body else { return None };
    let rest = rest.get(34..)?;
    let rest = behind(rest, 1)?;
    let rest = behind(rest, 2)?;
    let rest = behind(rest, 1)?;
    let mut extensions = rest.get(2..)?;
    let mut hello = Hello::default();
    for _ in 0..64 {
        let [k0, k1, l0, l1, after @ ..] = extensions else { break };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let data = &after[..length.min(after.len())];
        match u16::from_be_bytes([*k0, *k1]) {
            0 => hello.server_name = server_name(data),
            16 => hello.protocols = protocols(data),
            _ => {}
        }
        let Some(next) = after.get(length..) else { break };
        extensions = next;
    }
    Some(hello)
}

/// What follows a vector whose length takes `width` bytes.
fn behind(bytes: &[u8], width: usize) -> Option<&[u8]> {
    let length = bytes.get(..width)?.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
    bytes.get(width + length..)
}

fn server_name(data: &[u8]) -> Option<String> {
    let [_, _, 0, h, l, rest @ ..] = data else { return None };
    let name = rest.get(..usize::from(u16::from_be_bytes([*h, *l])))?;
    Some(String::from_utf8_lossy(name).into_owned())
}

fn protocols(data: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = data.get(2..).unwrap_or_default();
    while let [length, after @ ..] = rest {
        let Some(name) = after.get(..usize::from(*length)) else { break };
        all.push(String::from_utf8_lossy(name).into_owned());
        if all.len() == 8 {
            break;
        }
        rest = &after[usize::from(*length)..];
    }
    all
}
