//! Who speaks, from the first bytes that came: for a port whose protocol is guessed, and for the
//! verdict on a peer that speaks something other than what was expected.
//!
//! Greetings that are no text are put into words: MySQL's packet, Telnet's options, a TLS alert,
//! AMQP's header. Nothing is guessed from a port's number here.

mod binary;
mod words;

use crate::model::dialogue::{AppProtocol, Greeting, Heard, Refusal};

pub use words::refusal;
pub(super) use words::{cause, software};

/// How much of a greeting's text is kept.
const MOST_TEXT: usize = 1024;

/// How many of the first bytes are shown in hex.
const MOST_HEX: usize = 64;

/// The protocol to which these first bytes belong, and to none else; `None` where they fit none,
/// or several.
pub fn protocol(bytes: &[u8]) -> Option<AppProtocol> {
    binary::protocol(bytes).or_else(|| words::protocol(&String::from_utf8_lossy(bytes)))
}

/// First bytes as a greeting: recognised, put into words, without capabilities.
pub fn greeting(bytes: &[u8]) -> Greeting {
    let protocol = protocol(bytes);
    let text = text(protocol, bytes);
    let software = protocol.and_then(|protocol| match binary::software(protocol, bytes) {
        Some(software) => Some(software),
        None => words::software(protocol, &text),
    });
    Greeting { protocol, text: Some(text), software, capabilities: None }
}

/// First bytes that were not expected.
pub fn heard(bytes: &[u8]) -> Heard {
    let Greeting { protocol, text, software, .. } = greeting(bytes);
    let raw_hex = bytes.iter().take(MOST_HEX).map(|byte| format!("{byte:02x}")).collect();
    Heard { protocol, text: text.unwrap_or_default(), software, raw_hex }
}

/// The first words of a text protocol, or what a packet says.
fn text(protocol: Option<AppProtocol>, bytes: &[u8]) -> String {
    if let Some(said) = protocol.and_then(|protocol| binary::in_words(protocol, bytes)) {
        return said;
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_TEXT)]);
    text.trim_end_matches(['\r', '\n']).to_owned()
}

/// What a refusal would be called that a recognised greeting contains, for protocols whose
/// greeting is a packet.
fn packet_refusal(bytes: &[u8]) -> Option<Refusal> {
    binary::refusal(bytes)
}

#[cfg(test)]
mod tests;
