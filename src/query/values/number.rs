//! Numbers with units, and ranges of them.

use std::fmt;

use crate::catalog::services;
use crate::model::socket::Protocol;
use crate::query::error::{echo, nearest};
use crate::query::key::Measure;
use crate::query::lexer::Comparison;

/// A union of ranges, ends included, in the base unit of their measure: bytes, microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::query) struct NumberSet {
    measure: Measure,
    /// In order, with gaps between.
    ranges: Vec<(u64, u64)>,
}

impl NumberSet {
    pub(in crate::query) fn new(measure: Measure) -> Self {
        Self { measure, ranges: Vec::new() }
    }

    /// Adds what `text` says: a number, or a range such as `..100`, `50ms..`, `8000-8100`.
    pub(in crate::query) fn add(
        &mut self,
        comparison: Option<Comparison>,
        text: &str,
    ) -> Result<(), String> {
        let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_equal = matches!(comparison, None | Some(Comparison::Equal));
        if self.measure == Measure::Port && is_name && is_equal {
            self.ranges.extend(ports_of_service(text)?);
        } else {
            self.ranges.push(match comparison {
                None => range(self.measure, text)?,
                Some(comparison) => compared(comparison, number(self.measure, text, None)?)?,
            });
        }
        self.merge();
        Ok(())
    }

    pub(in crate::query) fn append(&mut self, other: &Self) {
        self.ranges.extend_from_slice(&other.ranges);
        self.merge();
    }

    fn merge(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, before| {
            let touches = next.0 <= before.1.saturating_add(1);
            if touches {
                before.1 = before.1.max(next.1);
            }
            touches
        });
    }

    pub(in crate::query) fn contains(&self, number: u64) -> bool {
        self.contains_all(number, number)
    }

    /// Whether every number from `low` on is in it.
    pub(in crate::query) fn contains_all_from(&self, low: u64) -> bool {
        self.contains_all(low, u64::MAX)
    }

    /// Whether some number from `low` on is in it.
    pub(in crate::query) fn contains_any_from(&self, low: u64) -> bool {
        self.contains_any(low, u64::MAX)
    }

    /// Whether every number from `low` to `high` is in it.
    pub(in crate::query) fn contains_all(&self, low: u64, high: u64) -> bool {
        self.ranges.iter().any(|&(from, to)| from <= low && to >= high)
    }

    /// Whether some number from `low` to `high` is in it.
    pub(in crate::query) fn contains_any(&self, low: u64, high: u64) -> bool {
        self.ranges.iter().any(|&(from, to)| from <= high && to >= low)
    }
}

/// A service can have one port over TCP and another over UDP.
fn ports_of_service(name: &str) -> Result<Vec<(u64, u64)>, String> {
    let ports: Vec<_> = [Protocol::Tcp, Protocol::Udp]
        .into_iter()
        .filter_map(|protocol| services::port(protocol, name))
        .map(|port| (port.into(), port.into()))
        .collect();
    if !ports.is_empty() {
        return Ok(ports);
    }
    let meant = nearest(name, services::names())
        .map_or_else(String::new, |meant| format!(" did you mean {meant}?"));
    Err(format!(
        "{} is no known service:{meant} a port is a service's name, or a number from 0 to 65535",
        echo(name)
    ))
}

fn compared(comparison: Comparison, number: u64) -> Result<(u64, u64), String> {
    Ok(match comparison {
        Comparison::Equal => (number, number),
        Comparison::LessOrEqual => (0, number),
        Comparison::GreaterOrEqual => (number, u64::MAX),
        Comparison::Greater => (number.saturating_add(1), u64::MAX),
        Comparison::Less => {
            let highest = number.checked_sub(1).ok_or("nothing is less than 0")?;
            (0, highest)
        }
    })
}

fn range(measure: Measure, text: &str) -> Result<(u64, u64), String> {
    let Some((low, high)) = ends(text) else {
        let number = number(measure, text, None)?;
        return Ok((number, number));
    };
    if low.is_empty() && high.is_empty() {
        return Err("the range .. has no end: write ..100, 50.. or 50..100".into());
    }
    // `50..100ms`: the unit at the end goes for both.
    let unit = high.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let from = if low.is_empty() { 0 } else { number(measure, low, Some(unit))? };
    let to = if high.is_empty() { u64::MAX } else { number(measure, high, None)? };
    if from > to {
        return Err(format!("the range {} runs backwards: write {high}..{low}", echo(text)));
    }
    Ok((from, to))
}

/// The two ends of a range, each possibly empty; `a-b` needs both.
fn ends(text: &str) -> Option<(&str, &str)> {
    text.split_once("..")
        .or_else(|| text.split_once('-').filter(|(low, high)| !low.is_empty() && !high.is_empty()))
}

/// A number in the base unit. `fallback` is the unit where none is written.
fn number(measure: Measure, text: &str, fallback: Option<&str>) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" => fallback.unwrap_or(""),
        unit => unit,
    };
    let factor = factor(measure, unit, digits).ok_or_else(|| expectation(measure, text))?;
    let value = scaled(digits, factor).ok_or_else(|| expectation(measure, text))?;
    if value > limit(measure) {
        return Err(too_large(measure, text));
    }
    u64::try_from(value).map_err(|_| too_large(measure, text))
}

fn limit(measure: Measure) -> u128 {
    match measure {
        Measure::Port => u16::MAX.into(),
        Measure::Id => u32::MAX.into(),
        _ => u64::MAX.into(),
    }
}

/// `12`, or with a factor above 1 also `1.5`; digits that the factor cannot hold are cut.
fn scaled(digits: &str, factor: u64) -> Option<u128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 20;
    let has_point = whole.len() != digits.len();
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    if has_point && (fraction.is_empty() || factor == 1) {
        return None;
    }
    let factor = u128::from(factor);
    let whole: u128 = whole.parse().ok()?;
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let digits = u32::try_from(fraction.len()).ok()?;
    Some(whole * factor + part * factor / 10_u128.pow(digits))
}

const BYTES: [(&str, u64); 4] = [("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000), ("", 1)];
const DURATIONS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

fn factor(measure: Measure, unit: &str, digits: &str) -> Option<u64> {
    match measure {
        Measure::Port | Measure::Id | Measure::Count => unit.is_empty().then_some(1),
        Measure::Percent => matches!(unit, "%" | "").then_some(1),
        Measure::Bytes => bytes_factor(unit),
        Measure::Duration if unit.is_empty() => (digits == "0").then_some(1),
        Measure::Duration => {
            let unit = match unit {
                "µs" | "μs" => "us",
                "min" => "m",
                unit => unit,
            };
            DURATIONS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
        }
    }
}

/// Decimal as everywhere on screen; `Ki`, `Mi`, `Gi` are the powers of 1024.
fn bytes_factor(unit: &str) -> Option<u64> {
    let unit = unit.strip_suffix(['B', 'b']).unwrap_or(unit);
    let (unit, binary) = match unit.strip_suffix('i') {
        Some(unit) => (unit, true),
        None => (unit, false),
    };
    let power = match unit {
        "" if !binary => 0,
        "k" | "K" => 1,
        "M" | "m" => 2,
        "G" | "g" => 3,
        _ => return None,
    };
    Some(if binary { 1024_u64 } else { 1000 }.pow(power))
}

fn expectation(measure: Measure, text: &str) -> String {
    let takes = match measure {
        Measure::Port => "a port is a number from 0 to 65535",
        Measure::Id => "a process id is a whole number",
        Measure::Count => "this takes a whole number",
        Measure::Bytes => "a size is a number with k, M, G or no unit",
        Measure::Duration => "a duration is a number with us, ms, s, m, h or d",
        Measure::Percent => "a share is a whole number with %",
    };
    let more = match (measure, text.split_once('/')) {
        (Measure::Port, Some((port, protocol @ ("tcp" | "udp")))) => {
            format!("; for one protocol write port:{port} proto:{protocol}")
        }
        (Measure::Port, _) => ", or a range such as 8000..8100".to_owned(),
        _ => String::new(),
    };
    format!("{} cannot be read: {takes}{more}", echo(text))
}

fn too_large(measure: Measure, text: &str) -> String {
    match measure {
        Measure::Port => format!("port {} is out of range: ports are 0 to 65535", echo(text)),
        _ => format!("{} is too large: at most {}", echo(text), limit(measure)),
    }
}

impl fmt::Display for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, &(low, high)) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if low == high {
                write_number(self.measure, low, f)?;
                continue;
            }
            if low > 0 || high == u64::MAX {
                write_number(self.measure, low, f)?;
            }
            f.write_str("..")?;
            if high < u64::MAX {
                write_number(self.measure, high, f)?;
            }
        }
        Ok(())
    }
}

/// In the largest unit that divides it.
fn write_number(measure: Measure, number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let largest = |units: &[(&'static str, u64)]| {
        let fitting = units.iter().find(|(_, factor)| number.is_multiple_of(*factor));
        fitting.map_or(("", 1), |unit| *unit)
    };
    let (unit, factor) = match measure {
        Measure::Percent => ("%", 1),
        Measure::Duration if number == 0 => ("s", 1),
        Measure::Bytes if number > 0 => largest(&BYTES),
        Measure::Duration => largest(&DURATIONS),
        _ => ("", 1),
    };
    write!(f, "{}{unit}", number / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(measure: Measure, text: &str) -> Result<String, String> {
        let mut set = NumberSet::new(measure);
        set.add(None, text)?;
        Ok(set.to_string())
    }

    #[test]
    fn numbers_are_read_with_their_units() {
        for (measure, text, canonical) in [
            (Measure::Port, "8080", "8080"),
            (Measure::Port, "8000-8100", "8000..8100"),
            (Measure::Port, "..1023", "..1023"),
            (Measure::Port, "ssh", "22"),
            (Measure::Port, "HTTP-alt", "8080"),
            (Measure::Port, "0..", "0.."),
            (Measure::Duration, "1.5s", "1500ms"),
            (Measure::Duration, "90m..", "90m.."),
            (Measure::Duration, "50..100ms", "50ms..100ms"),
            (Measure::Duration, "0", "0s"),
            (Measure::Duration, "7µs", "7us"),
            (Measure::Bytes, "1.5k", "1500"),
            (Measure::Bytes, "64KiB", "65536"),
            (Measure::Bytes, "2M..3MB", "2M..3M"),
            (Measure::Percent, "80..", "80%.."),
        ] {
            assert_eq!(read(measure, text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_named() {
        for (measure, text, part) in [
            (Measure::Port, "70000", "0 to 65535"),
            (Measure::Port, "x", "number from 0 to 65535"),
            (Measure::Port, "shh", "did you mean ssh?"),
            (Measure::Port, "1.5", "cannot be read"),
            (Measure::Port, "-1", "cannot be read"),
            (Measure::Port, "90..80", "write 80..90"),
            (Measure::Duration, "50", "us, ms, s"),
            (Measure::Duration, "5 parsecs", "cannot be read"),
            (Measure::Duration, "99999999999999999999d", "too large"),
            (Measure::Bytes, "5T", "k, M, G"),
            (Measure::Count, "99999999999999999999999", "cannot be read"),
            (Measure::Count, "..", "no end"),
            (Measure::Id, "4294967296", "at most 4294967295"),
        ] {
            let complaint = read(measure, text).unwrap_err();
            assert!(complaint.contains(part), "{text}: {complaint}");
        }
    }

    #[test]
    fn ranges_that_touch_cover_what_lies_between() {
        let mut set = NumberSet::new(Measure::Port);
        for part in ["100..65535", "0..50", "51..99"] {
            set.add(None, part).unwrap();
        }
        assert!(set.contains_all(0, 65535));
        assert!(!set.contains_all_from(0));
        assert!(set.contains_any(65535, 70000));
        assert!(!set.contains_any(65536, 70000));
    }
}
