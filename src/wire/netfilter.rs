//! The rules that may send a packet elsewhere than its address says: what `nft(8)` and
//! `iptables(8)` put into the kernel, in one form, read from its bytes.
//!
//! Only what an address translation depends on is told apart; every other expression keeps its
//! name, so that whoever follows the rules can say what he did not understand.

pub mod expression;
pub mod nft;
pub mod set;
mod table;
mod verdict;
pub mod xt;
pub mod xtables;

pub use expression::Expression;
pub use set::Set;
pub use table::{Table, TableFamily};
pub use verdict::Verdict;

/// Where a chain is hooked in (`NF_INET_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Packets that came in from an interface.
    Prerouting,
    /// Packets of this host's own processes.
    Output,
    /// Packets for this host's own processes.
    Input,
}

/// What becomes of packets that no rule of a chain decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// They go on.
    Accept,
    /// They end.
    Drop,
}

/// A list of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its table.
    pub table: Table,
    /// Name, uncleaned.
    pub name: String,
    /// Where the kernel enters it, and in which order (lower first); `None` for a chain that
    /// others jump to, or one that translates nothing.
    pub nat: Option<(Hook, i32)>,
    /// The same of a chain that lets packets pass or not, with its policy.
    pub filter: Option<(Hook, i32, Policy)>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its table.
    pub table: Table,
    /// Its chain's name.
    pub chain: String,
    /// What `nft -a` shows as its handle; for iptables its number within the chain, from 1.
    pub handle: u64,
    /// Conditions and actions, in order.
    pub expressions: Vec<Expression>,
}

/// Which program's rules these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// nf_tables, to which iptables-nft writes, too.
    Nftables,
    /// The older ip_tables and ip6_tables.
    Xtables,
}

/// All that decides about the destination of packets, in the kernel's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    /// Where the rules live.
    pub origin: Origin,
    /// Chains.
    pub chains: Vec<Chain>,
    /// Rules; those of one chain in their order.
    pub rules: Vec<Rule>,
    /// Sets and maps that rules look into.
    pub sets: Vec<Set>,
    /// Rules and sets that could not be read.
    pub unread: usize,
}

impl Ruleset {
    /// A ruleset without any rule.
    pub fn empty(origin: Origin) -> Self {
        Self { origin, chains: Vec::new(), rules: Vec::new(), sets: Vec::new(), unread: 0 }
    }
}

#[cfg(test)]
mod tests;
