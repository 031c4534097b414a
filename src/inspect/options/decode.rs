//! What getsockopt returned, as the value that the catalogue's type names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::catalog::sockopts::Entry;
use crate::model::options::{OptionType, OptionValue};

use super::hex;

/// The typed value; bytes that do not fit the type are shown as bytes.
pub(super) fn value_or_bytes(entry: &Entry, raw: &[u8]) -> (OptionType, OptionValue) {
    match value(entry, raw) {
        Some(value) => (entry.r#type, value),
        None => (OptionType::Opaque, OptionValue::Text(hex(raw))),
    }
}

/// The value of an option's own type; `None` where the bytes do not fit it.
pub(super) fn value(entry: &Entry, raw: &[u8]) -> Option<OptionValue> {
    Some(match entry.r#type {
        OptionType::Bool => OptionValue::Bool(signed(raw)? != 0),
        OptionType::Int | OptionType::Bytes => OptionValue::Number(signed(raw)?),
        OptionType::Unsigned => unsigned_value(raw)?,
        OptionType::Enum => OptionValue::Text(enum_name(entry, signed(raw)?)),
        OptionType::Flags => OptionValue::Names(flag_names(entry, unsigned(first_int(raw)?)?)),
        OptionType::Linger => linger(raw)?,
        OptionType::Timeval => OptionValue::Time { us: timeval_us(raw)? },
        OptionType::String => OptionValue::Text(string(raw)),
        OptionType::Ucred => credentials(raw)?,
        OptionType::Address => OptionValue::Text(address(raw)?),
        OptionType::Opaque => OptionValue::Text(hex(raw)),
    })
}

fn signed(raw: &[u8]) -> Option<i64> {
    match raw.len() {
        1 => raw.first().map(|byte| i64::from(*byte)),
        4 => Some(i64::from(i32::from_ne_bytes(raw.try_into().ok()?))),
        8 => Some(i64::from_ne_bytes(raw.try_into().ok()?)),
        _ => None,
    }
}

fn unsigned(raw: &[u8]) -> Option<i64> {
    match raw.len() {
        4 => Some(i64::from(u32::from_ne_bytes(raw.try_into().ok()?))),
        8 => i64::try_from(u64::from_ne_bytes(raw.try_into().ok()?)).ok(),
        _ => None,
    }
}

fn unsigned_value(raw: &[u8]) -> Option<OptionValue> {
    if let Ok(raw) = raw.try_into() {
        let number = u64::from_ne_bytes(raw);
        return Some(i64::try_from(number).map_or(OptionValue::Large(number), OptionValue::Number));
    }
    unsigned(raw).map(OptionValue::Number)
}

/// Flags may be followed by more, as in `struct so_timestamping`.
fn first_int(raw: &[u8]) -> Option<&[u8]> {
    raw.get(..4)
}

fn ints<const N: usize>(raw: &[u8]) -> Option<[i32; N]> {
    if raw.len() != 4 * N {
        return None;
    }
    let mut numbers = [0; N];
    for (number, bytes) in numbers.iter_mut().zip(raw.chunks_exact(4)) {
        *number = i32::from_ne_bytes(bytes.try_into().ok()?);
    }
    Some(numbers)
}

fn enum_name(entry: &Entry, number: i64) -> String {
    entry.value_name(number).map_or_else(|| number.to_string(), str::to_owned)
}

fn flag_names(entry: &Entry, mask: i64) -> Vec<String> {
    let set = entry.values.iter().filter(|(_, bit)| mask & bit != 0);
    let mut names: Vec<String> = set.map(|(name, _)| name.clone()).collect();
    let unknown = entry.values.iter().fold(mask, |rest, (_, bit)| rest & !bit);
    if unknown != 0 {
        names.push(format!("{unknown:#x}"));
    }
    names
}

fn linger(raw: &[u8]) -> Option<OptionValue> {
    let [on, seconds] = ints(raw)?;
    Some(OptionValue::Linger { on: on != 0, seconds: i64::from(seconds) })
}

/// `struct timeval` with 32-bit or 64-bit members.
fn timeval_us(raw: &[u8]) -> Option<i64> {
    let half = raw.len() / 2;
    let (seconds, us) = (signed(&raw[..half])?, signed(&raw[half..])?);
    (half >= 4).then(|| seconds.saturating_mul(1_000_000).saturating_add(us))
}

fn string(raw: &[u8]) -> String {
    let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    String::from_utf8_lossy(&raw[..end]).into_owned()
}

fn credentials(raw: &[u8]) -> Option<OptionValue> {
    let [pid, uid, gid] = ints(raw)?;
    Some(OptionValue::Credentials { pid, uid: uid as u32, gid: gid as u32 })
}

/// `struct in_addr`, or `struct sockaddr` of a family that sockpit knows.
fn address(raw: &[u8]) -> Option<String> {
    if let Ok(octets) = <[u8; 4]>::try_from(raw) {
        return Some(Ipv4Addr::from(octets).to_string());
    }
    let family = i32::from(u16::from_ne_bytes(raw.get(..2)?.try_into().ok()?));
    let family = super::sockopts::find("SO_DOMAIN")?.1.value_name(i64::from(family))?;
    let port = || Some(u16::from_be_bytes(raw.get(2..4)?.try_into().ok()?));
    match family {
        "AF_INET" => {
            let octets: [u8; 4] = raw.get(4..8)?.try_into().ok()?;
            Some(SocketAddr::new(IpAddr::from(octets), port()?).to_string())
        }
        "AF_INET6" => {
            let octets: [u8; 16] = raw.get(8..24)?.try_into().ok()?;
            Some(SocketAddr::new(Ipv6Addr::from(octets).into(), port()?).to_string())
        }
        "AF_UNIX" => Some(unix_name(raw.get(2..)?)),
        _ => None,
    }
}

/// A path, an abstract name with a leading `@`, or nothing for an unnamed socket.
fn unix_name(name: &[u8]) -> String {
    match name.split_first() {
        Some((0, [])) | None => String::new(),
        Some((0, name)) => format!("@{}", String::from_utf8_lossy(name)),
        Some(_) => string(name),
    }
}
