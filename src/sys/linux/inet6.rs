//! The IPv6 addresses of this network namespace and whether each may be bound yet, from
//! `/proc/net/if_inet6`, and whether IPv6 is switched off.

use std::fs;
use std::net::Ipv6Addr;

use crate::model::interface::{AddressState, Inet6Address};

/// `IFA_F_OPTIMISTIC`, `IFA_F_DADFAILED`, `IFA_F_TENTATIVE` (linux/if_addr.h).
const OPTIMISTIC: u8 = 0x04;
const DAD_FAILED: u8 = 0x08;
const TENTATIVE: u8 = 0x40;

/// Every IPv6 address; `None` where the kernel has no IPv6 or does not tell.
pub fn addresses() -> Option<Vec<Inet6Address>> {
    let text = fs::read_to_string("/proc/thread-self/net/if_inet6").ok()?;
    Some(text.lines().filter_map(parse).collect())
}

/// Whether `net.ipv6.conf.WHERE.disable_ipv6` is set, `all` or an interface; `None` where the
/// kernel has no IPv6.
pub fn is_off(place: &str) -> Option<bool> {
    // An interface's name may have a dot, which is no separator here, but never a slash.
    let text = fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{place}/disable_ipv6")).ok()?;
    Some(text.trim() != "0")
}

/// `20010db8000000000000000000000001 02 40 00 c0 d0`: address, index, prefix, scope, flags, name.
fn parse(line: &str) -> Option<Inet6Address> {
    let mut words = line.split_ascii_whitespace();
    let addr = Ipv6Addr::from(u128::from_str_radix(words.next()?, 16).ok()?);
    let prefix_len = u8::from_str_radix(words.nth(1)?, 16).ok()?;
    let flags = u8::from_str_radix(words.nth(1)?, 16).ok()?;
    let state = match flags {
        flags if flags & DAD_FAILED != 0 => AddressState::Duplicate,
        flags if flags & TENTATIVE != 0 && flags & OPTIMISTIC == 0 => AddressState::Tentative,
        _ => AddressState::Ready,
    };
    Some(Inet6Address { addr, prefix_len, interface: words.next()?.into(), state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_in_the_flags() {
        let state = |flags: &str| {
            let line = format!("20010db8000000000000000000000001 02 40 00 {flags}       d0");
            let read = parse(&line).unwrap();
            assert_eq!((read.addr.to_string().as_str(), &*read.interface), ("2001:db8::1", "d0"));
            assert_eq!(read.prefix_len, 64);
            read.state
        };
        assert_eq!(state("80"), AddressState::Ready);
        assert_eq!(state("c0"), AddressState::Tentative);
        assert_eq!(state("44"), AddressState::Ready, "optimistic ones may be bound");
        assert_eq!(state("c8"), AddressState::Duplicate);
        for (end, _) in "20010db8000000000000000000000001 02 40 00 80 d0".char_indices().take(44) {
            assert!(parse(&"20010db8000000000000000000000001 02 40 00 80 d0"[..end]).is_none());
        }
    }
}
