//! The rules of nftables and iptables that an attempt's packets meet on this host.

use std::net::SocketAddr;

use super::super::fault::Scene;
use crate::inspect::nat::firewall::{Block, Fate};
use crate::inspect::nat::{Journey, Leg};
use crate::model::why::Forward;
use crate::sys::nat_rules;

/// What they do with the packets. Empty where they may not be read.
#[derive(Clone, Debug, Default)]
pub(in crate::probe) struct Rules {
    /// Those that keep them away, in the kernel's order.
    pub blocks: Vec<(Leg, Block)>,
    /// The one that sends them elsewhere, for certain.
    pub forward: Option<Forward>,
}

impl Rules {
    /// Reads the rules and follows the attempt's packets. Blocks no other task.
    pub(in crate::probe) async fn look(scene: &Scene) -> Self {
        let to = scene.address;
        let own = scene.own.or_else(|| scene.connect.local.map(|local| local.ip()));
        let Some(own) = own else { return Self::default() };
        let from = scene.connect.local.unwrap_or(SocketAddr::new(own, 0));
        let (to_self, udp) = (scene.to_self, scene.is_udp);
        let way = scene.way.clone();
        let look = move || {
            let interface = way.as_ref().and_then(|way| way.interface.as_deref().zip(way.index));
            let journey = Journey { from, to, udp, to_self, interface };
            let forward = nat_rules::read().ok().and_then(|rules| journey.forward(&rules));
            let blocks = nat_rules::read_filters().map(|rules| journey.blocks(&rules));
            Self { blocks: blocks.unwrap_or_default(), forward }
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// The first rule that is sure to do this to the packets.
    pub(in crate::probe) fn certain(&self, fate: Fate) -> Option<&(Leg, Block)> {
        let first = self.blocks.iter().find(|(_, block)| block.conditions.is_empty())?;
        (first.1.fate == fate).then_some(first)
    }

    /// The first rule that may do this to the packets, by what is not known of them.
    pub(in crate::probe) fn possible(&self, fate: Fate) -> Option<&(Leg, Block)> {
        self.blocks.iter().find(|(_, block)| block.fate == fate)
    }
}
