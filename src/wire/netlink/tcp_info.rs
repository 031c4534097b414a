//! `struct tcp_info` of `linux/tcp.h`, as long as the running kernel's is.

use std::borrow::Cow;

use super::{u32_at, u64_at};
use crate::model::tcp::TcpInfo;

/// `TCP_INFINITE_SSTHRESH`.
const UNLIMITED_SSTHRESH: u32 = 0x7fff_ffff;

/// Algorithms that ship with Linux: their names need no allocation.
const CONGESTION: [&str; 17] = [
    "cubic",
    "reno",
    "bbr",
    "dctcp",
    "bic",
    "cdg",
    "highspeed",
    "htcp",
    "hybla",
    "illinois",
    "lp",
    "nv",
    "scalable",
    "vegas",
    "veno",
    "westwood",
    "yeah",
];

/// Overwrites `info` with what `bytes` tell; a field that they end before becomes `None`, as
/// does a number that stands for "no such thing yet".
pub fn read_into(info: &mut TcpInfo, bytes: &[u8]) {
    let word = |at| u32_at(bytes, at);
    let long = |at| u64_at(bytes, at);
    info.backoff = bytes.get(4).copied();
    info.rto_us = word(8).filter(|&us| us != 0);
    info.snd_mss_bytes = word(16);
    info.rcv_mss_bytes = word(20);
    info.unacked = word(24);
    info.last_data_sent_ms = word(44);
    info.last_data_received_ms = word(52);
    info.pmtu_bytes = word(60).filter(|&bytes| bytes != 0);
    // 0 until the first sample.
    info.rtt_us = word(68).filter(|&us| us != 0);
    info.rttvar_us = word(72).filter(|_| info.rtt_us.is_some());
    info.ssthresh = word(76).filter(|&segments| segments < UNLIMITED_SSTHRESH);
    info.cwnd = word(80);
    info.retransmits = word(100);
    info.pacing_rate_bytes_per_s = long(104).filter(|&rate| rate != u64::MAX);
    info.bytes_acked = long(120);
    info.bytes_received = long(128);
    info.segs_out = word(136);
    info.segs_in = word(140);
    info.min_rtt_us = word(148).filter(|&us| us != u32::MAX && us != 0);
    // 0 until enough was delivered to measure.
    info.delivery_rate_bytes_per_s = long(160).filter(|&rate| rate != 0);
    info.bytes_sent = long(200);
    info.bytes_retransmitted = long(208);
    info.snd_wnd_bytes = word(228);
}

/// Overwrites the name of the algorithm, keeping the old allocation where it is the same.
pub fn set_congestion(info: &mut TcpInfo, name: Option<&[u8]>) {
    let same = info.congestion.as_ref().map(|name| name.as_bytes()) == name;
    if !same {
        info.congestion = name.map(congestion);
    }
}

fn congestion(name: &[u8]) -> Cow<'static, str> {
    match CONGESTION.iter().find(|known| known.as_bytes() == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(String::from_utf8_lossy(name).into_owned()),
    }
}
