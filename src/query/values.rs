//! Typed values: how they are read, how they are written again, and what they hold.

mod address;
pub(super) mod bits;
pub(super) mod names;
mod number;
mod option;

pub(super) use address::{AddressSet, is_network};
pub(super) use names::NameSet;
pub(super) use number::NumberSet;
pub(super) use option::OptionSet;
