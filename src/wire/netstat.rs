//! `/proc/net/netstat`: a line of names and a line of numbers for each group of counters.

/// The counter `name` of `group` (`TcpExt`, `IpExt`); `None` where this kernel has none.
pub fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let at = names.split_ascii_whitespace().position(|known| known == name)?;
    numbers.split_ascii_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\n\
                        TcpExt: 0 12 18446744073709551615\n\
                        IpExt: InNoRoutes ListenDrops\n\
                        IpExt: 5\n";

    #[test]
    fn a_counter_stands_below_its_name() {
        assert_eq!(counter(TEXT, "TcpExt", "ListenOverflows"), Some(12));
        assert_eq!(counter(TEXT, "TcpExt", "ListenDrops"), Some(u64::MAX));
        assert_eq!(counter(TEXT, "IpExt", "InNoRoutes"), Some(5));
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        assert_eq!(counter(TEXT, "TcpExt", "Listen"), None);
        assert_eq!(counter(TEXT, "IpExt", "ListenDrops"), None, "cut short");
        assert_eq!(counter(TEXT, "Tcp", "ListenDrops"), None);
        assert_eq!(counter("", "TcpExt", "ListenDrops"), None);
    }
}
