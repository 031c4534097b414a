//! Structures that getsockopt returns, field by field. What the running kernel's structure is too
//! short for is left out; a cut one gives fewer fields, never an error.

mod tables;

use std::borrow::Cow;

use crate::model::options::{OptionPart, OptionValue, Structure};
use tables::{
    BBR, DCTCP, Field, MEMINFO, MPTCP_INFO, PATH_MTU, REPAIR_WINDOW, ROLLOVER_STATS, TCP_INFO,
    TCP_STATES, TXTIME, VEGAS, XDP_STATISTICS,
};

/// `TCP_LISTEN` of the kernel's tcp_states.h.
const LISTEN: u8 = 10;

/// The fields of a structure; `algorithm` is the connection's congestion control.
pub fn parts(structure: Structure, raw: &[u8], algorithm: Option<&str>) -> Vec<OptionPart> {
    match structure {
        Structure::TcpInfo => tcp_info(raw),
        Structure::TcpCcInfo => match algorithm {
            Some("bbr") => fields(BBR, raw),
            Some("dctcp") => fields(DCTCP, raw),
            Some("vegas") => fields(VEGAS, raw),
            _ => Vec::new(),
        },
        Structure::Meminfo => fields(MEMINFO, raw),
        Structure::Txtime => fields(TXTIME, raw),
        Structure::PathMtu => fields(PATH_MTU, raw),
        Structure::RepairWindow => fields(REPAIR_WINDOW, raw),
        Structure::MptcpInfo => fields(MPTCP_INFO, raw),
        Structure::XdpStatistics => fields(XDP_STATISTICS, raw),
        Structure::RolloverStats => fields(ROLLOVER_STATS, raw),
        Structure::Groups => list("gid", raw.chunks_exact(4).filter_map(unsigned)),
        Structure::Bitmap => list("group", bits(raw).map(|bit| bit + 1)),
        Structure::IcmpFilter | Structure::Icmp6Filter => list("dropped type", bits(raw)),
        Structure::IpOptions => ip_options(raw),
    }
}

fn tcp_info(raw: &[u8]) -> Vec<OptionPart> {
    let Some(&state) = raw.first() else { return Vec::new() };
    let name = TCP_STATES.get(usize::from(state)).copied().unwrap_or("unknown");
    let mut all = vec![part("state", "state", OptionValue::Text(name.to_owned()), "")];
    if state == LISTEN {
        // A listener has its queue in the place of these two.
        let queue = [(24, "waiting"), (28, "limit")];
        all.extend(queue.iter().filter_map(|(at, name)| {
            Some(part("queue", name, number(raw.get(*at..at + 4)?)?, "connections"))
        }));
        return all;
    }
    if let Some(&options) = raw.get(5) {
        let known = ["timestamps", "sack", "wscale", "ecn", "ecn_seen", "syn_data"];
        let set = known.iter().enumerate().filter(|(bit, _)| options >> bit & 1 == 1);
        let names = set.map(|(_, name)| (*name).to_owned()).collect();
        all.push(part("state", "options", OptionValue::Names(names), ""));
    }
    if let (Some(&scale), Some(&options)) = (raw.get(6), raw.get(5))
        && options & 4 != 0
    {
        // Bit fields begin at the low bits here, and at the high ones on big-endian machines.
        let (low, high) = (scale & 15, scale >> 4);
        let (snd, rcv) = if is_little_endian() { (low, high) } else { (high, low) };
        all.push(part("window", "snd_wscale", OptionValue::Number(snd.into()), "bits"));
        all.push(part("window", "rcv_wscale", OptionValue::Number(rcv.into()), "bits"));
    }
    all.extend(fields(TCP_INFO, raw));
    all
}

/// IP options by name, as RFC 791 numbers them; what is no whole option ends the list.
fn ip_options(mut raw: &[u8]) -> Vec<OptionPart> {
    let mut names = Vec::new();
    while let Some((&kind, rest)) = raw.split_first() {
        if kind == 0 {
            break;
        }
        let length = if kind == 1 { 1 } else { rest.first().copied().unwrap_or(0).into() };
        if length == 0 || length > raw.len() {
            break;
        }
        names.push(match kind {
            1 => "no operation".to_owned(),
            7 => "record route".to_owned(),
            68 => "time stamp".to_owned(),
            130 => "security".to_owned(),
            131 => "loose source route".to_owned(),
            137 => "strict source route".to_owned(),
            148 => "router alert".to_owned(),
            other => format!("option {other}"),
        });
        raw = &raw[length..];
    }
    match names.is_empty() {
        true => Vec::new(),
        false => vec![part("", "options", OptionValue::Names(names), "")],
    }
}

fn fields(table: &[Field], raw: &[u8]) -> Vec<OptionPart> {
    let told = table.iter().filter_map(|(at, length, group, name, unit)| {
        Some(part(group, name, number(raw.get(*at..at + length)?)?, unit))
    });
    told.collect()
}

fn list(name: &'static str, numbers: impl Iterator<Item = u64>) -> Vec<OptionPart> {
    let values: Vec<String> = numbers.map(|number| number.to_string()).collect();
    match values.is_empty() {
        true => Vec::new(),
        false => vec![part("", name, OptionValue::Names(values), "")],
    }
}

/// The numbers of the bits that are set, in words of 32 bits.
fn bits(raw: &[u8]) -> impl Iterator<Item = u64> {
    let words = raw.chunks_exact(4).filter_map(unsigned).enumerate();
    words.flat_map(|(index, word)| {
        let set = (0..32).filter(move |bit| word >> bit & 1 == 1);
        set.map(move |bit| index as u64 * 32 + bit)
    })
}

fn is_little_endian() -> bool {
    1_u16.to_ne_bytes() == [1, 0]
}

fn number(raw: &[u8]) -> Option<OptionValue> {
    let number = unsigned(raw)?;
    Some(i64::try_from(number).map_or(OptionValue::Large(number), OptionValue::Number))
}

fn unsigned(raw: &[u8]) -> Option<u64> {
    Some(match raw.len() {
        1 => raw[0].into(),
        2 => u16::from_ne_bytes(raw.try_into().ok()?).into(),
        4 => u32::from_ne_bytes(raw.try_into().ok()?).into(),
        8 => u64::from_ne_bytes(raw.try_into().ok()?),
        _ => return None,
    })
}

fn part(
    group: &'static str,
    name: &'static str,
    value: OptionValue,
    unit: &'static str,
) -> OptionPart {
    let unit = (!unit.is_empty()).then_some(Cow::Borrowed(unit));
    OptionPart { group: group.into(), name: name.into(), value, unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(parts: &'a [OptionPart], name: &str) -> &'a OptionValue {
        &parts.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("{name}")).value
    }

    #[test]
    fn a_connection_is_told_in_groups() {
        let mut raw = vec![0_u8; 280];
        raw[0] = 1;
        raw[5] = 0b0111;
        raw[6] = 0xa7_u8.rotate_left(if is_little_endian() { 0 } else { 4 });
        raw[68..72].copy_from_slice(&1500_u32.to_ne_bytes());
        raw[104..112].copy_from_slice(&u64::MAX.to_ne_bytes());
        let parts = parts(Structure::TcpInfo, &raw, None);
        assert_eq!(of(&parts, "state"), &OptionValue::Text("ESTABLISHED".to_owned()));
        assert_eq!(of(&parts, "rtt"), &OptionValue::Number(1500));
        assert_eq!(of(&parts, "snd_wscale"), &OptionValue::Number(7));
        assert_eq!(of(&parts, "rcv_wscale"), &OptionValue::Number(10));
        assert_eq!(of(&parts, "pacing_rate"), &OptionValue::Large(u64::MAX));
        let groups: Vec<&str> = parts.iter().map(|part| &*part.group).collect();
        assert!(
            ["state", "time", "window", "loss", "traffic"].iter().all(|of| groups.contains(of))
        );
    }

    #[test]
    fn a_listener_has_a_queue() {
        let mut raw = vec![0_u8; 280];
        raw[0] = LISTEN;
        raw[24..28].copy_from_slice(&3_u32.to_ne_bytes());
        raw[28..32].copy_from_slice(&128_u32.to_ne_bytes());
        let parts = parts(Structure::TcpInfo, &raw, None);
        assert_eq!(of(&parts, "waiting"), &OptionValue::Number(3));
        assert_eq!(of(&parts, "limit"), &OptionValue::Number(128));
        assert_eq!(parts.len(), 3);
    }

    #[test]
    fn lists_and_bitmaps_are_numbers() {
        let raw: Vec<u8> = [4_u32, 27].iter().flat_map(|gid| gid.to_ne_bytes()).collect();
        let gids = parts(Structure::Groups, &raw, None);
        assert_eq!(gids[0].value, OptionValue::Names(vec!["4".into(), "27".into()]));
        let map: Vec<u8> = [1_u32, 2].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let groups = parts(Structure::Bitmap, &map, None);
        assert_eq!(groups[0].value, OptionValue::Names(vec!["1".into(), "34".into()]));
        assert!(parts(Structure::Groups, &[], None).is_empty());
        let options = parts(Structure::IpOptions, &[1, 148, 4, 0, 0, 0], None);
        let names = vec!["no operation".to_owned(), "router alert".to_owned()];
        assert_eq!(options[0].value, OptionValue::Names(names));
    }

    #[test]
    fn every_prefix_is_told_as_far_as_it_goes() {
        let raw = [0xff_u8; 600];
        for structure in [
            Structure::TcpInfo,
            Structure::TcpCcInfo,
            Structure::Meminfo,
            Structure::Txtime,
            Structure::Groups,
            Structure::PathMtu,
            Structure::RepairWindow,
            Structure::MptcpInfo,
            Structure::XdpStatistics,
            Structure::IpOptions,
            Structure::Bitmap,
            Structure::IcmpFilter,
            Structure::Icmp6Filter,
        ] {
            let mut most = 0;
            for end in 0..raw.len() {
                let told = parts(structure, &raw[..end], Some("bbr")).len();
                assert!(told >= most, "{structure:?} of {end} bytes");
                most = told;
            }
        }
    }
}
