//! Netlink messages (RFC 3549, `linux/netlink.h`) and their attributes, read in place.
//!
//! Everything borrows from the buffer the kernel filled: a dump of a hundred thousand sockets
//! allocates nothing here. Numbers are in host order, as netlink has them.

pub mod inet;
pub mod kernel_port;
pub mod mptcp_info;
pub mod neighbour;
pub mod netlink_diag;
pub mod packet;
pub mod route;
pub mod socket;
pub mod tcp_info;
pub mod unix;

/// `sizeof(struct nlmsghdr)`.
pub const HEADER_LEN: usize = 16;
/// `NLM_F_REQUEST`: a request of ours.
pub const REQUEST: u16 = 0x01;
/// `NLM_F_ACK`: an answer also when there is nothing to tell.
pub const ACK: u16 = 0x04;
/// `NLM_F_DUMP`: all objects that match.
pub const DUMP: u16 = 0x300;
/// `NLM_F_DUMP_INTR`: the table changed while it was dumped, so that the dump is inconsistent.
pub const DUMP_INTERRUPTED: u16 = 0x10;

const NOOP: u16 = 1;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// Bytes that are not what their protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is cut short: {have} of {need} bytes")]
pub struct Malformed {
    /// The structure that was read.
    pub what: &'static str,
    /// How many bytes it needs.
    pub need: usize,
    /// How many were there.
    pub have: usize,
}

/// One netlink message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`: that of the request it answers.
    pub sequence: u32,
    /// What follows the header, without padding.
    pub payload: &'a [u8],
}

/// What a message means to someone who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Nothing.
    Noop,
    /// The end of a dump; an errno when the kernel broke it off, else 0.
    Done(i32),
    /// A refusal with its errno; 0 is an acknowledgement.
    Error(i32),
    /// An object.
    Object(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Whether the kernel says that the dump is inconsistent.
    pub fn is_interrupted(&self) -> bool {
        self.flags & DUMP_INTERRUPTED != 0
    }

    /// What the message means.
    pub fn reply(&self) -> Result<Reply<'a>, Malformed> {
        match self.kind {
            NOOP => Ok(Reply::Noop),
            // An end need not carry a code.
            DONE if self.payload.is_empty() => Ok(Reply::Done(0)),
            DONE => errno(self.payload, "NLMSG_DONE").map(Reply::Done),
            ERROR => errno(self.payload, "NLMSG_ERROR").map(Reply::Error),
            _ => Ok(Reply::Object(self.payload)),
        }
    }
}

/// The kernel writes errors as negative numbers.
fn errno(payload: &[u8], what: &'static str) -> Result<i32, Malformed> {
    let code = u32_at(payload, 0).ok_or(Malformed { what, need: 4, have: payload.len() })?;
    Ok((code as i32).checked_neg().unwrap_or(i32::MAX))
}

/// The messages of one read, in order. Ends after the first malformed one.
pub fn messages(buffer: &[u8]) -> Messages<'_> {
    Messages { rest: buffer }
}

/// See [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = first_message(self.rest);
        self.rest = match &message {
            Ok((_, length)) => self.rest.get(aligned(*length)..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(message.map(|(message, _)| message))
    }
}

fn first_message(bytes: &[u8]) -> Result<(Message<'_>, usize), Malformed> {
    let cut = |need| Malformed { what: "a netlink message", need, have: bytes.len() };
    let length = u32_at(bytes, 0).ok_or(cut(HEADER_LEN))? as usize;
    let kind = u16_at(bytes, 4).ok_or(cut(HEADER_LEN))?;
    let flags = u16_at(bytes, 6).ok_or(cut(HEADER_LEN))?;
    let sequence = u32_at(bytes, 8).ok_or(cut(HEADER_LEN))?;
    let payload = bytes.get(HEADER_LEN..length).ok_or(cut(length.max(HEADER_LEN)))?;
    Ok((Message { kind, flags, sequence, payload }, length))
}

/// The attributes (`struct rtattr`) that follow a fixed structure. A malformed one ends the
/// list with an error.
pub fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes { rest: bytes }
}

/// See [`attributes`].
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    /// The attribute's type, without the flag bits, and its value.
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let have = self.rest.len();
        let cut = |need| Malformed { what: "a netlink attribute", need, have };
        let (Some(length), Some(kind)) = (u16_at(self.rest, 0), u16_at(self.rest, 2)) else {
            self.rest = &[];
            return Some(Err(cut(4)));
        };
        let length = usize::from(length);
        let Some(value) = self.rest.get(4..length) else {
            self.rest = &[];
            return Some(Err(cut(length.max(4))));
        };
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        // NLA_F_NESTED and NLA_F_NET_BYTEORDER.
        Some(Ok((kind & 0x3fff, value)))
    }
}

/// `NLMSG_ALIGN` and `RTA_ALIGN`.
fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
