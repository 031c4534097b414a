//! TCP_INFO: no portable interface has it.

use socket2::Socket;

use crate::model::tcp::TcpInfo;
use crate::sys::error::{Error, Result};

/// What the kernel knows of this connection, or of this attempt at one.
pub fn of(_socket: &Socket) -> Result<TcpInfo> {
    Err(Error::unsupported("TCP_INFO", "sockpit reads it on Linux only"))
}
