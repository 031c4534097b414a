//! The registers of nf_tables with bytes of which some are not known.

use crate::wire::netfilter::expression::Register;

/// What an unknown byte was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// Source address of so many bytes.
    Source(usize),
    /// Destination address of so many bytes.
    Destination(usize),
    /// Source port.
    SourcePort,
    /// Name of the interface that the packet came in by.
    InputName,
    /// Index of the interface that the packet came in by.
    InputIndex,
    /// Name of the interface that it leaves by.
    OutputName,
    /// The packet's mark.
    Mark,
    /// Anything else, by its name in the kernel.
    Other(String),
}

/// One byte of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Byte {
    /// It has this value.
    Known(u8),
    /// It is a byte of a field, of which the bits of `mask` remain.
    Of { field: Field, mask: u8 },
}

impl Byte {
    /// This byte, masked and inverted as a `bitwise` does it.
    pub(super) fn masked(&self, with: u8, xor: u8) -> Self {
        match self {
            Self::Known(value) => Self::Known((value & with) ^ xor),
            Self::Of { .. } if with == 0 => Self::Known(xor),
            Self::Of { field, mask } if xor == 0 => {
                Self::Of { field: field.clone(), mask: mask & with }
            }
            Self::Of { .. } => Self::Of { field: Field::Other("bitwise".to_owned()), mask: 0xff },
        }
    }
}

const LEN: usize = 64;

/// Sixteen registers of four bytes, also known as four of sixteen.
#[derive(Clone, Debug)]
pub(super) struct Registers([Byte; LEN]);

impl Registers {
    /// Nothing was loaded yet: the kernel lets no rule read that.
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| Byte::Known(0)))
    }

    /// Writes bytes, and zeroes the rest of the last word. `false` where they do not fit.
    pub(super) fn write(&mut self, register: Register, bytes: &[Byte]) -> bool {
        let Some(start) = start(register) else { return false };
        let end = start + bytes.len().next_multiple_of(4);
        let Some(room) = self.0.get_mut(start..end) else { return false };
        for (index, byte) in room.iter_mut().enumerate() {
            *byte = bytes.get(index).cloned().unwrap_or(Byte::Known(0));
        }
        true
    }

    /// The bytes from a register's start on.
    pub(super) fn read(&self, register: Register, len: usize) -> Option<&[Byte]> {
        let start = start(register)?;
        self.0.get(start..start.checked_add(len)?)
    }

    /// The same, where all are known.
    pub(super) fn known(&self, register: Register, len: usize) -> Option<Vec<u8>> {
        known(self.read(register, len)?)
    }
}

/// The values of bytes that are known.
pub(super) fn known(bytes: &[Byte]) -> Option<Vec<u8>> {
    let value = |byte: &Byte| match byte {
        Byte::Known(value) => Some(*value),
        Byte::Of { .. } => None,
    };
    bytes.iter().map(value).collect()
}

fn start(register: Register) -> Option<usize> {
    let register = usize::try_from(register).ok()?;
    match register {
        1..=4 => Some((register - 1) * 16),
        8..=23 => Some((register - 8) * 4),
        _ => None,
    }
}

/// All of a field, none of it known.
pub(super) fn unknown(field: &Field, len: usize) -> Vec<Byte> {
    vec![Byte::Of { field: field.clone(), mask: 0xff }; len]
}
