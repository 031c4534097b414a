//! One packet, header by header and field by field.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

/// A field of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name, in lower case.
    pub name: Cow<'static, str>,
    /// Its value as it is written, uncleaned where it is text.
    pub value: String,
    /// What the value stands for; `None` where it speaks for itself.
    pub meaning: Option<String>,
    /// Where its first byte lies in the frame.
    pub start: usize,
    /// How many bytes it takes, or shares with others.
    pub length: usize,
}

/// A header, or what stands behind the last one that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Lower-case name of the protocol.
    pub name: Cow<'static, str>,
    /// What it says in short, uncleaned.
    pub summary: String,
    /// Where its first byte lies in the frame.
    pub start: usize,
    /// How many bytes it takes.
    pub length: usize,
    /// Its fields, in their order.
    pub fields: Vec<Field>,
    /// Why it was not read to its end; `None` where it was.
    pub fault: Option<Cow<'static, str>>,
}

/// A packet as a line of a list has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PacketLine {
    /// Number among those that passed the filter, from 1.
    pub number: u64,
    /// When it was captured; `None` where the source does not tell.
    pub at: Option<Timestamp>,
    /// The interface, where that is known.
    pub interface: Option<Arc<str>>,
    /// Length on the wire.
    pub length: u32,
    /// Length that was captured.
    pub captured: usize,
    /// Where from: an address and perhaps a port; `None` where no header tells.
    pub source: Option<String>,
    /// Where to.
    pub destination: Option<String>,
    /// The innermost protocol that was read.
    pub protocol: Cow<'static, str>,
    /// What it says in short, uncleaned.
    pub summary: String,
    /// Its headers, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}
