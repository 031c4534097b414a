//! Colours by what they are for, read from a theme's file. No colour carries a meaning alone:
//! each goes with a word, a sign or a place.

mod choice;
mod read;
mod roles;

pub use choice::{Ground, Terminal, choose};
pub use read::Wrong;
pub use roles::Theme;

#[cfg(test)]
mod tests;
