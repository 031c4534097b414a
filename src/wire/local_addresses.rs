//! The addresses of a network namespace, as its files under `/proc/PID/net` tell them: of
//! every process, to every user.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The local IPv4 addresses of `fib_trie`: a leaf's line `|-- 172.17.0.2`, and below it what
/// it is, `/32 host LOCAL`. Each address once.
pub fn fib_trie(text: &str) -> Vec<Ipv4Addr> {
    let mut found: Vec<Ipv4Addr> = Vec::new();
    let mut leaf = None;
    for line in text.lines().map(str::trim) {
        if let Some(addr) = line.strip_prefix("|-- ") {
            leaf = addr.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(addr) = leaf
            && !found.contains(&addr)
        {
            found.push(addr);
        }
    }
    found
}

/// The addresses of `if_inet6`: 32 hexadecimal digits at the beginning of each line.
pub fn if_inet6(text: &str) -> Vec<Ipv6Addr> {
    let addr = |line: &str| {
        let digits = line.split_whitespace().next().filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)
    };
    text.lines().filter_map(addr).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trie_tells_its_local_addresses_once() {
        let leaf = "        +-- 172.17.0.0/30 2 0 2\n           |-- 172.17.0.0\n              \
             /16 link UNICAST\n           |-- 172.17.0.2\n              /32 host LOCAL\n        \
             |-- 172.17.255.255\n           /32 link BROADCAST\n";
        let text = format!("Main:\n  +-- 0.0.0.0/0 3 0 5\n{leaf}Local:\n{leaf}");
        assert_eq!(fib_trie(&text), [Ipv4Addr::new(172, 17, 0, 2)]);
        for end in 0..text.len() {
            assert!(fib_trie(&text[..end]).len() < 2);
        }
    }

    #[test]
    fn ipv6_addresses_are_hexadecimal() {
        let text = "00000000000000000000000000000001 01 80 10 80       lo\n\
                    fd00000000000000000000000000000a 02 40 00 80     eth0\nrubbish\n";
        let expected: [Ipv6Addr; 2] = ["::1".parse().unwrap(), "fd00::a".parse().unwrap()];
        assert_eq!(if_inet6(text), expected);
    }
}
