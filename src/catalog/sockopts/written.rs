//! The value of an option as a person writes it, and as setsockopt takes it.

use std::net::Ipv4Addr;

use crate::model::options::{OptionType, OptionValue};

use super::{Entry, Form};

/// What a size may end with, and how many bytes that is.
const SIZES: [(&str, i64); 13] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("ki", 1 << 10),
    ("mi", 1 << 20),
    ("gi", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("b", 1),
];

/// What a time may end with, and how many microseconds that is.
const TIMES: [(&str, i64); 8] = [
    ("us", 1),
    ("µs", 1),
    ("ms", 1_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

impl Entry {
    /// Reads a value of this option: `on`, `64KiB`, `30s`, `40000-40010`, a name of its values, a
    /// word of its numbers. The error says in one clause what would be right.
    pub fn read_value(&self, text: &str) -> Result<OptionValue, String> {
        let text = text.trim();
        let of_word = self.words.iter().find(|(_, word)| word.eq_ignore_ascii_case(text));
        if let Some((number, _)) = of_word {
            return Ok(OptionValue::Number(*number));
        }
        match self.r#type {
            OptionType::Bool => {
                switch(text).map(OptionValue::Bool).ok_or_else(|| self.wants("on or off"))
            }
            OptionType::Int | OptionType::Unsigned | OptionType::Bytes => self.number(text),
            OptionType::Enum => self.choice(text).map(OptionValue::Text),
            OptionType::Flags => self.flags(text),
            OptionType::Linger => self.linger(text),
            OptionType::Timeval => match switch(text) {
                Some(false) => Ok(OptionValue::Time { us: 0 }),
                _ => time(text)
                    .map(|us| OptionValue::Time { us })
                    .ok_or_else(|| self.wants("a time such as 30s or 500ms, or 0 for no limit")),
            },
            OptionType::String => Ok(OptionValue::Text(text.to_owned())),
            OptionType::Address => {
                let addr = text.parse::<Ipv4Addr>();
                addr.map(|addr| OptionValue::Text(addr.to_string()))
                    .map_err(|_| self.wants("an IPv4 address"))
            }
            OptionType::Ucred | OptionType::Opaque => {
                Err(format!("{} is a structure, which cannot be written as text", self.name))
            }
        }
    }

    /// A value as [`Entry::read_value`] reads it again.
    pub fn write_value(&self, value: &OptionValue) -> String {
        match value {
            OptionValue::Bool(true) => "on".to_owned(),
            OptionValue::Bool(false) => "off".to_owned(),
            OptionValue::Number(0) if self.form == Some(Form::PortRange) => "0".to_owned(),
            OptionValue::Number(range) if self.form == Some(Form::PortRange) => {
                format!("{}-{}", range & 0xffff, range >> 16 & 0xffff)
            }
            OptionValue::Number(index) if self.form == Some(Form::NetworkOrder) => {
                u32::from_be(u32::try_from(*index).unwrap_or(0)).to_string()
            }
            OptionValue::Number(number) => number.to_string(),
            OptionValue::Large(u64::MAX) => "unlimited".to_owned(),
            OptionValue::Large(number) => number.to_string(),
            OptionValue::Text(text) => text.clone(),
            OptionValue::Names(names) if names.is_empty() => "none".to_owned(),
            OptionValue::Names(names) => names.join("+"),
            OptionValue::Linger { on: false, .. } => "off".to_owned(),
            OptionValue::Linger { on: true, seconds } => seconds.to_string(),
            OptionValue::Time { us: 0 } => "0".to_owned(),
            OptionValue::Time { us } => format!("{us}us"),
            OptionValue::Credentials { pid, .. } => pid.to_string(),
        }
    }

    /// The bytes that setsockopt takes for a value; `None` for one that it cannot have.
    pub fn bytes_of(&self, value: &OptionValue) -> Option<Vec<u8>> {
        let int = |number: i64| match i32::try_from(number) {
            Ok(number) => Some(number.to_ne_bytes().to_vec()),
            Err(_) => Some(u32::try_from(number).ok()?.to_ne_bytes().to_vec()),
        };
        match (self.r#type, value) {
            (_, OptionValue::Bool(on)) => int((*on).into()),
            (_, OptionValue::Number(number)) if self.length() == 8 => {
                Some(number.to_ne_bytes().to_vec())
            }
            (_, OptionValue::Large(number)) => Some(number.to_ne_bytes().to_vec()),
            (_, OptionValue::Number(number)) => int(*number),
            (OptionType::Linger, OptionValue::Linger { on, seconds }) => {
                let seconds = i32::try_from(*seconds).ok()?;
                Some([i32::from(*on), seconds].map(i32::to_ne_bytes).concat())
            }
            (OptionType::Timeval, OptionValue::Time { us }) => {
                Some([us / 1_000_000, us % 1_000_000].map(i64::to_ne_bytes).concat())
            }
            (OptionType::Enum, OptionValue::Text(name)) => {
                let known = self.values.iter().find(|(known, _)| known == name);
                int(known.map(|(_, number)| *number).or_else(|| name.parse().ok())?)
            }
            (OptionType::Flags, OptionValue::Names(names)) => {
                let bit = |name: &String| {
                    let known = self.values.iter().find(|(known, _)| known == name);
                    known.map(|(_, bit)| *bit).or_else(|| hexadecimal(name))
                };
                let bits: Option<Vec<i64>> = names.iter().map(bit).collect();
                int(bits?.into_iter().fold(0, |all, bit| all | bit))
            }
            (OptionType::String, OptionValue::Text(text)) => Some(text.as_bytes().to_vec()),
            (OptionType::Address, OptionValue::Text(addr)) => {
                Some(addr.parse::<Ipv4Addr>().ok()?.octets().to_vec())
            }
            _ => None,
        }
    }

    fn wants(&self, what: &str) -> String {
        format!("{} takes {what}", self.name)
    }

    fn number(&self, text: &str) -> Result<OptionValue, String> {
        if self.form == Some(Form::PortRange) {
            let range = text.split_once('-').and_then(|(low, high)| {
                let (low, high): (u16, u16) = (low.parse().ok()?, high.parse().ok()?);
                (low <= high).then_some(i64::from(low) | i64::from(high) << 16)
            });
            let range = range.or_else(|| (text == "0").then_some(0));
            return range
                .map(OptionValue::Number)
                .ok_or_else(|| self.wants("two ports such as 40000-40010, or 0"));
        }
        if self.form == Some(Form::NetworkOrder) {
            let index: Result<u32, _> = text.parse();
            return index
                .map(|index| OptionValue::Number(index.to_be().into()))
                .map_err(|_| self.wants("the index of an interface"));
        }
        let plain = text.parse().ok().or_else(|| hexadecimal(text));
        if let Some(number) = plain {
            return Ok(OptionValue::Number(number));
        }
        let unlimited = text.eq_ignore_ascii_case("unlimited");
        match self.unit.as_deref() {
            Some("bytes_per_s") if unlimited => Some(OptionValue::Large(u64::MAX)),
            Some("bytes" | "bytes_per_s") => {
                scaled(text.trim_end_matches("/s"), &SIZES).map(OptionValue::Number)
            }
            Some(unit @ ("s" | "ms" | "us")) => {
                let one = TIMES.iter().find(|(name, _)| *name == unit).map_or(1, |(_, us)| *us);
                let us = time(text).filter(|us| us % one == 0);
                us.map(|us| OptionValue::Number(us / one))
            }
            _ => None,
        }
        .ok_or_else(|| match self.unit.as_deref() {
            Some("bytes") => self.wants("a size such as 4096 or 64KiB"),
            Some("bytes_per_s") => self.wants("a rate such as 10MB/s, or unlimited"),
            Some("s") => self.wants("whole seconds such as 30 or 30s"),
            Some("ms") => self.wants("whole milliseconds such as 500 or 30s"),
            Some("us") => self.wants("microseconds such as 200000 or 200ms"),
            _ => self.wants("a number"),
        })
    }

    fn choice(&self, text: &str) -> Result<String, String> {
        let number = text.parse().ok();
        let is_meant = |(name, value): &&(String, i64)| {
            let short = name.rsplit('_').next().unwrap_or(name);
            name.eq_ignore_ascii_case(text)
                || short.eq_ignore_ascii_case(text)
                || Some(*value) == number
        };
        let names = || self.values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        let found = self.values.iter().find(is_meant);
        found
            .map(|(name, _)| name.clone())
            .ok_or_else(|| self.wants(&format!("one of {}", names().join(", "))))
    }

    fn flags(&self, text: &str) -> Result<OptionValue, String> {
        if matches!(text, "" | "0" | "none" | "off") {
            return Ok(OptionValue::Names(Vec::new()));
        }
        let names: Result<Vec<String>, String> =
            text.split(['|', '+', ' ']).map(|name| self.choice(name)).collect();
        names.map(OptionValue::Names)
    }

    fn linger(&self, text: &str) -> Result<OptionValue, String> {
        if switch(text) == Some(false) && text != "0" {
            return Ok(OptionValue::Linger { on: false, seconds: 0 });
        }
        let written = text.strip_prefix("on,").unwrap_or(text).trim();
        let seconds = written.parse().ok().or_else(|| {
            let us = time(written)?;
            (us % 1_000_000 == 0).then_some(us / 1_000_000)
        });
        seconds
            .map(|seconds| OptionValue::Linger { on: true, seconds })
            .ok_or_else(|| self.wants("off, or whole seconds such as 5s; 0s aborts on close"))
    }
}

fn switch(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(&["on", "yes", "true", "1"]) {
        Some(true)
    } else if is(&["off", "no", "false", "0"]) {
        Some(false)
    } else {
        None
    }
}

fn hexadecimal(text: &str) -> Option<i64> {
    i64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// A time in microseconds; a bare 0 needs no unit.
fn time(text: &str) -> Option<i64> {
    if text == "0" { Some(0) } else { scaled(text, &TIMES) }
}

fn scaled(text: &str, units: &[(&str, i64)]) -> Option<i64> {
    let text = text.to_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(*factor);
    }
    // 1.5 MiB: exact as far as a double goes, and whole in the end.
    let value = number.parse::<f64>().ok()? * *factor as f64;
    (value.fract() == 0.0 && value < 9e15).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn read(name: &str, text: &str) -> Result<OptionValue, String> {
        find(name).expect("in the catalogue").1.read_value(text)
    }

    fn bytes(name: &str, text: &str) -> Vec<u8> {
        let value = read(name, text).unwrap_or_else(|error| panic!("{error}"));
        find(name).expect("in the catalogue").1.bytes_of(&value).expect("it can be set")
    }

    #[test]
    fn values_have_units() {
        assert_eq!(read("SO_KEEPALIVE", "on"), Ok(OptionValue::Bool(true)));
        assert_eq!(read("SO_RCVBUF", "64KiB"), Ok(OptionValue::Number(65_536)));
        assert_eq!(read("SO_RCVBUF", "1.5Mi"), Ok(OptionValue::Number(1_572_864)));
        assert_eq!(read("TCP_KEEPIDLE", "2h"), Ok(OptionValue::Number(7200)));
        assert_eq!(read("TCP_USER_TIMEOUT", "30s"), Ok(OptionValue::Number(30_000)));
        assert_eq!(read("SO_RCVTIMEO", "2500ms"), Ok(OptionValue::Time { us: 2_500_000 }));
        assert_eq!(read("SO_RCVTIMEO", "0"), Ok(OptionValue::Time { us: 0 }));
        assert_eq!(read("SO_LINGER", "5s"), Ok(OptionValue::Linger { on: true, seconds: 5 }));
        assert_eq!(read("SO_LINGER", "off"), Ok(OptionValue::Linger { on: false, seconds: 0 }));
        assert_eq!(read("SO_MAX_PACING_RATE", "10MB/s"), Ok(OptionValue::Number(10_000_000)));
        assert_eq!(read("SO_MAX_PACING_RATE", "unlimited"), Ok(OptionValue::Large(u64::MAX)));
        assert_eq!(read("SO_PEEK_OFF", "off"), Ok(OptionValue::Number(-1)));
        let wanted = OptionValue::Text("IP_PMTUDISC_DO".to_owned());
        assert_eq!(read("IP_MTU_DISCOVER", "do"), Ok(wanted));
    }

    #[test]
    fn what_is_no_value_is_told_with_what_would_be_right() {
        for (name, text, word) in [
            ("SO_KEEPALIVE", "maybe", "on or off"),
            ("TCP_KEEPIDLE", "1500ms", "whole seconds"),
            ("SO_RCVBUF", "many", "size"),
            ("IP_LOCAL_PORT_RANGE", "9-8", "40000-40010"),
            ("IP_MTU_DISCOVER", "x", "IP_PMTUDISC_DO"),
            ("TCP_INFO", "1", "structure"),
        ] {
            let error = read(name, text).expect_err(name);
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (name, text) in [
            ("SO_KEEPALIVE", "off"),
            ("SO_RCVBUF", "65536"),
            ("SO_LINGER", "off"),
            ("SO_LINGER", "0"),
            ("SO_LINGER", "-1"),
            ("SO_RCVTIMEO", "2500000us"),
            ("IP_LOCAL_PORT_RANGE", "40000-40010"),
            ("SO_MAX_PACING_RATE", "unlimited"),
            ("IP_MTU_DISCOVER", "IP_PMTUDISC_DO"),
            ("SO_BUF_LOCK", "none"),
            ("SO_BUF_LOCK", "SOCK_SNDBUF_LOCK+SOCK_RCVBUF_LOCK"),
            ("TCP_CONGESTION", "reno"),
        ] {
            let value = read(name, text).unwrap_or_else(|error| panic!("{error}"));
            let written = find(name).expect("in the catalogue").1.write_value(&value);
            assert_eq!(written, text, "{name}");
        }
    }

    #[test]
    fn bytes_are_those_of_setsockopt() {
        assert_eq!(bytes("SO_KEEPALIVE", "on"), 1_i32.to_ne_bytes());
        assert_eq!(bytes("SO_MAX_PACING_RATE", "unlimited"), u64::MAX.to_ne_bytes());
        assert_eq!(bytes("TCP_NOTSENT_LOWAT", "4294967295"), u32::MAX.to_ne_bytes());
        assert_eq!(bytes("SO_LINGER", "7s"), [1_i32, 7].map(i32::to_ne_bytes).concat());
        assert_eq!(bytes("TCP_CONGESTION", "reno"), b"reno");
        assert_eq!(bytes("IP_LOCAL_PORT_RANGE", "40000-40010"), 2_622_135_360_u32.to_ne_bytes());
        assert_eq!(bytes("IP_MULTICAST_IF", "127.0.0.1"), [127, 0, 0, 1]);
    }
}
