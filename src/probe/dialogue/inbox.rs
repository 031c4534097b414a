//! What a peer has said and nobody has read yet, bounded.

/// The most that is kept unread. Every answer that is waited for is shorter.
pub(super) const MOST: usize = 64 * 1024;

/// How much of a peer's first words is kept to recognise it by.
pub(super) const FIRST: usize = 1024;

/// Unread bytes, and the first ones that came. Whatever portions they come in, the work is linear
/// in their number.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    kept: Vec<u8>,
    /// Where the unread part of `kept` begins.
    start: usize,
    /// Up to where `kept` has no line end.
    searched: usize,
    first: Vec<u8>,
    heard: u64,
}

impl Inbox {
    /// Takes what came. `false` where it is more than is kept: then the rest is dropped.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let room = FIRST - self.first.len();
        self.first.extend(bytes.iter().take(room));
        self.heard += bytes.len() as u64;
        if self.start > 0 {
            self.kept.drain(..self.start);
            self.searched = self.searched.saturating_sub(self.start);
            self.start = 0;
        }
        let room = MOST - self.kept.len();
        self.kept.extend(bytes.iter().take(room));
        bytes.len() <= room
    }

    /// What is unread.
    pub(super) fn unread(&self) -> &[u8] {
        &self.kept[self.start..]
    }

    /// The first bytes that came since the way was opened, or since TLS is on.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    /// How many bytes came since the last [`Self::asked`].
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// Something was sent: what is heard is counted from here.
    pub(super) fn asked(&mut self) {
        self.heard = 0;
    }

    /// Marks the first `count` unread bytes as read and gives them.
    pub(super) fn read(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.start = (from + count).min(self.kept.len());
        self.searched = self.searched.max(self.start);
        &self.kept[from..self.start]
    }

    /// Takes one line, without its CR LF or LF; `None` where its end has not come yet.
    pub(super) fn line(&mut self) -> Option<String> {
        let from = self.searched.max(self.start);
        let Some(end) = self.kept[from..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.kept.len();
            return None;
        };
        let length = from + end - self.start;
        let line = self.read(length + 1);
        Some(text(&line[..length]))
    }

    /// Gives everything unread away.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let rest = self.unread().to_vec();
        self.read(rest.len());
        rest
    }
}

/// Bytes as text, without a CR at the end.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)).into_owned()
}
