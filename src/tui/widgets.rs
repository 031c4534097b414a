//! Drawing blocks that know nothing of sockets.

pub mod cut;
pub mod field;
pub mod frame;
pub mod message;
pub mod paint;
pub mod scroll;
pub mod sparkline;
pub mod table;
