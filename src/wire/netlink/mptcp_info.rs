//! `struct mptcp_info` of `linux/mptcp.h`, as long as the running kernel's is.

use super::{u32_at, u64_at};
use crate::model::mptcp::MptcpInfo;

/// What a record's `INET_DIAG_INFO` tells; `None` when it is cut before the fields of Linux 5.9,
/// which brought mptcp_diag.
pub fn read(bytes: &[u8]) -> Option<MptcpInfo> {
    u64_at(bytes, 32)?;
    Some(MptcpInfo {
        token: u32_at(bytes, 12)?,
        // The field came last of the three: kernels without it end before.
        subflows: bytes.get(80).copied(),
        bytes_sent: u64_at(bytes, 56),
        bytes_received: u64_at(bytes, 64),
    })
}

/// Bytes that were written and are not acknowledged yet (`write_seq - snd_una`). The record's own
/// `idiag_wqueue` stays 0 however much waits.
pub fn send_queue(bytes: &[u8]) -> Option<u32> {
    let waiting = u64_at(bytes, 16)?.wrapping_sub(u64_at(bytes, 24)?);
    Some(u32::try_from(waiting).unwrap_or(u32::MAX))
}
