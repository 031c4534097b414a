//! What a peer to test against sees, in words.

use super::clean::clean_to;
use super::units;
use crate::model::probe::End;
use crate::model::serve::{Ending, Seen, ServeEvent};

/// As much of what came as a line shows.
const CHARS: usize = 60;

/// An event on one line, fit to be shown: `#1 127.0.0.1:40000  connected`.
pub fn event(event: &ServeEvent) -> String {
    let number = event.connection.map(|number| format!("#{number} ")).unwrap_or_default();
    let peer = event.peer.map(|peer| format!("{peer}  ")).unwrap_or_default();
    format!("{number}{peer}{}", seen(&event.seen))
}

fn seen(seen: &Seen) -> String {
    match seen {
        Seen::Listening { addr } => format!("listening on {addr}"),
        Seen::QueueFull { queued } => {
            format!("the accept queue is full ({queued} waiting): further clients get no answer")
        }
        Seen::Held { addr } => format!("holds {addr} and does not listen"),
        Seen::Refusing { after } => format!("listens no longer, after {after}"),
        Seen::Accepted => "connected".to_owned(),
        Seen::Tls { version, cipher, sni, alpn, client_certificate } => {
            let name = match sni {
                Some(name) => format!(", asks for {}", clean_to(name, CHARS)),
                None => ", names no server".to_owned(),
            };
            let alpn = alpn.as_deref().map(|alpn| format!(", {}", clean_to(alpn, CHARS)));
            let certificate = if *client_certificate { ", shows a certificate" } else { "" };
            format!("{version} {cipher}{name}{}{certificate}", alpn.unwrap_or_default())
        }
        Seen::TlsFailed { reason } => format!("no TLS: {}", clean_to(reason, 200)),
        Seen::Received { bytes, text, raw_hex } => {
            format!("received {}: {}", units::bytes(*bytes), words(text, raw_hex))
        }
        Seen::Request { method, target, host, status, .. } => {
            let host = host.as_deref().map(|host| format!(" for {}", clean_to(host, CHARS)));
            let (method, target) = (clean_to(method, 20), clean_to(target, CHARS));
            format!("{method} {target}{}: {status}", host.unwrap_or_default())
        }
        Seen::Ended { by, how, bytes_received, bytes_sent, duration_ms } => {
            let by = if *by == End::Us { "closed here" } else { "closed by the peer" };
            let how = if *how == Ending::Fin { "FIN" } else { "RST" };
            let (came, went) = (units::bytes(*bytes_received), units::bytes(*bytes_sent));
            format!("{by} ({how}) after {duration_ms} ms, {came} received, {went} sent")
        }
        Seen::Failed { reason } => clean_to(reason, 200).into_owned(),
    }
}

/// Text where it is text, else hex.
fn words(text: &str, raw_hex: &str) -> String {
    let shown = text.trim_end_matches(['\r', '\n']);
    let odd = shown.chars().filter(|c| c.is_control() || *c == char::REPLACEMENT_CHARACTER).count();
    if shown.is_empty() || odd * 8 > shown.chars().count() {
        return clean_to(raw_hex, 2 * CHARS).into_owned();
    }
    format!("`{}`", clean_to(shown, CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_shown_as_text_or_as_hex_and_never_obeyed() {
        assert_eq!(words("hello\r\n", "68656c6c6f0d0a"), "`hello`");
        assert_eq!(words("\u{16}\u{3}\u{1}", "160301"), "160301");
        assert_eq!(words("plenty of text \x1b]0;x", ""), "`plenty of text �]0;x`");
    }
}
