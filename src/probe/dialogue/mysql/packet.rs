//! Packets of MySQL's protocol (MariaDB Knowledge Base, "Clientserver protocol": 0-packet,
//! connection).

use crate::model::dialogue::RefusalCause;

/// What a server's first packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe::dialogue) enum Said {
    /// Its greeting.
    Handshake(Handshake),
    /// That it refuses.
    Error(ErrorPacket),
}

/// A server's greeting, protocol 10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe::dialogue) struct Handshake {
    /// As the server writes it, without the prefix `5.5.5-` that MariaDB puts before it for old
    /// replicas.
    pub version: String,
    /// The number of this connection.
    pub connection: u32,
    /// The capability flags.
    pub capabilities: u32,
    /// MariaDB's further capability flags, where it is a MariaDB.
    pub extended: u32,
    /// The method to log in that it proposes.
    pub auth: Option<String>,
}

/// A server's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe::dialogue) struct ErrorPacket {
    /// 1040, 1129, …
    pub code: u16,
    /// Five letters; `None` before the client has told what it understands.
    pub state: Option<String>,
    /// Its words.
    pub message: String,
}

impl ErrorPacket {
    /// Which refusal of service the code stands for.
    pub(in crate::probe::dialogue) fn cause(&self) -> Option<RefusalCause> {
        Some(match self.code {
            // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED
            1040 | 1203 | 1226 => RefusalCause::TooManyClients,
            // ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_HOST_NOT_PRIVILEGED
            1044 | 1045 | 1130 => RefusalCause::NotAllowed,
            // ER_HOST_IS_BLOCKED
            1129 => RefusalCause::Blocked,
            // ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN
            1053 | 1077 => RefusalCause::Unavailable,
            _ => return None,
        })
    }
}

impl Said {
    /// In words.
    pub(in crate::probe::dialogue) fn in_words(&self) -> String {
        match self {
            Self::Handshake(handshake) => {
                let auth = handshake.auth.as_deref().unwrap_or("none named");
                format!("protocol 10, version {}, login by {auth}", handshake.version)
            }
            Self::Error(error) => format!("error {}: {}", error.code, error.message),
        }
    }
}

/// The payload of the first packet in `bytes`, its sequence number, and how long both are with
/// their header; `None` where it is not complete.
pub(in crate::probe::dialogue) fn packet(bytes: &[u8]) -> Option<(&[u8], u8, usize)> {
    let [a, b, c, sequence, rest @ ..] = bytes else { return None };
    let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
    Some((rest.get(..length)?, *sequence, 4 + length))
}

/// What a server's first packet says; `None` where `bytes` are no such packet, or not all of it.
pub(in crate::probe::dialogue) fn said(bytes: &[u8]) -> Option<Said> {
    let (payload, sequence, _) = packet(bytes)?;
    match payload.first()? {
        10 if sequence == 0 => handshake(payload).map(Said::Handshake),
        0xff if sequence <= 3 => error(payload).map(Said::Error),
        _ => None,
    }
}

/// Whether `bytes` may become such a packet.
pub(in crate::probe::dialogue) fn may_become(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, 0, 0, 10 | 0xff, ..] | [_, _, 0, 0] | [_, _, 0] | [_, _] | [_] | [])
}

fn handshake(payload: &[u8]) -> Option<Handshake> {
    let rest = payload.get(1..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let version = String::from_utf8_lossy(&rest[..end]);
    let version = version.strip_prefix("5.5.5-").unwrap_or(&version).to_owned();
    let rest = &rest[end + 1..];
    let connection = u32::from_le_bytes(*rest.first_chunk()?);
    // Behind it: 8 bytes of the challenge, a filler.
    let rest = rest.get(13..)?;
    let low = u16::from_le_bytes(*rest.first_chunk()?);
    let mut told =
        Handshake { version, connection, capabilities: low.into(), extended: 0, auth: None };
    // Character set, status.
    let Some(rest) = rest.get(5..) else { return Some(told) };
    let Some(high) = rest.first_chunk().map(|bytes| u16::from_le_bytes(*bytes)) else {
        return Some(told);
    };
    told.capabilities |= u32::from(high) << 16;
    let challenge = usize::from(*rest.get(2)?);
    // The flag CLIENT_MYSQL is off for a MariaDB, which then has more flags in the filler.
    if told.capabilities & 1 == 0 {
        told.extended = u32::from_le_bytes(*rest.get(9..)?.first_chunk()?);
    }
    let second = challenge.saturating_sub(8).max(13);
    let auth = rest.get(13 + second..).unwrap_or_default();
    let auth = auth.split(|byte| *byte == 0).next().unwrap_or_default();
    told.auth = (!auth.is_empty()).then(|| String::from_utf8_lossy(auth).into_owned());
    Some(told)
}

/// Reads an error packet's payload.
pub(in crate::probe::dialogue) fn error(payload: &[u8]) -> Option<ErrorPacket> {
    let code = u16::from_le_bytes(*payload.get(1..)?.first_chunk()?);
    let rest = payload.get(3..)?;
    let (state, message) = match rest {
        [b'#', state @ ..] if state.len() >= 5 => {
            (Some(String::from_utf8_lossy(&state[..5]).into_owned()), &state[5..])
        }
        _ => (None, rest),
    };
    Some(ErrorPacket { code, state, message: String::from_utf8_lossy(message).into_owned() })
}

/// The names of capability flags, as MySQL's and MariaDB's headers have them.
pub(in crate::probe::dialogue) fn capability_names(handshake: &Handshake) -> Vec<String> {
    const NAMES: [(u32, &str); 9] = [
        (1 << 5, "compress"),
        (1 << 7, "local_files"),
        (1 << 9, "protocol_41"),
        (1 << 11, "ssl"),
        (1 << 13, "transactions"),
        (1 << 16, "multi_statements"),
        (1 << 19, "plugin_auth"),
        (1 << 24, "deprecate_eof"),
        (1 << 23, "session_track"),
    ];
    let set = NAMES.iter().filter(|(bit, _)| handshake.capabilities & bit != 0);
    let mut names: Vec<String> = set.map(|(_, name)| (*name).to_owned()).collect();
    names.extend(handshake.auth.iter().cloned());
    names
}

/// Puts a header before a payload.
pub(in crate::probe::dialogue) fn framed(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = vec![a, b, c, sequence];
    bytes.extend(payload);
    bytes
}
