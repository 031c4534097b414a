//! What a comparison with a byte that is not known depends on, in words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{Byte, Field};
use crate::wire::netfilter::expression::Compare;

/// Whether something holds for the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// For every such packet.
    Yes,
    /// For none.
    No,
    /// For those of which this is true.
    If(String),
}

impl Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    pub(super) fn inverted(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::If(condition) => Self::If(not(&condition)),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, other) | (other, Self::Yes) => other,
            (Self::If(one), Self::If(other)) => Self::If(format!("{one} and {other}")),
        }
    }
}

/// The opposite of a condition.
pub(super) fn not(condition: &str) -> String {
    match condition.strip_prefix("not ") {
        Some(positive) if !positive.contains(" and ") => positive.to_owned(),
        _ => format!("not {condition}"),
    }
}

/// Compares the bytes of a register with a constant of the same length.
pub(super) fn compare(bytes: &[Byte], op: Compare, data: &[u8]) -> Holds {
    match op {
        Compare::Eq => equals(bytes, data),
        Compare::Ne => equals(bytes, data).inverted(),
        _ => match super::bytes::known(bytes) {
            Some(value) => Holds::from(match op {
                Compare::Lt => value.as_slice() < data,
                Compare::Le => value.as_slice() <= data,
                Compare::Gt => value.as_slice() > data,
                _ => value.as_slice() >= data,
            }),
            None => Holds::If(format!("{} in a range", subject(bytes))),
        },
    }
}

/// Whether the bytes lie between two constants, both included.
pub(super) fn lies_between(bytes: &[Byte], first: &[u8], last: &[u8]) -> Holds {
    if let Some(value) = super::bytes::known(bytes) {
        return Holds::from((first..=last).contains(&value.as_slice()));
    }
    if first == last {
        return equals(bytes, first);
    }
    match prefix(first, last) {
        Some(mask) => {
            let masked: Vec<Byte> =
                bytes.iter().zip(&mask).map(|(byte, mask)| byte.masked(*mask, 0)).collect();
            equals(&masked, first)
        }
        None => Holds::If(format!("{} in a range", subject(bytes))),
    }
}

/// The mask of the network that begins and ends there, if it is one.
fn prefix(first: &[u8], last: &[u8]) -> Option<Vec<u8>> {
    let mask: Vec<u8> = first.iter().zip(last).map(|(a, b)| !(a ^ b)).collect();
    let is_network = first.iter().zip(&mask).all(|(byte, mask)| byte & !mask == 0)
        && last.iter().zip(&mask).all(|(byte, mask)| !byte & !mask == 0);
    let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
    let is_prefix = mask.iter().map(|byte| byte.count_ones()).sum::<u32>() == ones
        && mask.windows(2).all(|pair| pair[0] == 0xff || pair[1] == 0);
    (is_network && is_prefix).then_some(mask)
}

fn equals(bytes: &[Byte], data: &[u8]) -> Holds {
    let mut unknown = false;
    for (byte, wanted) in bytes.iter().zip(data) {
        match byte {
            Byte::Known(value) if value != wanted => return Holds::No,
            Byte::Known(_) => {}
            // What the mask took away cannot be there.
            Byte::Of { mask, .. } if wanted & !mask != 0 => return Holds::No,
            Byte::Of { .. } => unknown = true,
        }
    }
    if !unknown {
        return Holds::Yes;
    }
    let conditions: Vec<String> = fields(bytes, data).iter().map(Part::words).collect();
    Holds::If(conditions.join(" and "))
}

/// Bytes of one field from its start, and what they must be.
struct Part<'a> {
    field: &'a Field,
    wanted: Vec<u8>,
    mask: Vec<u8>,
}

fn fields<'a>(bytes: &'a [Byte], data: &[u8]) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for (byte, wanted) in bytes.iter().zip(data) {
        let Byte::Of { field, mask } = byte else { continue };
        match parts.last_mut() {
            Some(part) if part.field == field => {
                part.wanted.push(*wanted);
                part.mask.push(*mask);
            }
            _ => parts.push(Part { field, wanted: vec![*wanted], mask: vec![*mask] }),
        }
    }
    parts
}

impl Part<'_> {
    fn words(&self) -> String {
        match self.field {
            Field::Source(len) => format!("from {}", self.network(*len)),
            Field::Destination(len) => format!("to {}", self.network(*len)),
            Field::SourcePort => format!("from port {}", self.number()),
            Field::InputName => format!("from interface {}", self.name()),
            Field::OutputName => format!("out of interface {}", self.name()),
            // LOOPBACK_IFINDEX: it is the first in every network namespace.
            Field::InputIndex if self.host_number() == 1 => "from interface lo".to_owned(),
            Field::InputIndex => format!("from interface number {}", self.host_number()),
            Field::Mark => format!("with mark {:#x}", self.host_number()),
            Field::Other(name) => format!("by a condition on {name}"),
        }
    }

    /// An address, as a network where not all of it is compared.
    fn network(&self, family_len: usize) -> String {
        let mut addr = self.wanted.clone();
        addr.resize(family_len, 0);
        let bits: u32 = self.mask.iter().map(|mask| mask.count_ones()).sum();
        let ip = match <[u8; 4]>::try_from(addr.as_slice()) {
            Ok(octets) => IpAddr::V4(Ipv4Addr::from(octets)),
            Err(_) => {
                let octets: [u8; 16] = addr.try_into().unwrap_or_default();
                IpAddr::V6(Ipv6Addr::from(octets))
            }
        };
        if bits as usize == family_len * 8 { ip.to_string() } else { format!("{ip}/{bits}") }
    }

    fn number(&self) -> u64 {
        self.wanted.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    /// The kernel keeps what is its own in host order.
    fn host_number(&self) -> u64 {
        let mut bytes = [0; 4];
        let len = self.wanted.len().min(4);
        bytes[..len].copy_from_slice(&self.wanted[..len]);
        u32::from_ne_bytes(bytes).into()
    }

    fn name(&self) -> String {
        let end = self.wanted.iter().position(|byte| *byte == 0);
        let name = String::from_utf8_lossy(&self.wanted[..end.unwrap_or(self.wanted.len())]);
        // A name that is compared in part stands for all that begin so.
        if end.is_some() || self.wanted.len() == 16 {
            name.into_owned()
        } else {
            format!("{name}*")
        }
    }
}

fn subject(bytes: &[Byte]) -> &'static str {
    let first = bytes.iter().find_map(|byte| match byte {
        Byte::Of { field, .. } => Some(field),
        Byte::Known(_) => None,
    });
    match first {
        Some(Field::Source(_)) => "with its source",
        Some(Field::Destination(_)) => "with its destination",
        Some(Field::SourcePort) => "with its source port",
        _ => "with something that sockpit does not know",
    }
}
