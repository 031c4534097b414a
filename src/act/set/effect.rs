//! What the kernel made of a value.

use std::io;

use super::words;
use crate::catalog::sockopts::{self, Entry};
use crate::inspect::options::decoded;
use crate::model::options::OptionValue;
use crate::model::set::{PlannedSet, RefusedSet, SetEffect, SetPlan, SetResult};
use crate::sys::errno;
use crate::sys::options::{WasSet, sysctl};

/// A timeout is kept in ticks, which are at most this long.
const TICK_US: i64 = 10_000;

/// What came of one change.
pub(super) fn result(plan: &SetPlan, change: &PlannedSet, told: &WasSet) -> SetResult {
    let entry = sockopts::find(&change.name).map(|(_, entry)| entry);
    let read = |raw: &Option<Box<[u8]>>| decoded(entry?, raw.as_deref()?);
    let (before, after) = (read(&told.before), read(&told.after));
    let (effect, why) = match (told.errno, entry) {
        (Some(number), _) => (SetEffect::Refused, Some(refusal(&change.name, number))),
        (None, Some(entry)) => judged(entry, &change.asked, before.as_ref(), after.as_ref()),
        (None, None) => (SetEffect::AsAsked, None),
    };
    let changed = told.errno.is_none() && before != after;
    let undo = match &before {
        Some(before) if changed => words::undo(plan, &change.name, before),
        _ => Vec::new(),
    };
    let name = |number| errno::name(&io::Error::from_raw_os_error(number)).map(str::to_owned);
    SetResult {
        name: change.name.clone(),
        asked: change.asked.clone(),
        before,
        after,
        effect,
        why,
        errno: told.errno.and_then(name),
        undo,
    }
}

/// What was not even tried.
pub(super) fn not_tried(refused: &RefusedSet) -> SetResult {
    SetResult {
        name: refused.name.clone(),
        asked: refused.asked.clone(),
        before: None,
        after: None,
        effect: SetEffect::Refused,
        why: Some(refused.why.clone()),
        errno: None,
        undo: Vec::new(),
    }
}

fn judged(
    entry: &Entry,
    asked: &OptionValue,
    before: Option<&OptionValue>,
    after: Option<&OptionValue>,
) -> (SetEffect, Option<String>) {
    let Some(after) = after else { return (SetEffect::AsAsked, None) };
    if after == asked || is_same(asked, after) {
        return (SetEffect::AsAsked, None);
    }
    let told = |effect, why: &str| (effect, Some(why.to_owned()));
    let (OptionValue::Number(wanted), OptionValue::Number(is)) = (asked, after) else {
        return match (asked, after) {
            (OptionValue::Time { us: wanted }, OptionValue::Time { us: is })
                if (is - wanted).abs() <= TICK_US =>
            {
                told(SetEffect::Rounded, "the kernel counts it in ticks")
            }
            _ if before == Some(after) => told(SetEffect::Ignored, IGNORED),
            _ => told(SetEffect::Clamped, "the kernel keeps another value"),
        };
    };
    match entry.name.as_str() {
        "SO_RCVBUF" | "SO_SNDBUF" => return buffer(entry, *wanted, *is),
        "TCP_DEFER_ACCEPT" if is > wanted => {
            return told(SetEffect::Rounded, "the kernel counts retransmissions of the SYN-ACK");
        }
        "SO_RCVLOWAT" if *wanted == 0 && *is == 1 => {
            return told(SetEffect::Rounded, "0 means 1");
        }
        "IP_TOS" if wanted & !3 == is & !3 => {
            return told(SetEffect::Rounded, "TCP keeps the two ECN bits to itself");
        }
        _ => {}
    }
    if before == Some(after) {
        return told(SetEffect::Ignored, IGNORED);
    }
    told(SetEffect::Clamped, "the kernel keeps it within its limits")
}

const IGNORED: &str = "the kernel took it and changed nothing";

/// What reads back in another form is the same.
fn is_same(asked: &OptionValue, after: &OptionValue) -> bool {
    match (asked, after) {
        // A time of 0 of a linger that is off does not matter.
        (OptionValue::Linger { on: false, .. }, OptionValue::Linger { on: false, .. }) => true,
        // For ever reads back as nonsense.
        (
            OptionValue::Linger { on: true, seconds },
            OptionValue::Linger { on: true, seconds: is },
        ) => *seconds < 0 && (*is < 0 || *is > i64::from(i32::MAX) / 2),
        _ => false,
    }
}

fn buffer(entry: &Entry, wanted: i64, is: i64) -> (SetEffect, Option<String>) {
    let sysctl_name =
        if entry.name == "SO_RCVBUF" { "net.core.rmem_max" } else { "net.core.wmem_max" };
    if wanted.checked_mul(2) == Some(is) {
        let why = "the kernel doubles it, for its own bookkeeping";
        return (SetEffect::Doubled, Some(why.to_owned()));
    }
    // The kernel reads the number as unsigned: below 0 it is more than any limit.
    if wanted < 0 || wanted.checked_mul(2).is_none_or(|doubled| is < doubled) {
        let limit = sysctl(sysctl_name).map_or(String::new(), |limit| format!(" ({limit})"));
        let below = if wanted < 0 { "a size below 0 is taken for the largest: " } else { "" };
        let why = format!("{below}{sysctl_name}{limit} is the most, doubled");
        return (SetEffect::Clamped, Some(why));
    }
    (SetEffect::Clamped, Some("the kernel keeps no smaller buffer".to_owned()))
}

/// Why the kernel refused, as a clause.
fn refusal(name: &str, number: i32) -> String {
    let error = io::Error::from_raw_os_error(number);
    let known = errno::name(&error).unwrap_or("an unknown error");
    match known {
        "EPERM" | "EACCES" => {
            format!("it is not permitted: it needs CAP_NET_ADMIN, or CAP_NET_RAW ({known})")
        }
        "ENOENT" if name == "TCP_CONGESTION" => {
            let there = sysctl("net.ipv4.tcp_available_congestion_control").unwrap_or_default();
            format!("there is no such algorithm here; there are: {there}")
        }
        "EINVAL" => format!("the kernel takes no such value here ({known})"),
        "EISCONN" => format!("the socket is connected ({known})"),
        _ => format!("the kernel refuses: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, asked: i64, before: i64, after: i64) -> SetEffect {
        let (_, entry) = sockopts::find(name).expect("in the catalogue");
        let number = OptionValue::Number;
        judged(entry, &number(asked), Some(&number(before)), Some(&number(after))).0
    }

    #[test]
    fn what_the_kernel_made_of_a_value_has_a_word() {
        assert_eq!(of("TCP_KEEPIDLE", 30, 7200, 30), SetEffect::AsAsked);
        assert_eq!(of("SO_RCVBUF", 8192, 131_072, 16_384), SetEffect::Doubled);
        assert_eq!(of("SO_RCVBUF", 1 << 30, 131_072, 425_984), SetEffect::Clamped);
        assert_eq!(of("SO_RCVBUF", 1, 131_072, 2304), SetEffect::Clamped);
        assert_eq!(of("SO_RCVBUF", -1, 131_072, 425_984), SetEffect::Clamped);
        assert_eq!(of("TCP_DEFER_ACCEPT", 5, 0, 7), SetEffect::Rounded);
        assert_eq!(of("SO_RCVLOWAT", 0, 1, 1), SetEffect::Rounded);
        assert_eq!(of("TCP_MAXSEG", 1000, 32_768, 32_768), SetEffect::Ignored);
        assert_eq!(of("TCP_WINDOW_CLAMP", 1, 65_535, 1152), SetEffect::Clamped);
    }

    #[test]
    fn a_linger_for_ever_is_as_asked() {
        let linger = |on, seconds| OptionValue::Linger { on, seconds };
        assert!(is_same(&linger(true, -1), &linger(true, -1_752_346_657)));
        assert!(is_same(&linger(false, 0), &linger(false, 5)));
        assert!(!is_same(&linger(true, 5), &linger(true, 6)));
    }
}
