//! What the two ends of a flow said, as text or as a hex dump.

use super::{bytes, clean, units};
use crate::model::stream::{FlowStream, StreamPiece};

/// How payload is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As text, with everything replaced that a terminal could take for more.
    #[default]
    Text,
    /// As hexadecimal digits.
    Hex,
}

impl Form {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Text => Self::Hex,
            Self::Hex => Self::Text,
        }
    }
}

/// A line, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamLine {
    /// Who says what follows.
    Speaker(String),
    /// Something of it, from the end that spoke first or not.
    Said(bool, String),
    /// What is missing.
    Missing(String),
}

/// The lines, none wider than `width` characters where it is text.
pub fn lines(stream: &FlowStream, form: Form, width: usize) -> Vec<StreamLine> {
    let mut all = Vec::new();
    if stream.left_out > 0 {
        all.push(missing(stream.left_out, "before are not shown"));
    }
    for piece in &stream.pieces {
        if piece.missing > 0 {
            all.push(missing(piece.missing, "not captured"));
        }
        if piece.bytes.is_empty() {
            continue;
        }
        all.push(StreamLine::Speaker(speaker(stream, piece)));
        let said = match form {
            Form::Text => text(&piece.bytes, width.max(1)),
            Form::Hex => bytes::dump(&piece.bytes).lines().map(str::to_owned).collect(),
        };
        all.extend(said.into_iter().map(|line| StreamLine::Said(piece.from_first, line)));
    }
    all
}

fn missing(count: u64, what: &str) -> StreamLine {
    StreamLine::Missing(format!("… {} {what}", units::counted(count, "byte")))
}

fn speaker(stream: &FlowStream, piece: &StreamPiece) -> String {
    let [first, second] =
        [stream.first, stream.second].map(|end| std::net::SocketAddr::new(end.addr, end.port));
    let (from, to) = if piece.from_first { (first, second) } else { (second, first) };
    format!("{from} → {to}, {}", units::counted(piece.bytes.len() as u64, "byte"))
}

fn text(bytes: &[u8], width: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut all = Vec::new();
    for line in text.lines() {
        let line = line.replace('\t', "    ");
        let characters: Vec<char> = line.chars().collect();
        if characters.is_empty() {
            all.push(String::new());
        }
        // Part by part: what is cleaned as a whole is cut where it is longer than any name.
        let part = |part: &[char]| clean(&part.iter().collect::<String>()).into_owned();
        all.extend(characters.chunks(width).map(part));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::packets::FlowEnd;

    fn stream(pieces: &[(bool, u64, &[u8])]) -> FlowStream {
        let end = |last, port| FlowEnd { addr: [10, 0, 0, last].into(), port };
        let piece = |(from_first, missing, bytes): &(bool, u64, &[u8])| StreamPiece {
            from_first: *from_first,
            missing: *missing,
            bytes: bytes.to_vec(),
        };
        let pieces = pieces.iter().map(piece).collect();
        FlowStream { first: end(7, 4000), second: end(5, 80), left_out: 0, pieces }
    }

    #[test]
    fn text_is_harmless_and_fits() {
        let stream = stream(&[(true, 0, b"GET /\x1b[2J\r\n\r\nabcdefghij"), (false, 3, b"ok")]);
        let lines = lines(&stream, Form::Text, 8);
        let said = |text: &str| StreamLine::Said(true, text.to_owned());
        assert_eq!(lines[0], StreamLine::Speaker("10.0.0.7:4000 → 10.0.0.5:80, 23 bytes".into()));
        assert_eq!(lines[1..5], [said("GET /\u{FFFD}[2"), said("J"), said(""), said("abcdefgh")]);
        assert_eq!(lines[6], StreamLine::Missing("… 3 bytes not captured".to_owned()));
        assert_eq!(lines[8], StreamLine::Said(false, "ok".to_owned()));
    }

    #[test]
    fn a_long_line_is_there_to_its_end() {
        let long = [&[b'y'; 5_000][..], b"end"].concat();
        let lines = lines(&stream(&[(true, 0, &long)]), Form::Text, 100);
        assert_eq!(lines.len(), 1 + 51);
        assert_eq!(lines[51], StreamLine::Said(true, "end".to_owned()));
    }

    #[test]
    fn a_dump_has_every_byte() {
        let lines = lines(&stream(&[(true, 0, &[0; 20])]), Form::Hex, 80);
        assert_eq!(lines.len(), 3);
        assert!(matches!(&lines[2], StreamLine::Said(true, line) if line.starts_with("0010  00")));
    }
}
