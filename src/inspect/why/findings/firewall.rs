//! Rules of this host that keep packets from outside away from the port.

use super::super::Scene;
use super::{finding, remedy};
use crate::inspect::nat::firewall::{Block, Fate};
use crate::inspect::words::list;
use crate::model::why::{Remedy, WhyFinding, WhyKind};

/// More rules than this are not described one by one.
const MOST: usize = 3;

/// One finding for all of them.
pub(super) fn finding_of(scene: &Scene<'_>) -> Option<WhyFinding> {
    let mut ways: Vec<String> = Vec::new();
    let mut remedies: Vec<Remedy> = Vec::new();
    for block in scene.blocks {
        let twin = scene.blocks.iter().any(|other| {
            other.is_v6 != block.is_v6
                && (other.fate, &other.rule, &other.conditions)
                    == (block.fate, &block.rule, &block.conditions)
        });
        let way = way(block, !twin);
        if !ways.contains(&way) {
            ways.push(way);
        }
        let look = look(block);
        if !remedies.contains(&look) && remedies.len() < MOST {
            remedies.push(look);
        }
    }
    if ways.is_empty() {
        return None;
    }
    if ways.len() > MOST {
        let rest = ways.split_off(MOST).len();
        ways.push(format!("by {rest} more rules"));
    }
    let protocol = if scene.target.udp { "udp" } else { "tcp" };
    let is_all = scene.blocks.iter().any(|block| block.conditions.is_empty());
    let reached = if is_all { "is not reached" } else { "is not reached by those" };
    let text = format!(
        "packets from outside to {}/{protocol} {}: a listener here {reached}",
        scene.target.port,
        list(&ways)
    );
    Some(finding(WhyKind::Firewall, text, &[], remedies))
}

/// `are dropped (nftables table inet filter, chain input, handle 4; not from 10.0.0.0/8)`.
fn way(block: &Block, names_family: bool) -> String {
    let fate = match block.fate {
        Fate::Dropped => "are dropped",
        Fate::Rejected => "are rejected",
        Fate::Proxied => "go to a transparent proxy",
    };
    let rule = &block.rule;
    let number = match (block.is_policy, rule.program.as_str()) {
        (true, _) => "its policy".to_owned(),
        (false, "nftables") => format!("handle {}", rule.handle),
        (false, _) => format!("rule {}", rule.handle),
    };
    let family = match (names_family && rule.family == "inet", block.is_v6) {
        (false, _) => "",
        (true, true) => " over IPv6",
        (true, false) => " over IPv4",
    };
    let conditions: String =
        block.conditions.iter().map(|condition| format!("; {condition}")).collect();
    format!(
        "{fate}{family} ({} table {} {}, chain {}, {number}{conditions})",
        rule.program, rule.family, rule.table, rule.chain
    )
}

fn look(block: &Block) -> Remedy {
    let rule = &block.rule;
    let text = "show the rules (as root)";
    if rule.program == "nftables" {
        return remedy(
            text,
            &["nft", "-a", "list", "chain", &rule.family, &rule.table, &rule.chain],
        );
    }
    let program = if rule.family == "ip6" { "ip6tables-legacy" } else { "iptables-legacy" };
    remedy(text, &[program, "-t", &rule.table, "-S", &rule.chain])
}
