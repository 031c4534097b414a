//! A wish for an option's value, as the user writes it.

use crate::model::options::OptionValue;

/// One `NAME=VALUE`, read by the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Name in C.
    pub name: String,
    /// The value.
    pub value: OptionValue,
}

impl Wish {
    /// Reads `NAME=VALUE`; the error says in one sentence what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(format!("`{text}` is no NAME=VALUE, such as SO_KEEPALIVE=on"));
        };
        if value.is_empty() {
            return Err(format!("`{text}` has no value"));
        }
        let Some((_, entry)) = super::find(name) else {
            return Err(format!("`{name}` is no socket option that sockpit knows"));
        };
        Ok(Self { name: entry.name.clone(), value: entry.read_value(value)? })
    }

    /// Level, number and bytes, as setsockopt takes them; `None` for a value that has no bytes.
    pub fn setting(&self) -> Option<(i32, i32, Vec<u8>)> {
        let (level, entry) = super::find(&self.name)?;
        Some((level.number, entry.number, entry.bytes_of(&self.value)?))
    }
}
