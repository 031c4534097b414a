//! The rules about port numbers, from `/proc/sys/net/ipv4`.
//!
//! What stands there belongs to the network namespace of whoever reads it. IPv6 has no such
//! files of its own: these hold for both families.

use std::fs;
use std::ops::RangeInclusive;

use crate::model::port_rules::PortRules;

/// The rules of sockpit's own network namespace; a file that cannot be read tells nothing.
pub fn read() -> PortRules {
    PortRules {
        unprivileged_start: sysctl("ip_unprivileged_port_start").and_then(|text| text.parse().ok()),
        ephemeral: sysctl("ip_local_port_range").and_then(|text| pair(&text)),
        reserved: sysctl("ip_local_reserved_ports").and_then(|text| ranges(&text)),
    }
}

fn sysctl(name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok()?;
    Some(text.trim().to_owned())
}

/// Two numbers with white space between them.
fn pair(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_whitespace();
    let (first, last) = (words.next()?, words.next()?);
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// Numbers and ranges with commas between them: `8080,9000-9010`; an empty text is none.
fn ranges(text: &str) -> Option<Vec<RangeInclusive<u16>>> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            Some(first.parse().ok()?..=last.parse().ok()?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_spellings_are_read() {
        assert_eq!(pair("32768\t60999"), Some(32768..=60999));
        assert_eq!(pair("32768"), None);
        assert_eq!(ranges(""), Some(vec![]));
        assert_eq!(ranges("8080,9000-9010"), Some(vec![8080..=8080, 9000..=9010]));
        assert_eq!(ranges("8080,what"), None);
    }

    #[test]
    fn this_kernel_tells_its_rules() {
        let rules = read();
        assert!(rules.unprivileged_start.is_some());
        assert!(!rules.ephemeral.unwrap().is_empty());
        assert!(rules.reserved.is_some());
    }
}
