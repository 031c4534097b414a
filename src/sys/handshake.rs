//! How far a TCP handshake of ours is.

/// The state of a socket that was told to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its SYN has no answer yet; an error that came back is not the last word.
    Connecting,
    /// The connection stands, or stood.
    Open,
    /// It failed, or was never begun.
    Closed,
}
