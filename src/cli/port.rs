//! `PORT[/tcp|/udp]` as several subcommands take it.

use super::Failure;

/// A port of one protocol, as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// 1 to 65535.
    pub(super) number: u16,
    /// UDP instead of TCP.
    pub(super) udp: bool,
}

impl Port {
    /// Reads `8080`, `8080/tcp` or `53/udp`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let (number, udp) = match text.split_once('/') {
            None => (text, false),
            Some((number, "tcp")) => (number, false),
            Some((number, "udp")) => (number, true),
            Some((_, other)) => {
                let what = format!("`{other}` in `{text}` is no protocol that has ports here");
                return Err(Failure::usage(format!("{what}: write /tcp or /udp")));
            }
        };
        Ok(Self { number: parse_number(number)?, udp })
    }
}

fn parse_number(text: &str) -> Result<u16, Failure> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(0) => Err(Failure::usage("0 is no port that anyone can hold: write 1 to 65535")),
        Ok(port) => Ok(port),
        Err(_) if digits => Err(Failure::usage(format!("{text} is no port: the last is 65535"))),
        Err(_) => {
            Err(Failure::usage(format!("`{text}` is no port: write a number from 1 to 65535")))
        }
    }
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
