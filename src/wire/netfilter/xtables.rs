//! The tables of ip_tables and ip6_tables, as `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES` give
//! them (`linux/netfilter_ipv4/ip_tables.h`, `linux/netfilter_ipv6/ip6_tables.h`).

use std::collections::HashMap;

use super::expression::{Base, Compare, text};
use super::{
    Chain, Expression, Hook, Origin, Policy, Rule, Ruleset, Table, TableFamily, Verdict, xt,
};
use crate::wire::netlink::Malformed;

/// `sizeof(struct ipt_getinfo)`.
pub const INFO_LEN: usize = 84;
/// `sizeof(struct ipt_get_entries)` before its entries.
pub const ENTRIES_HEADER_LEN: usize = 40;
/// Length of a table's name.
pub const NAME_LEN: usize = 32;

const HOOKS: usize = 5;
const NAMES: [&str; HOOKS] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// What `IPT_SO_GET_INFO` tells of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Where the chain of each hook begins; `None` where the table has none.
    hook_entry: [Option<u32>; HOOKS],
    /// Bytes of all entries.
    pub size: u32,
}

impl Info {
    /// Reads `struct ipt_getinfo`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let cut = Malformed { what: "ipt_getinfo", need: INFO_LEN, have: bytes.len() };
        let word = |at| word(bytes, at).ok_or(cut);
        let valid = word(32)?;
        let mut hook_entry = [None; HOOKS];
        for (hook, entry) in hook_entry.iter_mut().enumerate() {
            let begins = word(36 + 4 * hook)?;
            *entry = (valid & (1 << hook) != 0).then_some(begins);
        }
        Ok(Self { hook_entry, size: word(80)? })
    }
}

/// Where things are in the entry of a family.
struct Layout {
    family: TableFamily,
    addr_len: usize,
    /// Of the first interface's name: behind four addresses.
    interfaces: usize,
    protocol: usize,
    flags: usize,
    target_offset: usize,
    header_len: usize,
}

const IPV4: Layout = Layout {
    family: TableFamily::Ip,
    addr_len: 4,
    interfaces: 16,
    protocol: 80,
    flags: 82,
    target_offset: 88,
    header_len: 112,
};

const IPV6: Layout = Layout {
    family: TableFamily::Ip6,
    addr_len: 16,
    interfaces: 64,
    protocol: 128,
    flags: 131,
    target_offset: 140,
    header_len: 168,
};

/// Reads the entries of a table of one family: `nat`, or one that lets packets pass or not. What is
/// malformed ends the reading.
pub fn ruleset(
    family: TableFamily,
    name: &str,
    info: &Info,
    entries: &[u8],
) -> Result<Ruleset, Malformed> {
    let layout = if family == TableFamily::Ip6 { &IPV6 } else { &IPV4 };
    let mut reader = Reader {
        layout,
        table: Table { family: layout.family, name: name.to_owned() },
        chain: String::new(),
        number: 0,
        begins: HashMap::new(),
        ruleset: Ruleset::empty(Origin::Xtables),
        offsets: Vec::new(),
    };
    let mut at = 0;
    while at < entries.len() {
        at = reader.entry(info, entries, at)?;
    }
    Ok(reader.finish())
}

/// What a standard target's number means, with jumps still by offset.
enum Decision {
    Known(Verdict),
    /// To the chain that begins there.
    To {
        offset: u32,
        goto: bool,
    },
}

struct Reader {
    layout: &'static Layout,
    table: Table,
    /// The chain that is being read.
    chain: String,
    /// Of the last rule in it.
    number: u64,
    /// Chain by the offset of its first entry.
    begins: HashMap<u32, String>,
    ruleset: Ruleset,
    /// Index of a rule that jumps, and where to.
    offsets: Vec<(usize, u32, bool)>,
}

impl Reader {
    /// Reads the entry at an offset, and returns that of the next.
    fn entry(&mut self, info: &Info, entries: &[u8], at: usize) -> Result<usize, Malformed> {
        let layout = self.layout;
        let cut = Malformed {
            what: "an entry of ip_tables",
            need: layout.header_len,
            have: entries.len() - at,
        };
        let rest = &entries[at..];
        let target = usize::from(half(rest, layout.target_offset).ok_or(cut)?);
        let next = usize::from(half(rest, layout.target_offset + 2).ok_or(cut)?);
        let entry = rest.get(..next).filter(|_| next >= layout.header_len).ok_or(cut)?;
        let matches = entry.get(layout.header_len..target).ok_or(cut)?;
        let target = Extension::parse(entry.get(target..).ok_or(cut)?).ok_or(cut)?;
        let offset = u32::try_from(at).map_err(|_| cut)?;
        let hook = info.hook_entry.iter().position(|begins| *begins == Some(offset));
        if let Some(hook) = hook {
            self.begin(NAMES[hook].to_owned(), super::nft::hook_of(hook as u32), offset);
        }
        if target.name == "ERROR" {
            // The head of a chain that others jump to; the table's end has one, too.
            self.begin(text(target.body), None, (at + next) as u32);
        } else {
            self.rule(entry, matches, &target, at + next)?;
        }
        Ok(at + next)
    }

    fn begin(&mut self, name: String, hook: Option<Hook>, offset: u32) {
        // NF_IP_PRI_*: destinations are translated after raw and mangle, before filter. The policy
        // is the last rule of a chain here.
        let priority = match self.table.name.as_str() {
            "raw" => -300,
            "mangle" => -150,
            "nat" => -100,
            _ => 0,
        };
        let table = self.table.clone();
        let translates = table.name == "nat";
        let nat = hook.filter(|_| translates).map(|hook| (hook, priority));
        let filter = hook.filter(|_| !translates).map(|hook| (hook, priority, Policy::Accept));
        self.ruleset.chains.push(Chain { table, name: name.clone(), nat, filter });
        self.begins.insert(offset, name.clone());
        (self.chain, self.number) = (name, 0);
    }

    fn rule(
        &mut self,
        entry: &[u8],
        matches: &[u8],
        target: &Extension<'_>,
        next: usize,
    ) -> Result<(), Malformed> {
        let mut expressions = self.header(entry)?;
        let mut rest = matches;
        while !rest.is_empty() {
            let cut = Malformed { what: "a match of iptables", need: 32, have: rest.len() };
            let found = Extension::parse(rest).ok_or(cut)?;
            expressions.push(Expression::Match(xt::Match::parse(&found.name, found.body)));
            rest = &rest[found.len..];
        }
        if target.name.is_empty() {
            let goto = entry[self.layout.flags] & 2 != 0;
            match decision(target.body, next, goto) {
                Some(Decision::Known(verdict)) => expressions.push(Expression::Verdict(verdict)),
                Some(Decision::To { offset, goto }) => {
                    self.offsets.push((self.ruleset.rules.len(), offset, goto));
                }
                None => return Err(Malformed { what: "a verdict of iptables", need: 4, have: 0 }),
            }
        } else {
            let action = xt::Target::parse(&target.name, target.revision, target.body);
            expressions.push(Expression::Target(action));
        }
        self.number += 1;
        self.ruleset.rules.push(Rule {
            table: self.table.clone(),
            chain: self.chain.clone(),
            handle: self.number,
            expressions,
        });
        Ok(())
    }

    /// The conditions of `struct ipt_ip` or `ip6t_ip6`.
    fn header(&self, entry: &[u8]) -> Result<Vec<Expression>, Malformed> {
        let layout = self.layout;
        let cut = Malformed { what: "ipt_ip", need: layout.header_len, have: entry.len() };
        let inverted = *entry.get(layout.flags + 1).ok_or(cut)?;
        let mut found = Vec::new();
        let names = [(META_IIFNAME, 0, 1), (META_OIFNAME, 1, 2)];
        for (key, index, inversion) in names {
            let field = |at: usize| entry.get(at..at + 16).ok_or(cut);
            let name = field(layout.interfaces + 16 * index)?;
            let mask = field(layout.interfaces + 32 + 16 * index)?;
            let len = mask.iter().take_while(|byte| **byte != 0).count();
            if len > 0 {
                found.push(Expression::Meta { to: REGISTER, key });
                found.push(compare(name[..len].to_vec(), inverted & inversion != 0));
            }
        }
        let (len, source) = (layout.addr_len, if layout.addr_len == 4 { 12 } else { 8 });
        for (index, inversion) in [(0, 8), (1, 0x10)] {
            let field = |at: usize| entry.get(at * len..(at + 1) * len).ok_or(cut);
            let (addr, mask) = (field(index)?, field(2 + index)?);
            if mask.iter().any(|byte| *byte != 0) {
                let offset = (source + index * len) as u32;
                found.push(Expression::Payload {
                    to: REGISTER,
                    base: Base::Network,
                    offset,
                    len: len as u32,
                });
                found.push(Expression::Bitwise {
                    from: REGISTER,
                    to: REGISTER,
                    mask: mask.to_vec(),
                    xor: vec![0; len],
                });
                found.push(compare(addr.to_vec(), inverted & inversion != 0));
            }
        }
        let protocol = half(entry, layout.protocol).ok_or(cut)?;
        if protocol != 0 {
            found.push(Expression::Meta { to: REGISTER, key: META_L4PROTO });
            found.push(compare(vec![protocol as u8], inverted & 0x40 != 0));
        }
        Ok(found)
    }

    fn finish(mut self) -> Ruleset {
        for (index, offset, goto) in self.offsets {
            let chain = self.begins.get(&offset).cloned();
            let (Some(rule), Some(chain)) = (self.ruleset.rules.get_mut(index), chain) else {
                self.ruleset.unread += 1;
                continue;
            };
            let verdict = if goto { Verdict::Goto(chain) } else { Verdict::Jump(chain) };
            rule.expressions.push(Expression::Verdict(verdict));
        }
        self.ruleset
    }
}

/// Any will do: no expression of these rules needs the value of another.
const REGISTER: u32 = 1;
/// `NFT_META_IIFNAME`.
const META_IIFNAME: u32 = 6;
/// `NFT_META_OIFNAME`.
const META_OIFNAME: u32 = 7;
/// `NFT_META_L4PROTO`.
const META_L4PROTO: u32 = 16;

fn compare(data: Vec<u8>, inverted: bool) -> Expression {
    let op = if inverted { Compare::Ne } else { Compare::Eq };
    Expression::Cmp { from: REGISTER, op, data }
}

fn decision(body: &[u8], next: usize, goto: bool) -> Option<Decision> {
    let number = word(body, 0)? as i32;
    Some(match number {
        // The complement of NF_ACCEPT, and XT_RETURN.
        -2 => Decision::Known(Verdict::Accept),
        -5 => Decision::Known(Verdict::Return),
        ..0 => Decision::Known(Verdict::Drop),
        // A rule without an action leads to the next.
        offset if usize::try_from(offset) == Ok(next) => Decision::Known(Verdict::Continue),
        offset => Decision::To { offset: offset as u32, goto },
    })
}

/// `struct xt_entry_match` and `xt_entry_target`, which are alike.
struct Extension<'a> {
    name: String,
    revision: u32,
    body: &'a [u8],
    len: usize,
}

impl<'a> Extension<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        const HEADER_LEN: usize = 32;
        let len = usize::from(half(bytes, 0)?);
        let body = bytes.get(HEADER_LEN..len)?;
        Some(Self { name: text(&bytes[2..31]), revision: bytes[31].into(), body, len })
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
