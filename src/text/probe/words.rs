//! Words that several lines of a connection test are made of.

use std::time::Duration;

use crate::model::probe::IcmpAnswer;
use crate::text::units::{self, UNKNOWN};

/// What an ICMP error says, in the words of its RFC (792, 1122, 1812, 4443).
pub fn icmp_words(answer: IcmpAnswer) -> String {
    let known = match (answer.v6, answer.kind, answer.code) {
        (false, 3, 0) => "network unreachable",
        (false, 3, 1) | (true, 1, 3) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) => "fragmentation needed",
        (false, 3, 6) => "network unknown",
        (false, 3, 7) => "host unknown",
        (false, 3, 9) => "network administratively prohibited",
        (false, 3, 10) => "host administratively prohibited",
        (false, 3, 13) | (true, 1, 1) => "administratively prohibited",
        (false, 11, _) => "time to live exceeded",
        (true, 1, 0) => "no route",
        (true, 1, 5) => "source address failed policy",
        (true, 1, 6) => "route rejected",
        (true, 2, _) => "packet too big",
        (true, 3, _) => "hop limit exceeded",
        (v6, kind, code) => {
            let version = if v6 { "v6" } else { "" };
            return format!("(ICMP{version} type {kind}, code {code})");
        }
    };
    known.to_owned()
}

/// Microseconds in words, `-` when nobody measured any.
pub fn micros(us: Option<u64>) -> String {
    us.map_or_else(|| UNKNOWN.to_owned(), |us| units::duration(Duration::from_micros(us)))
}
