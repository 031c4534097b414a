//! `/etc/resolv.conf` (resolv.conf(5)).

/// The addresses of its `nameserver` lines, as they are written.
pub fn name_servers(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let words = text.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    words
        .filter_map(|words| match words.as_slice() {
            ["nameserver", address, ..] => Some((*address).to_owned()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_found_and_comments_are_not() {
        let text = b"# nameserver 9.9.9.9\nsearch lan\nnameserver\t192.0.2.1 # here\n\
            nameserver fe80::1%eth0\nnameserver\nnameservers 1.1.1.1\n\xff";
        assert_eq!(name_servers(text), ["192.0.2.1", "fe80::1%eth0"]);
        assert!(name_servers(b"").is_empty());
    }
}
