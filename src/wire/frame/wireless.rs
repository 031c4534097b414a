//! IEEE 802.11 frames, and the headers that capture programs put before them.
//!
//! Only data frames that are not encrypted carry anything that can be read further.

use super::payload::{cut_link, llc};
use super::summary::{Layers, Network, Summary};

/// Bytes of a data frame's header with three addresses.
const HEADER: usize = 24;
/// The fourth address, between two access points.
const FOURTH_ADDRESS: usize = 6;
const QOS_CONTROL: usize = 2;
const HT_CONTROL: usize = 4;
/// Addresses and length before each part of an aggregate (A-MSDU).
const SUBFRAME_HEADER: usize = 14;

/// Second byte of the frame control field.
const TO_AND_FROM_DS: u8 = 0x03;
const PROTECTED: u8 = 0x40;
const HT_CONTROL_FOLLOWS: u8 = 0x80;
/// First byte of the QoS control field.
const AGGREGATE: u8 = 0x80;

/// A frame from its frame control field on (IEEE 802.11, 9.2 and 9.3.2).
pub(super) fn ieee80211(frame: &[u8]) -> Summary {
    data_frame(frame, false)
}

/// `padded` headers are followed by zeros up to a multiple of four bytes.
fn data_frame(frame: &[u8], padded: bool) -> Summary {
    let [first, flags, ..] = *frame else { return cut_link() };
    let (version, kind, subtype) = (first & 3, first >> 2 & 3, first >> 4);
    if version != 0 {
        return Summary::UNREADABLE;
    }
    let beyond =
        |truncated| Summary { layers: Layers::WIRELESS, network: Network::Beyond, truncated };
    let (is_data, is_qos, is_empty) = (kind == 2, subtype & 8 != 0, subtype & 4 != 0);
    if !is_data || is_empty || flags & PROTECTED != 0 {
        return beyond(false);
    }
    let mut header = HEADER;
    if flags & TO_AND_FROM_DS == TO_AND_FROM_DS {
        header += FOURTH_ADDRESS;
    }
    if is_qos {
        let is_aggregate = frame.get(header).is_some_and(|control| control & AGGREGATE != 0);
        header += QOS_CONTROL;
        if flags & HT_CONTROL_FOLLOWS != 0 {
            header += HT_CONTROL;
        }
        if is_aggregate {
            header += SUBFRAME_HEADER;
        }
    }
    if padded {
        header = header.next_multiple_of(4);
    }
    match frame.get(header..) {
        Some(payload) => llc(payload, Layers::WIRELESS),
        None => beyond(true),
    }
}

/// Radiotap (<https://www.radiotap.org>): a length, bits that say which fields follow, the
/// fields, and the frame.
pub(super) fn radiotap(frame: &[u8]) -> Summary {
    let [version, _, low, high, ..] = *frame else { return cut_link() };
    let length = usize::from(u16::from_le_bytes([low, high]));
    if version != 0 || length < 8 {
        return Summary::UNREADABLE;
    }
    match frame.split_at_checked(length) {
        Some((header, frame)) => data_frame(frame, is_padded(header)),
        None => cut_link(),
    }
}

/// Whether the flags field says that zeros stand between header and payload.
fn is_padded(header: &[u8]) -> bool {
    const TIME: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const MORE: u32 = 1 << 31;
    const PADDED: u8 = 0x20;
    let mut words = header[4..].chunks_exact(4).map(|word| {
        let word: [u8; 4] = word.try_into().unwrap_or_default();
        u32::from_le_bytes(word)
    });
    let Some(present) = words.next().filter(|present| present & FLAGS != 0) else { return false };
    let mut at = 8usize;
    let mut last = present;
    while last & MORE != 0 {
        let Some(next) = words.next() else { return false };
        last = next;
        at += 4;
    }
    if present & TIME != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    header.get(at).is_some_and(|flags| flags & PADDED != 0)
}

/// The older headers: Prism has 144 bytes, AVS begins with 0x80211 and tells its length.
pub(super) fn prism_or_avs(frame: &[u8]) -> Summary {
    const PRISM: usize = 144;
    let Some((begin, rest)) = frame.split_first_chunk::<4>() else { return cut_link() };
    let length = match u32::from_be_bytes(*begin) {
        0x8021_1000..=0x8021_10ff => match rest.first_chunk::<4>() {
            Some(length) => u32::from_be_bytes(*length) as usize,
            None => return cut_link(),
        },
        _ => PRISM,
    };
    frame.get(length..).map_or_else(cut_link, ieee80211)
}
