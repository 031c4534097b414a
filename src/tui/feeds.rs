//! The feeds that the dashboard watches.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::effect::Capturing;
use super::event::FeedUpdate;
use crate::collect::packets::{CaptureOptions, Steering, Wanted, parse_filter};
use crate::collect::{Feed, drops, interfaces, packets, ports};
use crate::model::drops::Drops;
use crate::model::interface::Interfaces;
use crate::model::packets::{FlowFocus, FlowKey, PacketCounts};
use crate::model::table::SocketTable;

/// The feeds, each of them running on a thread of its own.
#[derive(Clone, Debug)]
pub struct Feeds {
    ports: Feed<SocketTable>,
    sight: ports::Steering,
    interfaces: Feed<Interfaces>,
    packets: Feed<PacketCounts>,
    steering: Steering,
    drops: Feed<Drops>,
}

impl Feeds {
    /// Starts them. Packets rest until [`Feeds::capture`], drops until [`Feeds::watch_drops`].
    pub fn start(period: Duration) -> io::Result<Self> {
        let (ports, sight) = ports::spawn(period, None)?;
        let interfaces = interfaces::spawn(period)?;
        let (packets, steering) =
            packets::spawn(CaptureOptions::default(), period, Some(ports.clone()))?;
        let drops = drops::spawn(period)?;
        Ok(Self { ports, sight, interfaces, packets, steering, drops })
    }

    /// The next sample of any feed. Once all of them have stopped this never returns.
    /// Dropping the future loses no sample.
    pub async fn next(&mut self) -> FeedUpdate {
        let Self { ports, interfaces, packets, drops, .. } = self;
        tokio::select! {
            true = ports.changed() => FeedUpdate::Ports(ports.latest()),
            true = interfaces.changed() => FeedUpdate::Interfaces(interfaces.latest()),
            true = packets.changed() => FeedUpdate::Packets(packets.latest()),
            true = drops.changed() => FeedUpdate::Drops(drops.latest()),
            else => std::future::pending().await,
        }
    }

    /// Counts packets, or rests and keeps the counts.
    pub fn capture(&self, how: Capturing) {
        self.steering.attend(how == Capturing::Attended);
        match how {
            Capturing::Off => self.packets.control().pause(),
            Capturing::InBackground | Capturing::Attended => self.packets.control().resume(),
        }
    }

    /// Writes packets to this new file from now on; without one, ends the file that there is.
    pub fn write_packets(&self, path: Option<PathBuf>) {
        self.steering.write(path);
        self.packets.control().refresh();
    }

    /// Ends the file that is written, and waits until it is complete, at most so long.
    pub fn end_writing(&self, limit: Duration) {
        self.write_packets(None);
        self.steering.wait_written(limit);
    }

    /// Counts dropped packets and resets from now on.
    pub fn watch_drops(&self) {
        self.drops.control().resume();
    }

    /// Lists the flows of one socket whatever their rank.
    pub fn focus(&self, focus: Option<FlowFocus>) {
        self.steering.set_focus(focus);
    }

    /// Looks at one flow packet by packet, and soon.
    pub fn look_at(&self, flow: Option<FlowKey>) {
        self.steering.set_look(flow);
        self.packets.control().refresh();
    }

    /// Captures whole packets from now on.
    pub fn take_whole_packets(&self) {
        self.steering.take_whole();
        self.packets.control().refresh();
    }

    /// Lists only flows that are wanted, or all, and soon.
    pub fn list_flows(&self, wanted: Option<Wanted>) {
        self.steering.set_wanted(wanted);
        self.packets.control().refresh();
    }

    /// Counts packets from nothing again.
    pub fn reset_packets(&self) {
        self.steering.restart();
        self.packets.control().refresh();
    }

    /// Captures only what an expression in tcpdump's language lets through, all where it is
    /// empty, and counts from nothing again. May look up the names of hosts, which takes time.
    /// An error is a sentence.
    pub fn capture_only(&self, text: &str) -> Result<(), String> {
        let filter = (!text.is_empty()).then(|| parse_filter(text)).transpose();
        let filter = filter.map_err(|error| error.to_string())?;
        self.steering.capture_only(filter).map_err(|error| error.to_string())?;
        self.packets.control().refresh();
        Ok(())
    }

    /// Lists the sockets of every network namespace, or of sockpit's own, from now on.
    pub fn all_netns(&self, all: bool) {
        self.sight.set_reach(if all { ports::Reach::All } else { ports::Reach::Own });
        self.ports.control().refresh();
    }

    /// Takes samples as soon as possible.
    pub fn refresh(&self) {
        self.ports.control().refresh();
        self.interfaces.control().refresh();
        self.packets.control().refresh();
    }

    /// Ends all of them.
    pub fn stop(&self) {
        self.ports.control().stop();
        self.interfaces.control().stop();
        self.packets.control().stop();
        self.drops.control().stop();
    }
}
