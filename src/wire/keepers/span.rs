//! Spans of time as systemd words them (`systemd.time(7)`).

/// `100ms`, `1min 30s`, `infinity` (which is `None`), in milliseconds.
pub fn milliseconds(text: &str) -> Option<u64> {
    let mut total: f64 = 0.0;
    let mut words = text.split_whitespace().peekable();
    words.peek()?;
    for word in words {
        let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let (number, unit) = word.split_at(digits);
        let number: f64 = number.parse().ok()?;
        total += number
            * match unit {
                "us" => 0.001,
                "ms" => 1.0,
                "s" | "" => 1_000.0,
                "min" => 60_000.0,
                "h" => 3_600_000.0,
                "d" => 86_400_000.0,
                "w" => 604_800_000.0,
                "month" => 2_629_800_000.0,
                "y" => 31_557_600_000.0,
                _ => return None,
            };
    }
    Some(total as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_systemd_writes_them() {
        for (text, expected) in [
            ("100ms", Some(100)),
            ("1s 500ms", Some(1_500)),
            ("1min 30s", Some(90_000)),
            ("0", Some(0)),
            ("2h", Some(7_200_000)),
            ("500us", Some(0)),
            ("infinity", None),
            ("", None),
            ("s", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
