//! The columns of the socket table: their names, what they show and how they order. The
//! command line and the dashboard show the same ones.

mod cell;
mod key;
mod list;

pub use cell::Cell;
pub use key::Key;
pub use list::Column;
