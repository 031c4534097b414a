//! DNS messages (RFC 1035, 4.1), as far as a glance needs them.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Answers that are read.
const MAX_ANSWERS: usize = 16;
/// A name's length in text.
const MAX_NAME: usize = 255;
/// Pointers that a name may follow: more are a loop.
const MAX_JUMPS: usize = 16;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// What joins an answer to its question.
    pub id: u16,
    /// All of its flags.
    pub flags: u16,
    /// Whether it answers.
    pub is_response: bool,
    /// Response code.
    pub code: u8,
    /// Questions, answers, authorities, additionals.
    pub counts: [u16; 4],
    /// The first question.
    pub question: Option<Question>,
    /// The first answers.
    pub answers: Vec<Record>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, without the root's dot.
    pub name: String,
    /// Type of record.
    pub kind: u16,
    /// Bytes of the name in the message.
    pub length: usize,
}

/// A record of the answer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Type and data.
    pub text: String,
    /// Where it stands in the message.
    pub start: usize,
    /// Bytes that it takes.
    pub length: usize,
}

impl fmt::Display for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_response { "answer" } else { "query" };
        write!(f, "{kind} {:#06x}", self.id)?;
        if let Some(question) = &self.question {
            write!(f, " {} {}", type_name(question.kind), question.name)?;
        }
        if !self.is_response {
            return Ok(());
        }
        if self.code != 0 {
            write!(f, " {}", code_name(self.code))?;
        }
        let texts: Vec<&str> = self.answers.iter().map(|answer| answer.text.as_str()).collect();
        if texts.is_empty() { Ok(()) } else { write!(f, ": {}", texts.join(", ")) }
    }
}

/// Reads a message; `None` where it is none. What is cut away is left out.
pub fn message(bytes: &[u8]) -> Option<Dns> {
    let half = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let (id, flags) = (half(0)?, half(2)?);
    let counts = [half(4)?, half(6)?, half(8)?, half(10)?];
    // A handful of questions at most; operation codes up to 6 are in use.
    if counts[0] > 32 || flags >> 11 & 0xf > 6 {
        return None;
    }
    let mut at = 12;
    let mut question = None;
    for index in 0..counts[0] {
        let Some((name, end)) = name(bytes, at) else { break };
        let Some(kind) = half(end) else { break };
        if index == 0 {
            question = Some(Question { name, kind, length: end - at });
        }
        at = end + 4;
    }
    let is_response = flags & 0x8000 != 0;
    let mut answers = Vec::new();
    for _ in 0..usize::from(counts[1]).min(MAX_ANSWERS) {
        let Some((_, end)) = name(bytes, at) else { break };
        let (Some(kind), Some(length)) = (half(end), half(end + 8)) else { break };
        let data = end + 10;
        let after = data + usize::from(length);
        if after > bytes.len() {
            break;
        }
        let text = record(bytes, kind, data, after);
        answers.push(Record { text, start: at, length: after - at });
        at = after;
    }
    Some(Dns { id, flags, is_response, code: (flags & 0xf) as u8, counts, question, answers })
}

fn record(bytes: &[u8], kind: u16, from: usize, to: usize) -> String {
    let data = &bytes[from..to];
    let value = match (kind, data) {
        (1, [a, b, c, d]) => Some(Ipv4Addr::new(*a, *b, *c, *d).to_string()),
        (28, data) => <[u8; 16]>::try_from(data).ok().map(|data| Ipv6Addr::from(data).to_string()),
        (2 | 5 | 12 | 39, _) => name(bytes, from).map(|(name, _)| name),
        (15, _) => name(bytes, from + 2).map(|(name, _)| name),
        (16, [length, text @ ..]) => {
            let text = &text[..usize::from(*length).min(text.len())];
            Some(String::from_utf8_lossy(text).into_owned())
        }
        _ => None,
    };
    match value {
        Some(value) => format!("{} {value}", type_name(kind)),
        None => type_name(kind).into_owned(),
    }
}

/// A name from `at` on, and where what follows it begins.
fn name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut end = None;
    let mut jumps = 0;
    loop {
        let length = *bytes.get(at)?;
        match length {
            0 => {
                let end = end.unwrap_or(at + 1);
                return Some((if text.is_empty() { ".".to_owned() } else { text }, end));
            }
            1..=63 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(length))?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&String::from_utf8_lossy(label));
                at += 1 + usize::from(length);
            }
            192.. => {
                let low = *bytes.get(at + 1)?;
                end.get_or_insert(at + 2);
                at = usize::from(length & 0x3f) << 8 | usize::from(low);
                jumps += 1;
            }
            _ => return None,
        }
        if jumps > MAX_JUMPS || text.len() > 4 * MAX_NAME {
            return None;
        }
    }
}

/// The name of a type of record.
pub(super) fn type_name(kind: u16) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        other => return Cow::Owned(format!("TYPE{other}")),
    })
}

/// The name of a response code of a message's header.
pub fn code_name(code: u8) -> &'static str {
    response_code(code.into()).unwrap_or("reserved")
}

/// IANA's name of a response code, extended ones (RFC 6891) included; `None` for one without.
pub fn response_code(code: u16) -> Option<&'static str> {
    Some(match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        _ => return None,
    })
}
