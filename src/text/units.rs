//! Numbers as people read them: bytes, durations, counts, rates.

use std::time::Duration;

/// The sign for a number that nobody knows.
pub const UNKNOWN: &str = "-";

/// Bytes in decimal units with three significant digits: `12.4 MB`.
pub fn bytes(bytes: u64) -> String {
    scaled(bytes, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A byte rate: `12.4 MB/s`.
pub fn bytes_per_second(rate: f64) -> String {
    format!("{}/s", bytes(rate.max(0.0).round() as u64))
}

fn scaled(value: u64, units: &[&str]) -> String {
    let mut scaled = value as f64;
    let mut unit = 0;
    // 999.5 would round to 1000 in the smaller unit.
    while scaled >= 999.5 && unit + 1 < units.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{value} {}", units[0]),
        _ if scaled < 9.995 => format!("{scaled:.2} {}", units[unit]),
        _ if scaled < 99.95 => format!("{scaled:.1} {}", units[unit]),
        _ => format!("{scaled:.0} {}", units[unit]),
    }
}

/// A count with thousands separators: `18,204`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things: `1 byte`, `2 bytes`, `18,204 times`.
pub fn counted(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", count(number))
}

/// A span in its two largest units: `850 µs`, `1.20 ms`, `3.0 s`, `12 min 5 s`, `3 h 20 min`, `2 d 4 h`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match span.as_micros() {
        0..=999 => format!("{} µs", span.as_micros()),
        1_000..=999_994 => format!("{:.2} ms", span.as_secs_f64() * 1e3),
        _ if seconds < 60 => format!("{:.1} s", span.as_secs_f64().max(1.0)),
        _ if seconds < 3600 => pair(seconds, 60, "min", 1, "s"),
        _ if seconds < 86_400 => pair(seconds, 3600, "h", 60, "min"),
        _ => pair(seconds, 86_400, "d", 3600, "h"),
    }
}

fn pair(seconds: u64, large: u64, large_name: &str, small: u64, small_name: &str) -> String {
    match seconds % large / small {
        0 => format!("{} {large_name}", seconds / large),
        rest => format!("{} {large_name} {rest} {small_name}", seconds / large),
    }
}

/// An age in one unit, for columns: `12s`, `5m`, `3h`, `2d`.
pub fn short_age(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..=99 => format!("{seconds}s"),
        seconds @ 100..=5_999 => format!("{}m", seconds / 60),
        seconds @ 6_000..=172_799 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_three_digits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_000), "1.00 kB");
        assert_eq!(bytes(9_999), "10.0 kB");
        assert_eq!(bytes(12_400_000), "12.4 MB");
        assert_eq!(bytes(999_600), "1.00 MB");
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!(counted(0, "byte"), "0 bytes");
        assert_eq!(counted(1, "hop"), "1 hop");
        assert_eq!(counted(1_000, "time"), "1,000 times");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1_204), "1,204");
        assert_eq!(count(123_456_789), "123,456,789");
    }

    #[test]
    fn durations_show_two_units() {
        assert_eq!(duration(Duration::from_micros(850)), "850 µs");
        assert_eq!(duration(Duration::from_micros(1_204)), "1.20 ms");
        assert_eq!(duration(Duration::from_millis(3_000)), "3.0 s");
        assert_eq!(duration(Duration::from_secs(725)), "12 min 5 s");
        assert_eq!(duration(Duration::from_secs(12_000)), "3 h 20 min");
        assert_eq!(duration(Duration::from_secs(187_200)), "2 d 4 h");
    }

    #[test]
    fn ages_fit_a_narrow_column() {
        assert_eq!(short_age(Duration::from_secs(99)), "99s");
        assert_eq!(short_age(Duration::from_secs(600)), "10m");
        assert_eq!(short_age(Duration::from_secs(7_300)), "2h");
        assert_eq!(short_age(Duration::from_secs(1_000_000)), "11d");
    }
}
