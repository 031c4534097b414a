//! The feeds that the dashboard watches.

use crate::collect::Feed;
use crate::model::interface::Interfaces;
use crate::model::packets::PacketCounts;
use crate::model::table::SocketTable;

use super::event::FeedUpdate;

/// The feeds, each of them running on a thread of its own.
#[derive(Clone, Debug)]
pub struct Feeds {
    /// The socket table.
    pub ports: Feed<SocketTable>,
    /// Interface counters.
    pub interfaces: Option<Feed<Interfaces>>,
    /// Packet counts.
    pub packets: Option<Feed<PacketCounts>>,
}

impl Feeds {
    /// The next sample of any feed. Once all of them have stopped this never returns.
    /// Dropping the future loses no sample.
    pub async fn next(&mut self) -> FeedUpdate {
        let ports = &mut self.ports;
        tokio::select! {
            true = ports.changed() => FeedUpdate::Ports(ports.latest()),
            else => std::future::pending().await,
        }
    }

    /// Takes samples as soon as possible.
    pub fn refresh(&self) {
        self.ports.control().refresh();
    }

    /// Ends all of them.
    pub fn stop(&self) {
        self.ports.control().stop();
    }
}
