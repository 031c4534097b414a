//! What is told of a socket.

/// A line: what, and its value. A value alone continues the one above; neither is a gap.
pub(super) type Fact = (&'static str, String);
