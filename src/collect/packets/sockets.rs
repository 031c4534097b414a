//! The sockets of the network namespace that is captured in, and who holds them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::collect::Feed;
use crate::model::flow_owner::{FlowOwners, PortSet};
use crate::model::table::{EndedRow, SocketTable};
use crate::sys::{self, netns::Namespace};

/// For so long a connection that is over still tells whose its packets were.
const RECENT: SignedDuration = SignedDuration::from_secs(10);

/// Where to ask whose packets they are.
#[derive(Clone, Debug)]
pub struct Sockets {
    table: Feed<SocketTable>,
    /// `None` is sockpit's own.
    netns: Option<Namespace>,
}

impl Sockets {
    /// Those of a namespace among those of a feed.
    pub fn new(table: Feed<SocketTable>, netns: Option<Namespace>) -> Self {
        Self { table, netns }
    }

    /// Has the table read anew, and waits for that at most so long.
    pub fn refresh_within(&mut self, timeout: Duration) {
        self.table.refresh_within(timeout);
    }

    /// Who holds the ends of flows between these ports, as fresh as the feed.
    pub(super) fn owners(&mut self, ports: &PortSet) -> FlowOwners {
        let Some(table) = self.table.latest().value.clone() else { return FlowOwners::default() };
        // Equal addresses in another namespace are other sockets.
        let named = self.netns.as_ref().map(|namespace| namespace.inode);
        let netns = named.or_else(sys::process::own_netns);
        let is_there = |other: u64| Some(other) == netns;
        // A connection may be over before its packets are put down to anyone.
        let now = Timestamp::now();
        let is_recent = |ended: &Arc<EndedRow>| now.duration_since(ended.ended_at) < RECENT;
        let ended: Vec<Arc<EndedRow>> = table.ended.iter().take_while(is_recent).collect();
        // Those that are there come last: they go before others with the same ends.
        let rows = ended.iter().rev().map(|ended| &ended.row).chain(&table.rows);
        let rows = rows.filter(|row| row.key.netns.is_none_or(is_there));
        FlowOwners::between(rows.map(|row| &row.socket), self.addresses(), ports)
    }

    fn addresses(&self) -> Vec<IpAddr> {
        match &self.netns {
            // One that has ended has no addresses any more.
            Some(netns) => netns.enter(sys::interfaces::addresses).unwrap_or_default(),
            None => sys::interfaces::addresses(),
        }
    }
}
