//! HTTP/2's frames (RFC 9113, 4 and 6).

use crate::probe::dialogue::inbox::Inbox;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// The largest frame that is permitted without an agreement (SETTINGS_MAX_FRAME_SIZE).
const MOST: usize = 16_384;

/// Kinds of frames that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Reset,
    Settings,
    Ping,
    GoAway,
    Continuation,
    Other,
}

/// A whole frame.
pub(super) struct Frame {
    pub kind: Kind,
    flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// Why there is no frame.
pub(super) enum Problem {
    /// Its length is more than was agreed.
    TooLong,
}

impl Frame {
    pub(super) fn is_ack(&self) -> bool {
        self.flags & ACK != 0
    }

    pub(super) fn ends_headers(&self) -> bool {
        self.flags & END_HEADERS != 0
    }

    pub(super) fn ends_stream(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & END_STREAM != 0
    }

    /// The piece of a header block, or of a body, that it carries, without padding and priority.
    pub(super) fn content(&self) -> Option<&[u8]> {
        if self.kind == Kind::Continuation {
            return Some(&self.payload);
        }
        let mut rest = self.payload.as_slice();
        let mut padding = 0;
        if self.flags & PADDED != 0 {
            padding = usize::from(*rest.first()?);
            rest = &rest[1..];
        }
        if self.kind == Kind::Headers && self.flags & PRIORITY != 0 {
            rest = rest.get(5..)?;
        }
        rest.get(..rest.len().checked_sub(padding)?)
    }

    /// The error code that stands there.
    pub(super) fn error_at(&self, at: usize) -> Option<u32> {
        self.payload.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// Takes the next frame; `None` where it has not come as a whole.
pub(super) fn next(inbox: &mut Inbox) -> Result<Option<Frame>, Problem> {
    let Some([a, b, c, kind, flags, stream @ ..]) = inbox.unread().first_chunk::<9>() else {
        return Ok(None);
    };
    let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
    if length > MOST {
        return Err(Problem::TooLong);
    }
    let kind = match kind {
        0 => Kind::Data,
        1 => Kind::Headers,
        3 => Kind::Reset,
        4 => Kind::Settings,
        6 => Kind::Ping,
        7 => Kind::GoAway,
        9 => Kind::Continuation,
        _ => Kind::Other,
    };
    let (flags, stream) = (*flags, u32::from_be_bytes(*stream) & 0x7fff_ffff);
    if inbox.unread().len() < 9 + length {
        return Ok(None);
    }
    let payload = inbox.read(9 + length)[9..].to_vec();
    Ok(Some(Frame { kind, flags, stream, payload }))
}

/// A frame with its header.
pub(super) fn whole(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let number = match kind {
        Kind::Data => 0,
        Kind::Headers => 1,
        Kind::Reset => 3,
        Kind::Settings => 4,
        Kind::Ping => 6,
        Kind::GoAway => 7,
        Kind::Continuation => 9,
        Kind::Other => 0xff,
    };
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = vec![a, b, c, number, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A text with its length before it (RFC 7541, 5.2), cut where it is longer than two bytes of
/// length can say.
pub(super) fn literal(text: &str) -> Vec<u8> {
    let text: Vec<u8> = text.bytes().filter(u8::is_ascii_graphic).take(127 + 127).collect();
    let mut bytes = match u8::try_from(text.len()) {
        Ok(length @ 0..127) => vec![length],
        Ok(length) => vec![127, length - 127],
        // `take` leaves no more than fit.
        Err(_) => Vec::new(),
    };
    bytes.extend(text);
    bytes
}
