//! Replies of SOCKS servers to CONNECT.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::dialogue::RefusalCause;

/// A whole reply.
pub(super) struct Reply {
    /// Its code.
    pub code: u8,
    /// What the code means.
    pub reason: &'static str,
    /// Which refusal it is; `None` where it grants.
    pub cause: Option<RefusalCause>,
    /// The address that the proxy connected from, as far as it tells.
    pub bound: Option<IpAddr>,
    /// How many bytes it takes. What follows belongs to the tunnel.
    pub length: usize,
}

/// No reply looks like this.
pub(super) struct Impossible;

/// SOCKS 5 (RFC 1928, 6). An address by name, as dante echoes one, is skipped.
pub(super) fn five(bytes: &[u8]) -> Result<Option<Reply>, Impossible> {
    let &[5, code, _, kind, ..] = bytes else { return Ok(None) };
    let rest = &bytes[4..];
    let (bound, length) = match kind {
        1 => {
            let address = rest.first_chunk::<4>().map(|bytes| IpAddr::V4(Ipv4Addr::from(*bytes)));
            (address, 4)
        }
        4 => {
            let address = rest.first_chunk::<16>().map(|bytes| IpAddr::V6(Ipv6Addr::from(*bytes)));
            (address, 16)
        }
        3 => {
            let Some(length) = rest.first() else { return Ok(None) };
            (None, 1 + usize::from(*length))
        }
        _ => return Err(Impossible),
    };
    if rest.len() < length + 2 {
        return Ok(None);
    }
    let (reason, cause) = meaning(code);
    let bound = bound.filter(|_| cause.is_none());
    Ok(Some(Reply { code, reason, cause, bound, length: 4 + length + 2 }))
}

/// The codes of SOCKS 5: 1, 2, 7, 8 are the proxy's own no, 3 to 6 are about the end.
fn meaning(code: u8) -> (&'static str, Option<RefusalCause>) {
    match code {
        0 => ("connected", None),
        1 => ("general failure of the proxy", Some(RefusalCause::Other)),
        2 => ("not allowed by the proxy's rules", Some(RefusalCause::NotAllowed)),
        3 => ("the proxy cannot reach the target's network", Some(RefusalCause::Unavailable)),
        4 => (
            "the proxy cannot reach the target, or does not find its name",
            Some(RefusalCause::Unavailable),
        ),
        5 => ("the target refused the proxy's connection", Some(RefusalCause::Unavailable)),
        6 => (
            "the proxy's packets lived too short to reach the target",
            Some(RefusalCause::Unavailable),
        ),
        7 => ("the proxy does not know CONNECT", Some(RefusalCause::Other)),
        8 => ("the proxy does not take this kind of address", Some(RefusalCause::Other)),
        _ => ("a code that is not known", Some(RefusalCause::Other)),
    }
}

/// SOCKS 4: eight bytes, of which the first is 0 and the second 90 to 93.
pub(super) fn four(bytes: &[u8]) -> Result<Option<Reply>, Impossible> {
    let begins = matches!(bytes, [0, 90..=93, ..] | [0] | []);
    if !begins {
        return Err(Impossible);
    }
    let Some(&[_, code, _, _, a, b, c, d]) = bytes.first_chunk::<8>() else { return Ok(None) };
    let (reason, cause) = match code {
        90 => ("connected", None),
        91 => ("refused, or the target cannot be reached", Some(RefusalCause::Other)),
        92 => ("the proxy cannot ask this host's identd", Some(RefusalCause::NotAllowed)),
        _ => ("identd names another user", Some(RefusalCause::NotAllowed)),
    };
    let bound =
        (cause.is_none() && [a, b, c, d] != [0; 4]).then(|| IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
    Ok(Some(Reply { code, reason, cause, bound, length: 8 }))
}
