//! What the kernel tells of an MPTCP connection as a whole; each of its subflows is a TCP socket.

use serde::{Deserialize, Serialize};

/// `struct mptcp_info` of `linux/mptcp.h`, as far as it says something to a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MptcpInfo {
    /// This end's token (RFC 8684, 3.2): no two connections of a host have the same.
    pub token: u32,
    /// How many subflows carry it; `None` before Linux 6.5.
    pub subflows: Option<u8>,
    /// Payload bytes sent, without what was sent again; `None` before Linux 6.5.
    pub bytes_sent: Option<u64>,
    /// Payload bytes received; `None` before Linux 6.5.
    pub bytes_received: Option<u64>,
}
