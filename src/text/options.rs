//! Values of socket options as people read them, and who waits on a socket.

use std::time::Duration;

use super::{clean, units};
use crate::model::options::{IoModel, OptionType, OptionValue, SocketOption};

/// Longer bytes are only counted.
const MAX_HEX_DIGITS: usize = 32;

/// The value of an option.
pub fn value(option: &SocketOption) -> String {
    formatted(option, &option.value)
}

/// Its default; [`units::UNKNOWN`] where none is known.
pub fn default_value(option: &SocketOption) -> String {
    let default = option.default.as_ref();
    default.map_or_else(|| units::UNKNOWN.to_owned(), |default| formatted(option, default))
}

/// A value of this option, cleaned, in one line.
fn formatted(option: &SocketOption, value: &OptionValue) -> String {
    match value {
        OptionValue::Bool(true) => "on".to_owned(),
        OptionValue::Bool(false) => "off".to_owned(),
        OptionValue::Number(number) => number_with_unit(option, *number),
        OptionValue::Text(hex) if option.r#type == OptionType::Opaque => bytes(hex),
        OptionValue::Text(text) if text.is_empty() => "none".to_owned(),
        OptionValue::Text(text) => clean(text).into_owned(),
        OptionValue::Names(names) if names.is_empty() => "none".to_owned(),
        OptionValue::Names(names) => clean(&names.join(" ")).into_owned(),
        OptionValue::Linger { on: false, .. } => "off".to_owned(),
        OptionValue::Linger { on: true, seconds } => format!("on, {seconds} s"),
        OptionValue::Time { us: 0 } => "no limit".to_owned(),
        OptionValue::Time { us } => {
            units::duration(Duration::from_micros(u64::try_from(*us).unwrap_or(0)))
        }
        OptionValue::Credentials { pid: 0, .. } => "none".to_owned(),
        OptionValue::Credentials { pid, uid, gid } => format!("pid {pid}, uid {uid}, gid {gid}"),
    }
}

fn number_with_unit(option: &SocketOption, number: i64) -> String {
    match option.unit.as_deref() {
        Some("bytes") => u64::try_from(number).map_or_else(|_| number.to_string(), binary_bytes),
        // The kernel's word for no limit, in the 32 bits that getsockopt was given.
        Some("bytes_per_s") if number == i64::from(u32::MAX) => "unlimited".to_owned(),
        Some("bytes_per_s") => units::bytes_per_second(number as f64),
        Some("us") => format!("{number} µs"),
        Some(unit) => format!("{number} {unit}"),
        None => number.to_string(),
    }
}

/// Sizes of buffers are powers of two more often than not: `208 KiB`, `8 MiB`, `2304 B`.
fn binary_bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let whole = UNITS.iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{bytes} B"), |(unit, name)| format!("{} {name}", bytes / unit))
}

fn bytes(hex: &str) -> String {
    match hex.len() {
        0 => "none".to_owned(),
        length if length > MAX_HEX_DIGITS => format!("{} bytes", length / 2),
        _ => hex.to_owned(),
    }
}

/// Who waits on a socket and how: `non-blocking; epoll 5 in pid 42 (EPOLLIN EPOLLET);
/// thread 43 in accept4`.
pub fn io_model(model: &IoModel) -> String {
    let mode = match model.nonblocking {
        Some(true) => "non-blocking",
        Some(false) => "blocking",
        None => "blocking or not is not readable",
    };
    let mut parts = vec![mode.to_owned()];
    for watcher in &model.watchers {
        let events = clean(&watcher.events.join(" ")).into_owned();
        let fd = watcher.fd.map_or(String::new(), |fd| format!(" {fd}"));
        parts.push(format!("{}{fd} in pid {} ({events})", clean(&watcher.kind), watcher.pid));
    }
    for thread in &model.blocked_in {
        let call = clean(&thread.syscall);
        parts.push(format!("thread {} of pid {} in {call}", thread.tid, thread.pid));
    }
    if model.watchers.is_empty() && model.blocked_in.is_empty() {
        parts.push("nobody was found waiting on it".to_owned());
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::options::{BlockedThread, Watcher};

    fn option(r#type: OptionType, unit: Option<&str>, value: OptionValue) -> SocketOption {
        SocketOption {
            level: "SOL_SOCKET".to_owned(),
            name: "SO_X".to_owned(),
            winsock: None,
            r#type,
            value,
            raw_hex: None,
            default: None,
            changed: None,
            unit: unit.map(str::to_owned),
            writable: true,
            source: None,
            about: String::new(),
        }
    }

    fn number(unit: &str, number: i64) -> String {
        value(&option(OptionType::Int, Some(unit), OptionValue::Number(number)))
    }

    #[test]
    fn numbers_carry_their_unit() {
        assert_eq!(number("bytes", 212_992), "208 KiB");
        assert_eq!(number("bytes", 8 << 20), "8 MiB");
        assert_eq!(number("bytes", 2304), "2304 B");
        assert_eq!(number("bytes", 0), "0 B");
        assert_eq!(number("bytes", -1), "-1");
        assert_eq!(number("s", 7200), "7200 s");
        assert_eq!(number("bytes_per_s", 4_294_967_295), "unlimited");
    }

    #[test]
    fn structures_become_a_few_words() {
        let shown = |r#type, of| value(&option(r#type, None, of));
        let linger = OptionValue::Linger { on: true, seconds: 5 };
        assert_eq!(shown(OptionType::Linger, linger), "on, 5 s");
        assert_eq!(shown(OptionType::Timeval, OptionValue::Time { us: 0 }), "no limit");
        assert_eq!(shown(OptionType::Timeval, OptionValue::Time { us: 2_500_000 }), "2.5 s");
        assert_eq!(shown(OptionType::Opaque, OptionValue::Text("ab".repeat(40))), "40 bytes");
        let hostile = OptionValue::Text("a\x1b[2Jb".to_owned());
        assert_eq!(shown(OptionType::String, hostile), "a�[2Jb");
        let unknown = option(OptionType::Bool, None, OptionValue::Bool(true));
        assert_eq!(default_value(&unknown), "-");
    }

    #[test]
    fn who_waits_is_one_line() {
        let mut model = IoModel { nonblocking: Some(false), ..IoModel::default() };
        assert_eq!(io_model(&model), "blocking; nobody was found waiting on it");
        model.watchers.push(Watcher {
            pid: 42,
            kind: "epoll".to_owned(),
            fd: Some(5),
            events: vec!["EPOLLIN".to_owned(), "EPOLLET".to_owned()],
        });
        model.blocked_in.push(BlockedThread { pid: 42, tid: 43, syscall: "accept4".to_owned() });
        let expected =
            "blocking; epoll 5 in pid 42 (EPOLLIN EPOLLET); thread 43 of pid 42 in accept4";
        assert_eq!(io_model(&model), expected);
    }
}
