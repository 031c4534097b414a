//! Packets one by one, for what looks at each: a list, a file that is written, a ladder.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::wire::frame::{Link, Summary};

/// A packet that was counted.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Number of the interface within the source.
    pub interface: usize,
    /// Its name, where that is known.
    pub interface_name: Option<&'a Arc<str>>,
    /// How its bytes begin.
    pub link: Link,
    /// The same as a number of the registry at <https://www.tcpdump.org/linktypes.html>.
    pub link_type: u16,
    /// Nanoseconds since 1970, UTC; `None` where the source does not tell.
    pub time_ns: Option<i64>,
    /// Length on the wire.
    pub length: u32,
    /// What was captured, a VLAN tag that the system took off included.
    pub bytes: &'a [u8],
    /// What its bytes say.
    pub summary: &'a Summary,
}

/// Looks at each packet, in the thread that counts; a break ends the counting.
pub type Each = Box<dyn FnMut(&Packet<'_>) -> ControlFlow<()> + Send>;
