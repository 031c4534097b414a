//! Telnet's commands in words: the negotiation of options (RFC 854, 855; IANA's registry).

/// Interpret as command.
pub(in crate::probe::dialogue) const IAC: u8 = 255;
/// Begin of a subnegotiation.
pub(in crate::probe::dialogue) const SB: u8 = 250;
/// End of a subnegotiation.
pub(in crate::probe::dialogue) const SE: u8 = 240;
/// The sender will use an option.
pub(in crate::probe::dialogue) const WILL: u8 = 251;
/// The sender will not.
pub(in crate::probe::dialogue) const WONT: u8 = 252;
/// The receiver shall use it.
pub(in crate::probe::dialogue) const DO: u8 = 253;
/// The receiver shall not.
pub(in crate::probe::dialogue) const DONT: u8 = 254;

/// The most negotiations that are put into words.
const MOST: usize = 64;

/// A piece of a Telnet stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe::dialogue) enum Piece<'a> {
    /// Bytes for the screen; a doubled 255 is not undone.
    Data(&'a [u8]),
    /// WILL, WONT, DO or DONT, and the option.
    Negotiation(u8, u8),
    /// Any other command, subnegotiations included.
    Command(u8),
}

/// The next piece and its length; `None` where it is not complete yet, or nothing is left.
pub(in crate::probe::dialogue) fn next(bytes: &[u8]) -> Option<(Piece<'_>, usize)> {
    match bytes {
        [] | [IAC] => None,
        [IAC, verb @ WILL..=DONT, option, ..] => Some((Piece::Negotiation(*verb, *option), 3)),
        [IAC, WILL..=DONT] => None,
        [IAC, SB, rest @ ..] => {
            let end = rest.windows(2).position(|pair| pair == [IAC, SE])?;
            Some((Piece::Command(SB), 2 + end + 2))
        }
        [IAC, command, ..] => Some((Piece::Command(*command), 2)),
        _ => {
            let end = bytes.iter().position(|byte| *byte == IAC).unwrap_or(bytes.len());
            Some((Piece::Data(&bytes[..end]), end))
        }
    }
}

/// A stream's negotiations and text: `DO TERMINAL-TYPE, WILL ECHO; login:`.
pub(in crate::probe::dialogue) fn in_words(bytes: &[u8]) -> String {
    let (mut said, mut text) = (Vec::new(), String::new());
    let mut rest = bytes;
    while let Some((piece, length)) = next(rest) {
        match piece {
            Piece::Negotiation(verb, option) if said.len() < MOST => {
                said.push(negotiation(verb, option));
            }
            Piece::Data(data) => text.push_str(&String::from_utf8_lossy(data)),
            Piece::Negotiation(..) | Piece::Command(_) => {}
        }
        rest = &rest[length..];
    }
    let said = said.join(", ");
    match text.trim() {
        "" => said,
        text => format!("{said}; {text}"),
    }
}

/// `DO TERMINAL-TYPE`.
pub(in crate::probe::dialogue) fn negotiation(verb: u8, option: u8) -> String {
    let verb = match verb {
        WILL => "WILL",
        WONT => "WONT",
        DO => "DO",
        _ => "DONT",
    };
    match name(option) {
        Some(name) => format!("{verb} {name}"),
        None => format!("{verb} {option}"),
    }
}

fn name(option: u8) -> Option<&'static str> {
    Some(match option {
        0 => "BINARY",
        1 => "ECHO",
        3 => "SUPPRESS-GO-AHEAD",
        5 => "STATUS",
        6 => "TIMING-MARK",
        23 => "SEND-LOCATION",
        24 => "TERMINAL-TYPE",
        25 => "END-OF-RECORD",
        31 => "WINDOW-SIZE",
        32 => "TERMINAL-SPEED",
        33 => "REMOTE-FLOW-CONTROL",
        34 => "LINEMODE",
        35 => "X-DISPLAY-LOCATION",
        36 => "OLD-ENVIRON",
        37 => "AUTHENTICATION",
        38 => "ENCRYPT",
        39 => "NEW-ENVIRON",
        40 => "TN3270E",
        42 => "CHARSET",
        44 => "COM-PORT",
        46 => "START-TLS",
        _ => return None,
    })
}
