//! The messages of nf_tables over NETLINK_NETFILTER: requests for dumps, and what they tell.

use super::expression::{self, number, text};
use super::{Chain, Expression, Hook, Policy, Rule, Set, Table, TableFamily, set};
use crate::wire::netlink::{DUMP, HEADER_LEN, Malformed, REQUEST, attributes};

/// `NFNL_SUBSYS_NFTABLES`, the upper byte of a message's type.
const SUBSYSTEM: u16 = 10 << 8;
/// `sizeof(struct nfgenmsg)`, before the attributes.
const GENERIC_LEN: usize = 4;

const GET_CHAIN: u16 = 4;
const GET_RULE: u16 = 7;
const GET_SET: u16 = 10;
const GET_SET_ELEMENTS: u16 = 13;

/// What to dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Every chain of every table.
    Chains,
    /// The rules of a table.
    Rules(&'a Table),
    /// The sets of a table, without their elements.
    Sets(&'a Table),
    /// The elements of a set.
    Elements(&'a Table, &'a str),
}

impl Request<'_> {
    /// The bytes to send.
    pub fn encode(&self, sequence: u32) -> Vec<u8> {
        let (kind, table, second) = match self {
            Self::Chains => (GET_CHAIN, None, None),
            Self::Rules(table) => (GET_RULE, Some(*table), None),
            Self::Sets(table) => (GET_SET, Some(*table), None),
            Self::Elements(table, set) => (GET_SET_ELEMENTS, Some(*table), Some(*set)),
        };
        let mut bytes = vec![0; HEADER_LEN];
        bytes[4..6].copy_from_slice(&(SUBSYSTEM | kind).to_ne_bytes());
        bytes[6..8].copy_from_slice(&(REQUEST | DUMP).to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes.extend([table.map_or(0, |table| table.family.number()), 0, 0, 0]);
        // NFTA_*_TABLE and NFTA_SET_ELEM_LIST_SET have the same numbers in all of them.
        for (number, name) in [(1, table.map(|table| table.name.as_str())), (2, second)] {
            if let Some(name) = name {
                put_text(&mut bytes, number, name);
            }
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        bytes
    }
}

fn put_text(bytes: &mut Vec<u8>, number: u16, text: &str) {
    let length = u16::try_from(4 + text.len() + 1).unwrap_or(u16::MAX);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Reads a chain; `None` for one of a family without ports.
pub fn chain(payload: &[u8]) -> Result<Option<Chain>, Malformed> {
    let Some((family, rest)) = generic(payload)? else { return Ok(None) };
    let (mut table, mut name, mut kind, mut hook) = (String::new(), String::new(), "", None);
    let mut policy = Policy::Accept;
    for attribute in attributes(rest) {
        match attribute? {
            (1, value) => table = text(value),
            (3, value) => name = text(value),
            (4, value) => hook = hooked(value)?,
            (7, value) if value.starts_with(b"nat\0") || value == b"nat" => kind = "nat",
            (7, value) if value.starts_with(b"filter") || value.starts_with(b"route") => {
                kind = "filter";
            }
            // NF_DROP is 0.
            (5, value) if number(value)? == 0 => policy = Policy::Drop,
            _ => {}
        }
    }
    let filter = hook.filter(|_| kind == "filter").map(|(hook, order)| (hook, order, policy));
    let nat = hook.filter(|_| kind == "nat");
    Ok(Some(Chain { table: Table { family, name: table }, name, nat, filter }))
}

/// `NFTA_HOOK_*`: where and in which order; `None` where no destination is translated.
fn hooked(bytes: &[u8]) -> Result<Option<(Hook, i32)>, Malformed> {
    let (mut hook, mut priority) = (None, 0);
    for attribute in attributes(bytes) {
        match attribute? {
            (1, value) => hook = hook_of(number(value)?),
            (2, value) => priority = number(value)? as i32,
            _ => {}
        }
    }
    Ok(hook.map(|hook| (hook, priority)))
}

pub(super) fn hook_of(number: u32) -> Option<Hook> {
    match number {
        0 => Some(Hook::Prerouting),
        1 => Some(Hook::Input),
        3 => Some(Hook::Output),
        _ => None,
    }
}

/// Reads a rule; `None` for one of a family without ports.
pub fn rule(payload: &[u8]) -> Result<Option<Rule>, Malformed> {
    let Some((family, rest)) = generic(payload)? else { return Ok(None) };
    let table = Table { family, name: String::new() };
    let mut rule = Rule { table, chain: String::new(), handle: 0, expressions: Vec::new() };
    for attribute in attributes(rest) {
        match attribute? {
            (1, value) => rule.table.name = text(value),
            (2, value) => rule.chain = text(value),
            (3, value) => rule.handle = handle(value)?,
            (4, value) => rule.expressions = expressions(value)?,
            _ => {}
        }
    }
    Ok(Some(rule))
}

fn handle(bytes: &[u8]) -> Result<u64, Malformed> {
    let cut = Malformed { what: "a rule's handle", need: 8, have: bytes.len() };
    Ok(u64::from_be_bytes(bytes.get(..8).and_then(|word| word.try_into().ok()).ok_or(cut)?))
}

fn expressions(bytes: &[u8]) -> Result<Vec<Expression>, Malformed> {
    attributes(bytes).map(|element| expression::parse(element?.1)).collect()
}

/// Reads a set without its elements; `None` for one of a family without ports.
pub fn set(payload: &[u8]) -> Result<Option<Set>, Malformed> {
    let Some((family, rest)) = generic(payload)? else { return Ok(None) };
    set::parse(family, rest).map(Some)
}

/// Reads the elements of one message.
pub fn elements(payload: &[u8]) -> Result<Vec<set::Element>, Malformed> {
    let Some((_, rest)) = generic(payload)? else { return Ok(Vec::new()) };
    set::elements(rest)
}

fn generic(payload: &[u8]) -> Result<Option<(TableFamily, &[u8])>, Malformed> {
    let cut = Malformed { what: "nfgenmsg", need: GENERIC_LEN, have: payload.len() };
    let (header, rest) = payload.split_at_checked(GENERIC_LEN).ok_or(cut)?;
    Ok(TableFamily::from_number(header[0]).map(|family| (family, rest)))
}
