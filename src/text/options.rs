//! Values of socket options as people read them, and who waits on a socket.

use std::time::Duration;

use super::{clean, units};
use crate::catalog::sockopts::{self, Entry, Form};
use crate::model::options::{
    BlockedThread, ChangedBy, IoModel, OptionPart, OptionType, OptionValue, OptionsReport,
    SocketOption, Structure, Watcher,
};

/// Structures of more fields are told below a table, not in it.
const MOST_IN_LINE: usize = 2;

/// More that wait are told by the summary alone.
const MOST_WAITERS: usize = 8;

/// Longer bytes are only counted.
const MAX_HEX_DIGITS: usize = 80;

/// The fields of TCP_INFO that stand for all in one line.
const TCP_SUMMARY: [&str; 6] = ["state", "waiting", "limit", "rtt", "snd_cwnd", "total_retrans"];

/// What l_linger reads back as when it was negative, which waits for ever: `LONG_MAX / HZ` as an
/// int, for every HZ that Linux is built with.
const FOR_EVER: [i64; 4] = [
    (i64::MAX / 100) as i32 as i64,
    (i64::MAX / 250) as i32 as i64,
    (i64::MAX / 300) as i32 as i64,
    (i64::MAX / 1000) as i32 as i64,
];

/// The value of an option.
pub fn value(option: &SocketOption) -> String {
    if option.parts.is_empty() {
        return formatted(option, &option.value);
    }
    let summary = option.name == "TCP_INFO";
    let is_shown = |part: &&OptionPart| !summary || TCP_SUMMARY.contains(&&*part.name);
    let shown: Vec<String> = option.parts.iter().filter(is_shown).map(part).collect();
    shown.join(", ")
}

/// Whether the value has more fields than fit into a line of a table: [`groups`] tells them all.
pub fn is_long(option: &SocketOption) -> bool {
    option.parts.len() > MOST_IN_LINE
}

/// The groups of a structure with their fields in words, those that are 0 left out:
/// `("time", "rtt 43 µs, rttvar 12 µs")`.
pub fn groups(option: &SocketOption) -> Vec<(String, String)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for one in &option.parts {
        if matches!(one.value, OptionValue::Number(0)) {
            continue;
        }
        let name = clean(&one.group).into_owned();
        match groups.iter_mut().find(|(group, _)| *group == name) {
            Some((_, words)) => words.push(part(one)),
            None => groups.push((name, vec![part(one)])),
        }
    }
    groups.into_iter().map(|(name, words)| (name, words.join(", "))).collect()
}

/// The options that people look for first, whatever their value.
const SOUGHT: [&str; 20] = [
    "TCP_INFO",
    "SO_RCVBUF",
    "SO_SNDBUF",
    "SO_KEEPALIVE",
    "TCP_KEEPIDLE",
    "TCP_KEEPINTVL",
    "TCP_KEEPCNT",
    "TCP_USER_TIMEOUT",
    "SO_LINGER",
    "TCP_NODELAY",
    "SO_RCVTIMEO",
    "SO_SNDTIMEO",
    "TCP_CONGESTION",
    "SO_REUSEADDR",
    "SO_REUSEPORT",
    "IP_TTL",
    "IPV6_UNICAST_HOPS",
    "IPV6_V6ONLY",
    "TCP_MAXSEG",
    "SO_PEERCRED",
];

/// The options in the order of their use: those that the program set, those that it inherited,
/// those that the kernel changed, those that people look for, and the rest by level.
pub fn in_order(options: &[SocketOption]) -> Vec<&SocketOption> {
    let mut all: Vec<&SocketOption> = options.iter().collect();
    let sought = |option: &SocketOption| SOUGHT.iter().position(|name| *name == option.name);
    all.sort_by_key(|option| match option.changed_by {
        Some(ChangedBy::Program) => (0, 0),
        Some(ChangedBy::Inherited) => (1, 0),
        Some(ChangedBy::Kernel) => (2, 0),
        None => sought(option).map_or((4, 0), |place| (3, place)),
    });
    all
}

/// One field: `rtt 43 µs`. A list and a name stand without theirs.
fn part(part: &OptionPart) -> String {
    let name = clean(&part.name);
    match &part.value {
        OptionValue::Text(text) => clean(text).into_owned(),
        OptionValue::Names(names) if names.is_empty() => format!("no {name}"),
        OptionValue::Names(names) => format!("{name} {}", clean(&names.join(" "))),
        OptionValue::Number(number) => {
            format!("{name} {}", with_unit(part.unit.as_deref(), *number))
        }
        OptionValue::Large(number) => format!("{name} {}", large(part.unit.as_deref(), *number)),
        _ => name.into_owned(),
    }
}

/// Who changed it and why, as a clause: `by the program`; empty where nobody did.
pub fn by_whom(option: &SocketOption) -> String {
    let why = option.why.as_deref().map(|why| clean(why).into_owned()).unwrap_or_default();
    match option.changed_by {
        Some(by) if why.is_empty() => by.name().to_owned(),
        Some(by) => format!("{}: {why}", by.name()),
        None => why,
    }
}

/// Its default; [`units::UNKNOWN`] where none is known.
pub fn default_value(option: &SocketOption) -> String {
    if !option.parts.is_empty() && option.default.as_ref() == Some(&option.value) {
        return value(option);
    }
    if let (false, Some(OptionValue::Text(hex))) = (option.parts.is_empty(), &option.default)
        && hex.bytes().all(|digit| digit == b'0')
    {
        return "none".to_owned();
    }
    let default = option.default.as_ref();
    default.map_or_else(|| units::UNKNOWN.to_owned(), |default| formatted(option, default))
}

/// A value of this option, cleaned, in one line.
fn formatted(option: &SocketOption, value: &OptionValue) -> String {
    match value {
        OptionValue::Bool(true) => "on".to_owned(),
        OptionValue::Bool(false) => "off".to_owned(),
        OptionValue::Number(number) => number_in_words(option, *number),
        OptionValue::Large(number) => large(option.unit.as_deref(), *number),
        OptionValue::Text(hex) if option.r#type == OptionType::Opaque && is_structure(option) => {
            if hex.is_empty() {
                "none".to_owned()
            } else {
                bytes(hex)
            }
        }
        OptionValue::Text(hex) if option.r#type == OptionType::Opaque => bytes(hex),
        OptionValue::Text(text) if text.is_empty() => "none".to_owned(),
        OptionValue::Text(text) => clean(text).into_owned(),
        OptionValue::Names(names) if names.is_empty() => "none".to_owned(),
        OptionValue::Names(names) => clean(&names.join(" ")).into_owned(),
        OptionValue::Linger { on: false, .. } => "off".to_owned(),
        OptionValue::Linger { on: true, seconds } if is_for_ever(*seconds) => {
            "on, waits for ever".to_owned()
        }
        OptionValue::Linger { on: true, seconds } => format!("on, {seconds} s"),
        OptionValue::Time { us: 0 } => "no limit".to_owned(),
        OptionValue::Time { us } => {
            units::duration(Duration::from_micros(u64::try_from(*us).unwrap_or(0)))
        }
        OptionValue::Credentials { pid: 0, .. } => "none".to_owned(),
        OptionValue::Credentials { pid, uid, gid } => format!("pid {pid}, uid {uid}, gid {gid}"),
    }
}

fn is_for_ever(seconds: i64) -> bool {
    seconds < 0 || FOR_EVER.contains(&seconds)
}

fn entry(option: &SocketOption) -> Option<&'static Entry> {
    Some(sockopts::find(&option.name)?.1)
}

fn is_structure(option: &SocketOption) -> bool {
    entry(option).is_some_and(|entry| matches!(entry.structure, Some(Structure::IpOptions)))
}

/// A number as the catalogue says that people read it.
fn number_in_words(option: &SocketOption, number: i64) -> String {
    let entry = entry(option);
    if let Some((_, word)) =
        entry.and_then(|entry| entry.words.iter().find(|(of, _)| *of == number))
    {
        return word.clone();
    }
    match entry.and_then(|entry| entry.form) {
        Some(Form::PortRange) => format!("{}-{}", number & 0xffff, number >> 16 & 0xffff),
        Some(Form::NetworkOrder) => {
            let index = u32::from_be(u32::try_from(number).unwrap_or(0));
            format!("interface {index}")
        }
        Some(Form::Tos) => tos(number),
        Some(Form::Hex) => format!("{number:#x}"),
        Some(Form::InetNum) | None => with_unit(option.unit.as_deref(), number),
    }
}

/// DSCP (RFC 2474) and ECN (RFC 3168): `0x12: DSCP 4, ECT(0)`.
fn tos(number: i64) -> String {
    if number == 0 {
        return "0: best effort".to_owned();
    }
    let dscp = number >> 2 & 0x3f;
    let class = match dscp {
        0 => "best effort".to_owned(),
        46 => "EF".to_owned(),
        44 => "voice admit".to_owned(),
        1 => "lower effort".to_owned(),
        _ if dscp % 8 == 0 => format!("CS{}", dscp / 8),
        _ if dscp % 2 == 0 && (10..=38).contains(&dscp) && dscp % 8 <= 6 => {
            format!("AF{}{}", dscp / 8, dscp % 8 / 2)
        }
        _ => format!("DSCP {dscp}"),
    };
    let ecn = ["", ", ECT(1)", ", ECT(0)", ", CE"][usize::try_from(number & 3).unwrap_or(0)];
    format!("{number:#x}: {class}{ecn}")
}

/// A number above `i64::MAX`: the kernel's word for no limit, or one to be taken as it is.
fn large(unit: Option<&str>, number: u64) -> String {
    match unit {
        Some("bytes_per_s") if number == u64::MAX => "unlimited".to_owned(),
        Some(unit) => format!("{number} {unit}"),
        None => number.to_string(),
    }
}

fn with_unit(unit: Option<&str>, number: i64) -> String {
    match unit {
        Some("bytes") => u64::try_from(number).map_or_else(|_| number.to_string(), binary_bytes),
        Some("bytes_per_s") => units::bytes_per_second(number as f64),
        Some("us") => match u64::try_from(number) {
            Ok(us) => units::duration(Duration::from_micros(us)),
            Err(_) => format!("{number} µs"),
        },
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

/// The options that could not be read, in one line; why stands above them.
pub fn hidden(report: &OptionsReport) -> Option<String> {
    let names: Vec<&str> = report.hidden.iter().map(|option| &*option.name).collect();
    (!names.is_empty()).then(|| clean(&format!("hidden: {}", names.join(", "))).into_owned())
}

/// Who waits on a socket and how: `non-blocking; edge-triggered epoll in one instance: the program
/// has to read until EAGAIN, or it gets no further event (epoll 5 of pid 42: EPOLLIN EPOLLET)`.
pub fn io_model(model: &IoModel) -> String {
    let mode = match model.nonblocking {
        Some(true) => "non-blocking",
        Some(false) => "blocking",
        None => "blocking or not is not readable",
    };
    if model.watchers.is_empty() && model.blocked_in.is_empty() && model.sigio.is_none() {
        return format!("{mode}; no thread was found waiting on it");
    }
    let waiters = waiters(model);
    let all = waiters.join("; ");
    match (model.summary.as_deref().map(clean), waiters.len()) {
        (None, _) => format!("{mode}; {all}"),
        (Some(summary), 0) => format!("{mode}; {summary}"),
        (Some(summary), 1..=MOST_WAITERS) => format!("{mode}; {summary} ({all})"),
        (Some(summary), count) => format!("{mode}; {summary} ({count} in all)"),
    }
}

/// Each with its numbers.
fn waiters(model: &IoModel) -> Vec<String> {
    let watcher = |watcher: &Watcher| {
        let fd = watcher.fd.map_or(String::new(), |fd| format!(" {fd}"));
        let events = match watcher.events.is_empty() {
            true => String::new(),
            false => format!(": {}", clean(&watcher.events.join(" "))),
        };
        format!("{}{fd} of pid {}{events}", clean(&watcher.kind), watcher.pid)
    };
    let thread = |thread: &BlockedThread| {
        format!("thread {} of pid {} in {}", thread.tid, thread.pid, clean(&thread.syscall))
    };
    let watchers = model.watchers.iter().map(watcher);
    watchers.chain(model.blocked_in.iter().map(thread)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::options::SigioOwner;

    fn option(r#type: OptionType, unit: Option<&str>, value: OptionValue) -> SocketOption {
        SocketOption {
            level: "SOL_SOCKET".into(),
            name: "SO_X".into(),
            winsock: None,
            r#type,
            value,
            raw_hex: None,
            default: None,
            changed: None,
            changed_by: None,
            why: None,
            unit: unit.map(|unit| unit.to_owned().into()),
            writable: true,
            source: None,
            about: "".into(),
            note: None,
            parts: Vec::new(),
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
        let rate = option(OptionType::Unsigned, Some("bytes_per_s"), OptionValue::Large(u64::MAX));
        assert_eq!(value(&rate), "unlimited");
        assert_eq!(number("bytes_per_s", 5_000_000_000), "5.00 GB/s");
    }

    fn named(name: &str, value_: i64) -> String {
        let plain = option(OptionType::Unsigned, None, OptionValue::Number(value_));
        value(&SocketOption { name: name.to_owned().into(), ..plain })
    }

    #[test]
    fn numbers_that_stand_for_something_are_in_words() {
        assert_eq!(named("IP_LOCAL_PORT_RANGE", 2_622_135_360), "40000-40010");
        assert_eq!(named("IP_LOCAL_PORT_RANGE", 0), "by net.ipv4.ip_local_port_range");
        assert_eq!(named("IP_UNICAST_IF", i64::from(3_u32.to_be())), "interface 3");
        assert_eq!(named("SO_MARK", 42), "0x2a");
        assert_eq!(named("SO_PEEK_OFF", -1), "off");
        assert_eq!(named("TCP_NOTSENT_LOWAT", 4_294_967_295), "no limit");
        assert_eq!(named("IP_TOS", 0xb8), "0xb8: EF");
        assert_eq!(named("IP_TOS", 0x28), "0x28: AF11");
        assert_eq!(named("IPV6_TCLASS", 0x42), "0x42: CS2, ECT(0)");
        assert_eq!(named("IP_TOS", 0), "0: best effort");
    }

    #[test]
    fn a_negative_linger_is_for_ever() {
        for seconds in [-1_752_346_657, -1, 2_061_584_302] {
            let linger = OptionValue::Linger { on: true, seconds };
            assert_eq!(value(&option(OptionType::Linger, None, linger)), "on, waits for ever");
        }
    }

    #[test]
    fn structures_are_groups_of_fields() {
        let part =
            |group: &'static str, name: &'static str, number, unit: &'static str| OptionPart {
                group: group.into(),
                name: name.into(),
                value: OptionValue::Number(number),
                unit: Some(unit.into()),
            };
        let mut info = option(OptionType::Opaque, None, OptionValue::Text("00".repeat(280)));
        info.name = "TCP_INFO".into();
        info.parts = vec![
            part("time", "rtt", 43, "us"),
            part("time", "rto", 200_000, "us"),
            part("loss", "lost", 0, "segments"),
        ];
        assert_eq!(value(&info), "rtt 43 µs");
        let groups = groups(&info);
        assert_eq!(groups, [("time".to_owned(), "rtt 43 µs, rto 200.00 ms".to_owned())]);
    }

    #[test]
    fn structures_become_a_few_words() {
        let shown = |r#type, of| value(&option(r#type, None, of));
        let linger = OptionValue::Linger { on: true, seconds: 5 };
        assert_eq!(shown(OptionType::Linger, linger), "on, 5 s");
        assert_eq!(shown(OptionType::Timeval, OptionValue::Time { us: 0 }), "no limit");
        assert_eq!(shown(OptionType::Timeval, OptionValue::Time { us: 2_500_000 }), "2.5 s");
        assert_eq!(shown(OptionType::Opaque, OptionValue::Text("ab".repeat(41))), "41 bytes");
        assert_eq!(shown(OptionType::Opaque, OptionValue::Text("ab".repeat(40))), "ab".repeat(40));
        let hostile = OptionValue::Text("a\x1b[2Jb".to_owned());
        assert_eq!(shown(OptionType::String, hostile), "a�[2Jb");
        let unknown = option(OptionType::Bool, None, OptionValue::Bool(true));
        assert_eq!(default_value(&unknown), "-");
    }

    #[test]
    fn who_waits_is_one_line() {
        let mut model = IoModel { nonblocking: Some(false), ..IoModel::default() };
        assert_eq!(io_model(&model), "blocking; no thread was found waiting on it");
        model.sigio = Some(SigioOwner { kind: "process".to_owned(), id: 7 });
        model.summary = Some("SIGIO goes to process 7".to_owned());
        assert_eq!(io_model(&model), "blocking; SIGIO goes to process 7");
        model.sigio = None;
        model.watchers.push(Watcher {
            pid: 42,
            kind: "epoll".to_owned(),
            fd: Some(5),
            events: vec!["EPOLLIN".to_owned(), "EPOLLET".to_owned()],
        });
        model.blocked_in.push(BlockedThread { pid: 42, tid: 43, syscall: "epoll_wait".to_owned() });
        model.summary = Some("edge-triggered epoll in one instance".to_owned());
        assert_eq!(
            io_model(&model),
            "blocking; edge-triggered epoll in one instance (epoll 5 of pid 42: EPOLLIN EPOLLET; \
             thread 43 of pid 42 in epoll_wait)"
        );
    }
}
