//! What TCP_INFO tells of a connection, in its units.

use std::time::Duration;

use super::fact::Fact;
use crate::model::tcp::TcpInfo;
use crate::text::{clean, units};

/// The facts, as far as the kernel tells them. `passed` is the time since they were read: the
/// times since data moved ran on meanwhile.
pub(super) fn facts(tcp: &TcpInfo, passed: Duration) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("rtt", rtt(tcp));
    add("rto", timeout(tcp));
    add("congestion", tcp.congestion.as_deref().map(|name| clean(name).into_owned()));
    add("cwnd", window(tcp));
    add("mss", sizes(tcp));
    add("retransmits", retransmits(tcp));
    add("sent", sent(tcp));
    add("received", received(tcp));
    add("last data", last_data(tcp, passed));
    add("delivery", tcp.delivery_rate_bytes_per_s.filter(|rate| *rate > 0).map(per_second));
    add("pacing", tcp.pacing_rate_bytes_per_s.map(per_second));
    facts
}

fn us(us: u32) -> String {
    units::duration(Duration::from_micros(us.into()))
}

fn per_second(rate: u64) -> String {
    units::bytes_per_second(rate as f64)
}

/// The parts that are known, with commas between.
fn list<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn rtt(tcp: &TcpInfo) -> Option<String> {
    let deviation = tcp.rttvar_us.map(|var| format!(" ± {}", us(var))).unwrap_or_default();
    list([
        tcp.rtt_us.map(|rtt| format!("{}{deviation}", us(rtt))),
        tcp.min_rtt_us.map(|min| format!("least {}", us(min))),
    ])
}

fn timeout(tcp: &TcpInfo) -> Option<String> {
    list([
        tcp.rto_us.map(us),
        tcp.backoff.filter(|n| *n > 0).map(|n| format!("after {n} timeouts in a row")),
    ])
}

fn window(tcp: &TcpInfo) -> Option<String> {
    let segments = |n: u32| format!("{n} segment{}", if n == 1 { "" } else { "s" });
    list([
        tcp.cwnd.map(segments),
        tcp.ssthresh.map(|n| format!("slow start to {n}")),
        tcp.unacked.map(|n| format!("{n} in flight")),
        tcp.snd_wnd_bytes.map(|bytes| format!("the peer takes {}", units::bytes(bytes.into()))),
    ])
}

fn sizes(tcp: &TcpInfo) -> Option<String> {
    let bytes =
        |what: &str, n: Option<u32>| n.map(|n| format!("{what} {}", units::bytes(n.into())));
    list([
        bytes("sends", tcp.snd_mss_bytes),
        bytes("expects", tcp.rcv_mss_bytes),
        bytes("path", tcp.pmtu_bytes),
    ])
}

fn retransmits(tcp: &TcpInfo) -> Option<String> {
    list([
        tcp.retransmits.map(|n| units::count(n.into())),
        tcp.bytes_retransmitted.filter(|bytes| *bytes > 0).map(units::bytes),
    ])
}

fn sent(tcp: &TcpInfo) -> Option<String> {
    list([
        tcp.bytes_sent.map(units::bytes),
        tcp.bytes_acked.map(|bytes| format!("{} acknowledged", units::bytes(bytes))),
        tcp.segs_out.map(|n| format!("{} segments", units::count(n.into()))),
    ])
}

fn received(tcp: &TcpInfo) -> Option<String> {
    list([
        tcp.bytes_received.map(units::bytes),
        tcp.segs_in.map(|n| format!("{} segments", units::count(n.into()))),
    ])
}

fn last_data(tcp: &TcpInfo, passed: Duration) -> Option<String> {
    let ago = |what: &str, ms: Option<u32>| {
        let time = Duration::from_millis(ms?.into()) + passed;
        Some(format!("{what} {} ago", units::duration(time)))
    };
    // A direction in which nothing ever moved counts from the connection's start.
    list([
        ago("sent", tcp.last_data_sent_ms.filter(|_| tcp.bytes_sent != Some(0))),
        ago("received", tcp.last_data_received_ms.filter(|_| tcp.bytes_received != Some(0))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(tcp: &TcpInfo, name: &str) -> Option<String> {
        let facts = facts(tcp, Duration::from_secs(2));
        facts.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    #[test]
    fn numbers_have_their_units() {
        let tcp = TcpInfo {
            rtt_us: Some(1_204),
            rttvar_us: Some(600),
            min_rtt_us: Some(850),
            rto_us: Some(204_000),
            backoff: Some(3),
            cwnd: Some(10),
            unacked: Some(2),
            snd_wnd_bytes: Some(65_536),
            bytes_sent: Some(12_400_000),
            bytes_acked: Some(12_000_000),
            segs_out: Some(9_000),
            retransmits: Some(1_204),
            bytes_retransmitted: Some(5_000),
            last_data_sent_ms: Some(3_000),
            last_data_received_ms: Some(3_000),
            bytes_received: Some(0),
            ..TcpInfo::default()
        };
        let fact = |name| fact(&tcp, name).unwrap_or_default();
        assert_eq!(fact("rtt"), "1.20 ms ± 600 µs, least 850 µs");
        assert_eq!(fact("rto"), "204.00 ms, after 3 timeouts in a row");
        assert_eq!(fact("cwnd"), "10 segments, 2 in flight, the peer takes 65.5 kB");
        assert_eq!(fact("sent"), "12.4 MB, 12.0 MB acknowledged, 9,000 segments");
        assert_eq!(fact("retransmits"), "1,204, 5.00 kB");
        assert_eq!(fact("last data"), "sent 5.0 s ago", "nothing was ever received");
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_left_out() {
        assert!(facts(&TcpInfo::default(), Duration::ZERO).is_empty());
    }
}
