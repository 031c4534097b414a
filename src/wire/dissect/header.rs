//! Headers as they are found one behind the other, each with its fields and their places.

use std::borrow::Cow;

use crate::model::packet::{Field, Layer};

/// Headers in one frame; deeper nesting is somebody's joke.
const MAX_LAYERS: usize = 24;

/// Where it has got to.
pub(super) struct Dissection<'a> {
    pub(super) frame: &'a [u8],
    pub(super) at: usize,
    /// Where the packet ends by its own word.
    pub(super) end: usize,
    pub(super) layers: Vec<Layer>,
}

/// A header that is being read.
pub(super) struct Header<'a> {
    pub(super) layer: Layer,
    pub(super) frame: &'a [u8],
    pub(super) start: usize,
}

impl<'a> Header<'a> {
    #[allow(clippy::needless_pass_by_value, reason = "numbers and made-up texts, both at hand")]
    pub(super) fn field(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        at: usize,
        length: usize,
        value: impl ToString,
        meaning: Option<String>,
    ) {
        self.layer.fields.push(Field {
            name: name.into(),
            value: value.to_string(),
            meaning,
            start: self.start + at,
            length,
        });
    }

    /// A number in network order of one to four bytes.
    pub(super) fn number(&mut self, name: &'static str, at: usize, length: usize) -> u32 {
        let number = self.peek(at, length);
        self.field(name, at, length, number, None);
        number
    }

    /// The same, written in hexadecimal digits.
    pub(super) fn digits(&mut self, name: &'static str, at: usize, length: usize) -> u32 {
        let number = self.peek(at, length);
        self.field(name, at, length, format!("0x{number:0width$x}", width = 2 * length), None);
        number
    }

    pub(super) fn peek(&self, at: usize, length: usize) -> u32 {
        let bytes = self.frame.get(self.start + at..self.start + at + length).unwrap_or_default();
        bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    pub(super) fn bytes(&self, at: usize, length: usize) -> &'a [u8] {
        self.frame.get(self.start + at..self.start + at + length).unwrap_or_default()
    }

    pub(super) fn mac(&mut self, name: &'static str, at: usize) -> String {
        let text = mac(self.bytes(at, 6));
        self.field(name, at, 6, &text, None);
        text
    }
}

fn mac(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(":")
}

/// Bytes as hexadecimal digits, no more than fit a line.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    const MOST: usize = 32;
    let digits: String = bytes.iter().take(MOST).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > MOST { digits + "…" } else { digits }
}

impl<'a> Dissection<'a> {
    /// Begins a header of `length` bytes. `None` where the frame ends before: that is said.
    pub(super) fn header(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        length: usize,
    ) -> Option<Header<'a>> {
        let layer = Layer { name: name.into(), start: self.at, length, ..Layer::default() };
        if self.layers.len() >= MAX_LAYERS {
            return None;
        }
        if self.left() < length {
            let left = self.left();
            let fault = format!("it ends after {left} bytes of {length}");
            let summary = "cut short".to_owned();
            let fault = Some(fault.into());
            self.layers.push(Layer { length: left, fault, summary, ..layer });
            return None;
        }
        Some(Header { layer, frame: self.frame, start: self.at })
    }

    /// Ends a header of `length` bytes.
    pub(super) fn push(&mut self, header: Header<'a>, length: usize, summary: impl Into<String>) {
        let mut layer = header.layer;
        layer.length = length.min(self.left());
        layer.summary = summary.into();
        self.at += layer.length;
        self.layers.push(layer);
    }

    pub(super) fn left(&self) -> usize {
        self.end.min(self.frame.len()).saturating_sub(self.at)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.frame[self.at..self.at + self.left()]
    }

    /// A protocol that has a name and is not read.
    pub(super) fn unread(&mut self, name: Cow<'static, str>) {
        let length = self.left();
        if let Some(mut header) = self.header(name, 0) {
            header.layer.fault = Some("its fields are not read".into());
            self.push(header, length, format!("{length} bytes"));
        }
    }

    /// What no header is known of.
    pub(super) fn remainder(&mut self) {
        let length = self.left();
        if length == 0 {
            return;
        }
        if let Some(mut header) = self.header("data", 0) {
            let bytes = hexadecimal(self.rest());
            header.field("bytes", 0, length, bytes, None);
            self.push(header, length, format!("{length} bytes"));
        }
    }
}
