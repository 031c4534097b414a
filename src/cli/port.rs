//! `PORT[/tcp|/udp]` as several subcommands take it.

use std::net::IpAddr;

use super::Failure;
use crate::catalog::services;
use crate::model::socket::Protocol;

/// A port of one protocol, as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// 1 to 65535.
    pub(super) number: u16,
    /// UDP instead of TCP.
    pub(super) udp: bool,
}

impl Port {
    /// Reads `8080`, `8080/tcp`, `53/udp`, or a service's name in place of the number.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let (port, udp) = match text.split_once('/') {
            None => (text, false),
            Some((port, "tcp")) => (port, false),
            Some((port, "udp")) => (port, true),
            Some((_, other)) => {
                let what = format!("`{other}` in `{text}` is no protocol that has ports here");
                return Err(Failure::usage(format!("{what}: write /tcp or /udp")));
            }
        };
        Ok(Self { number: parse_number(port, udp)?, udp })
    }
}

fn parse_number(text: &str, udp: bool) -> Result<u16, Failure> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
    let sentence = match text.parse() {
        Ok(0) => "0 is no port that anyone can hold: write 1 to 65535".to_owned(),
        Ok(port) if digits => return Ok(port),
        _ if digits => format!("{text} is no port: the last is 65535"),
        _ => match services::port(protocol, text) {
            Some(port) => return Ok(port),
            None => format!(
                "`{text}` is no port, nor the name of a {} service: write 1 to 65535",
                protocol.name()
            ),
        },
    };
    Err(Failure::usage(sentence))
}

/// Reads an IP address, also in the brackets that URLs put around IPv6.
pub(super) fn parse_addr(text: &str) -> Result<IpAddr, String> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inner
        .parse()
        .map_err(|_| "it is no IP address: write one such as 127.0.0.1, 0.0.0.0 or ::1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_with_and_without_a_protocol() {
        let port = |text| Port::parse(text).unwrap();
        assert_eq!(port("8080"), Port { number: 8080, udp: false });
        assert_eq!(port("8080/tcp"), Port { number: 8080, udp: false });
        assert_eq!(port("53/udp"), Port { number: 53, udp: true });
        assert_eq!(port("https"), Port { number: 443, udp: false });
        assert_eq!(port("domain/udp"), Port { number: 53, udp: true });
    }

    #[test]
    fn what_is_no_port_is_named_with_what_would_be_right() {
        for bad in ["0", "70000", "-1", "+80", "http!", "", "80/sctp", "80/", "/udp"] {
            let failure = Port::parse(bad).unwrap_err();
            assert_eq!(failure.exit(), super::super::Exit::Usage, "{bad}");
            let sentence = failure.to_string();
            assert!(sentence.contains("65535") || sentence.contains("/tcp"), "{bad}: {sentence}");
        }
        assert!(Port::parse("70000").unwrap_err().to_string().contains("70000"));
    }
}
