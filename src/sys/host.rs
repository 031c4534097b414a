//! This host, and what sockpit keeps on it: the one module here that the faces of the program use.

pub use super::platform::host::*;
pub use super::state;
