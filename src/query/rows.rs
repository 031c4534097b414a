//! The tables that can be asked: how each reads the keys that it has. The grammar and the
//! logic know none of them.

mod flows;
mod sockets;

pub use sockets::Subject;
