//! What rules decide.

/// What becomes of a packet (`NF_*`, `NFT_*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No other rule of this hook's chain is asked.
    Accept,
    /// The packet ends, or leaves the ruleset in another way.
    Drop,
    /// The next rule.
    Continue,
    /// The named chain, and then the next rule.
    Jump(String),
    /// The named chain in place of this one.
    Goto(String),
    /// Back to where the chain was entered.
    Return,
}
