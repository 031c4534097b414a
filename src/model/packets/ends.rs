//! What a flow is known by: its protocol and its two ends.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowEnd {
    /// Address.
    pub addr: IpAddr,
    /// Port; 0 where the protocol has none.
    pub port: u16,
}

/// What identifies a flow: both directions have the same key, the smaller end is `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowKey {
    /// IP protocol number.
    pub ip_protocol: u8,
    /// The smaller end.
    pub a: FlowEnd,
    /// The greater end.
    pub b: FlowEnd,
    /// The identifier of an ICMP echo: each program that pings has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ident: Option<u16>,
}
