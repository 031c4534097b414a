//! SSH (RFC 4253): the identification strings and the algorithms that the server offers. Leaves
//! with a disconnect message, so that the server's log says that the client went by itself.

use crate::model::dialogue::{AppProtocol, Conclusion, Greeting, Refusal};

use super::talk::{Lull, Now, Talk, Turn};
use super::{GREETING, recognise};

/// The longest line before the algorithms (RFC 4253, 4.2 permits 255).
const MOST_LINE: usize = 1024;

/// Lines that a server may say before its identification.
const MOST_LINES: usize = 50;

/// The largest packet that every implementation takes (RFC 4253, 6.1).
const MOST_PACKET: usize = 35_000;

const SSH_MSG_DISCONNECT: u8 = 1;
const SSH_MSG_KEXINIT: u8 = 20;
const SSH_DISCONNECT_BY_APPLICATION: u32 = 11;

/// The conversation.
#[derive(Default)]
pub(super) struct Ssh {
    /// Lines that were said before the identification.
    before: usize,
    identification: Option<String>,
}

impl Ssh {
    /// Reads lines up to the identification.
    fn identify(&mut self, now: &mut Now<'_>) -> Turn {
        while let Some(line) = now.inbox.line() {
            if line.starts_with("SSH-") {
                self.identification = Some(line);
                return Turn::Say(Vec::new(), GREETING);
            }
            self.before += 1;
            if self.before > MOST_LINES {
                return Turn::Mismatch;
            }
        }
        match is_foreign(now) || now.inbox.unread().len() > MOST_LINE {
            true => Turn::Mismatch,
            false => Turn::More,
        }
    }

    fn greet(&self, capabilities: Option<Vec<String>>, now: &mut Now<'_>) {
        let Some(line) = &self.identification else { return };
        let software = recognise::software(AppProtocol::Ssh, line);
        let protocol = Some(AppProtocol::Ssh);
        now.greeting(Greeting { protocol, text: Some(line.clone()), software, capabilities });
    }

    fn packet(&self, now: &mut Now<'_>) -> Turn {
        let Some(length) = now.inbox.unread().first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
        else {
            return Turn::More;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(2..=MOST_PACKET).contains(&length) {
            self.greet(None, now);
            let what = format!("after its identification comes a packet of {length} bytes");
            return Turn::malformed(what);
        }
        if now.inbox.unread().len() < 4 + length {
            return Turn::More;
        }
        let packet = now.inbox.read(4 + length).to_vec();
        let padding = usize::from(packet[4]);
        let payload = packet.get(5..(4 + length).saturating_sub(padding)).unwrap_or_default();
        match payload {
            [SSH_MSG_KEXINIT, rest @ ..] => self.greet(offers(rest), now),
            [SSH_MSG_DISCONNECT, rest @ ..] => {
                self.greet(None, now);
                return Turn::End(Conclusion::Refused(disconnected(rest)), Vec::new());
            }
            _ => self.greet(None, now),
        }
        Turn::End(Conclusion::Answered, farewell())
    }
}

impl Talk for Ssh {
    const PROTOCOL: AppProtocol = AppProtocol::Ssh;
    const GREETS: bool = true;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        let words = format!("SSH-2.0-sockpit_{}\r\n", env!("CARGO_PKG_VERSION"));
        Turn::Say(words.into_bytes(), GREETING)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        if self.identification.is_some() {
            return self.packet(now);
        }
        self.identify(now)
    }

    fn gave_up(&mut self, now: &mut Now<'_>, _: Lull) -> Option<Conclusion> {
        self.greet(None, now);
        if self.identification.is_some() {
            return None;
        }
        recognise::refusal(now.inbox.first()).map(Conclusion::Refused)
    }
}

/// Whether what came first belongs to another protocol.
fn is_foreign(now: &Now<'_>) -> bool {
    recognise::protocol(now.inbox.first()).is_some_and(|other| other != AppProtocol::Ssh)
}

/// The lists of KEXINIT (RFC 4253, 7.1), each name after the kind of its list.
fn offers(payload: &[u8]) -> Option<Vec<String>> {
    // What the server sends is the second of each pair.
    const LISTS: [Option<&str>; 8] = [
        Some("kex"),
        Some("host_key"),
        None,
        Some("cipher"),
        None,
        Some("mac"),
        None,
        Some("compression"),
    ];
    let mut rest = payload.get(16..)?;
    let mut all = Vec::new();
    for kind in LISTS {
        let (names, after) = string(rest)?;
        rest = after;
        let Some(kind) = kind else { continue };
        let names = String::from_utf8_lossy(names);
        all.extend(
            names.split(',').filter(|name| !name.is_empty()).map(|name| format!("{kind}={name}")),
        );
    }
    Some(all)
}

/// A string with its length before it (RFC 4251, 5), and what follows.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()?;
    let rest = &bytes[4..];
    (length <= rest.len()).then(|| rest.split_at(length))
}

/// A server's disconnect message: reason, words.
fn disconnected(payload: &[u8]) -> Refusal {
    let code = payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes).to_string());
    let words = payload.get(4..).and_then(string).map(|(words, _)| words).unwrap_or_default();
    let words = String::from_utf8_lossy(words).into_owned();
    Refusal { cause: recognise::cause(&words), code, words }
}

/// "Disconnected by application" (RFC 4253, 11.1), unencrypted as everything before the keys.
fn farewell() -> Vec<u8> {
    const WORDS: &[u8] = b"probe done";
    let mut payload = vec![SSH_MSG_DISCONNECT];
    payload.extend(SSH_DISCONNECT_BY_APPLICATION.to_be_bytes());
    payload.extend(10_u32.to_be_bytes());
    payload.extend(WORDS);
    payload.extend(0_u32.to_be_bytes());
    // Length, padding's length and payload together are a multiple of 8, the padding at least 4.
    let padding = 4 + (8 - (5 + payload.len() + 4) % 8) % 8;
    let length = u32::try_from(1 + payload.len() + padding).unwrap_or(u32::MAX);
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap_or(u8::MAX));
    packet.extend(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}

#[cfg(test)]
mod tests;
