//! The expressions of an nf_tables rule (`linux/netfilter/nf_tables.h`).

use super::verdict::Verdict;
use super::xt;
use crate::wire::netlink::{Malformed, attributes};

/// Part of a packet that a `payload` expression starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// The IP header.
    Network,
    /// The TCP or UDP header.
    Transport,
    /// Any other.
    Other,
}

/// How a `cmp` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less, both as big-endian numbers.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// A register's number as the kernel writes it: 0 is the verdict, 1 to 4 are of 16 bytes, from
/// 8 on they are the same room by four bytes.
pub type Register = u32;

/// One step of a rule. It reads and writes registers, or decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Bytes of the packet into a register.
    Payload {
        /// Destination.
        to: Register,
        /// Which header.
        base: Base,
        /// Bytes from its start.
        offset: u32,
        /// How many.
        len: u32,
    },
    /// What the kernel knows of the packet into a register.
    Meta {
        /// Destination.
        to: Register,
        /// `NFT_META_*`.
        key: u32,
    },
    /// What the routing table says of an address into a register.
    Fib {
        /// Destination.
        to: Register,
        /// `NFT_FIB_RESULT_*`.
        result: u32,
        /// `NFTA_FIB_F_*`.
        flags: u32,
    },
    /// A register's bytes, masked.
    Bitwise {
        /// Source.
        from: Register,
        /// Destination.
        to: Register,
        /// What remains.
        mask: Vec<u8>,
        /// What is inverted then.
        xor: Vec<u8>,
    },
    /// The rule goes on where a register compares so.
    Cmp {
        /// Source.
        from: Register,
        /// How.
        op: Compare,
        /// With what.
        data: Vec<u8>,
    },
    /// The rule goes on where a register lies between two values, both included.
    Range {
        /// Source.
        from: Register,
        /// Goes on where it does not.
        inverted: bool,
        /// From.
        first: Vec<u8>,
        /// To.
        last: Vec<u8>,
    },
    /// The rule goes on where a set has the register's value.
    Lookup {
        /// Name of the set.
        set: String,
        /// Source.
        from: Register,
        /// Where a map's value goes; 0 for a verdict.
        to: Option<Register>,
        /// Goes on where it has not.
        inverted: bool,
    },
    /// A constant into a register.
    Load {
        /// Destination.
        to: Register,
        /// What.
        data: Vec<u8>,
    },
    /// A decision.
    Verdict(Verdict),
    /// The destination becomes what registers hold.
    Dnat {
        /// Address; `None` leaves it.
        addr: Option<Register>,
        /// Port; `None` leaves it.
        port: Option<Register>,
    },
    /// The destination becomes this host itself, at the port that a register holds.
    Redirect {
        /// Port; `None` leaves it.
        port: Option<Register>,
    },
    /// What iptables calls a match.
    Match(xt::Match),
    /// What iptables calls a target.
    Target(xt::Target),
    /// The packet ends, and its sender is told.
    Reject,
    /// A transparent proxy's socket gets the packet, if the rule accepts it.
    Tproxy,
    /// Whether the packet begins a connection, as `NF_CT_STATE_BIT`, into a register.
    ConnectionState {
        /// Destination.
        to: Register,
    },
    /// Does not decide: counters, logs.
    Neutral,
    /// Writes something unknown into a register.
    Unknown {
        /// Its name in the kernel.
        name: String,
        /// Destination.
        to: Register,
    },
    /// Decides by something that is not read here, and may end the rule.
    Condition {
        /// Its name in the kernel.
        name: String,
    },
}

/// Reads one expression from its `NFTA_EXPR_*` attributes.
pub fn parse(bytes: &[u8]) -> Result<Expression, Malformed> {
    let (mut name, mut body) = (String::new(), &[][..]);
    for attribute in attributes(bytes) {
        match attribute? {
            (1, value) => name = text(value),
            (2, value) => body = value,
            _ => {}
        }
    }
    let fields = Fields::read(body)?;
    Ok(match name.as_str() {
        "payload" => fields.payload()?,
        "meta" => fields.meta()?,
        "fib" => Expression::Fib {
            to: fields.number(1)?,
            result: fields.number(2)?,
            flags: fields.number(3)?,
        },
        "bitwise" => fields.bitwise()?,
        "cmp" => fields.cmp()?,
        "range" => fields.range()?,
        "lookup" => fields.lookup()?,
        "immediate" => fields.immediate()?,
        "nat" => fields.nat()?,
        "redir" => Expression::Redirect { port: fields.maybe(1) },
        "match" => Expression::Match(xt::Match::parse(&fields.xt_name()?, fields.bytes(3)?)),
        "target" => Expression::Target(xt::Target::parse(
            &fields.xt_name()?,
            fields.number(2)?,
            fields.bytes(3)?,
        )),
        "counter" | "log" | "last" | "dynset" | "notrack" | "masq" => Expression::Neutral,
        "reject" => Expression::Reject,
        "tproxy" => Expression::Tproxy,
        // NFT_CT_STATE is 0.
        "ct" if fields.maybe(2) == Some(0) && fields.get(1).is_some() => {
            Expression::ConnectionState { to: fields.number(1)? }
        }
        // A register is the first attribute of all of these that write one.
        "ct" | "rt" | "socket" | "osf" | "numgen" | "exthdr" | "tunnel" | "xfrm" => {
            fields.unknown(&name, 1)
        }
        "hash" | "byteorder" => fields.unknown(&name, 2),
        _ => Expression::Condition { name },
    })
}

/// The attributes of one expression, by number.
struct Fields<'a> {
    values: Vec<(u16, &'a [u8])>,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self { values: attributes(bytes).collect::<Result<_, _>>()? })
    }

    fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.values.iter().find(|(number, _)| *number == kind).map(|(_, value)| *value)
    }

    fn bytes(&self, kind: u16) -> Result<&'a [u8], Malformed> {
        self.get(kind).ok_or(Malformed { what: "an nf_tables expression", need: 4, have: 0 })
    }

    fn number(&self, kind: u16) -> Result<u32, Malformed> {
        number(self.bytes(kind)?)
    }

    fn maybe(&self, kind: u16) -> Option<u32> {
        self.get(kind).and_then(|value| number(value).ok())
    }

    fn data(&self, kind: u16) -> Result<Vec<u8>, Malformed> {
        match data(self.bytes(kind)?)? {
            Data::Value(value) => Ok(value),
            Data::Verdict(_) => Err(Malformed { what: "an nf_tables value", need: 1, have: 0 }),
        }
    }

    fn xt_name(&self) -> Result<String, Malformed> {
        Ok(text(self.bytes(1)?))
    }

    fn payload(&self) -> Result<Expression, Malformed> {
        // Without a destination it writes to the packet.
        let Some(to) = self.maybe(1) else { return Ok(Expression::Neutral) };
        let base = match self.number(2)? {
            1 => Base::Network,
            2 => Base::Transport,
            _ => Base::Other,
        };
        Ok(Expression::Payload { to, base, offset: self.number(3)?, len: self.number(4)? })
    }

    fn meta(&self) -> Result<Expression, Malformed> {
        // Without a destination it sets a mark or the like.
        let Some(to) = self.maybe(1) else { return Ok(Expression::Neutral) };
        Ok(Expression::Meta { to, key: self.number(2)? })
    }

    fn bitwise(&self) -> Result<Expression, Malformed> {
        // NFT_BITWISE_MASK_XOR is the one that conditions are made of; the others shift or join.
        if self.maybe(6).unwrap_or(0) != 0 {
            return Ok(Expression::Unknown { name: "bitwise".to_owned(), to: self.number(2)? });
        }
        Ok(Expression::Bitwise {
            from: self.number(1)?,
            to: self.number(2)?,
            mask: self.data(4)?,
            xor: self.data(5)?,
        })
    }

    fn cmp(&self) -> Result<Expression, Malformed> {
        let op = match self.number(2)? {
            0 => Compare::Eq,
            1 => Compare::Ne,
            2 => Compare::Lt,
            3 => Compare::Le,
            4 => Compare::Gt,
            5 => Compare::Ge,
            _ => return Ok(Expression::Condition { name: "cmp".to_owned() }),
        };
        Ok(Expression::Cmp { from: self.number(1)?, op, data: self.data(3)? })
    }

    fn range(&self) -> Result<Expression, Malformed> {
        Ok(Expression::Range {
            from: self.number(1)?,
            inverted: self.number(2)? != 0,
            first: self.data(3)?,
            last: self.data(4)?,
        })
    }

    fn lookup(&self) -> Result<Expression, Malformed> {
        Ok(Expression::Lookup {
            set: text(self.bytes(1)?),
            from: self.number(2)?,
            to: self.maybe(3),
            inverted: self.maybe(5).unwrap_or(0) & 1 != 0,
        })
    }

    fn immediate(&self) -> Result<Expression, Malformed> {
        Ok(match data(self.bytes(2)?)? {
            Data::Verdict(verdict) => Expression::Verdict(verdict),
            Data::Value(data) => Expression::Load { to: self.number(1)?, data },
        })
    }

    fn nat(&self) -> Result<Expression, Malformed> {
        // The source of a packet is no matter of where it goes.
        if self.number(1)? != 1 {
            return Ok(Expression::Neutral);
        }
        Ok(Expression::Dnat { addr: self.maybe(3), port: self.maybe(5) })
    }

    fn unknown(&self, name: &str, register: u16) -> Expression {
        let name = name.to_owned();
        match self.maybe(register) {
            Some(to) => Expression::Unknown { name, to },
            None => Expression::Neutral,
        }
    }
}

/// A constant of a rule or a set: `NFTA_DATA_*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Bytes for a register.
    Value(Vec<u8>),
    /// A decision.
    Verdict(Verdict),
}

/// Reads a constant.
pub fn data(bytes: &[u8]) -> Result<Data, Malformed> {
    match attributes(bytes).next() {
        Some(Ok((1, value))) => Ok(Data::Value(value.to_vec())),
        Some(Ok((2, value))) => verdict(value).map(Data::Verdict),
        Some(Err(error)) => Err(error),
        _ => Err(Malformed { what: "an nf_tables value", need: 4, have: bytes.len() }),
    }
}

fn verdict(bytes: &[u8]) -> Result<Verdict, Malformed> {
    let fields = Fields::read(bytes)?;
    let chain = || fields.bytes(2).map(text);
    Ok(match fields.number(1)? as i32 {
        1 => Verdict::Accept,
        // NFT_CONTINUE, and NFT_BREAK, which only a set's element cannot have.
        -1 | -2 => Verdict::Continue,
        -3 => Verdict::Jump(chain()?),
        -4 => Verdict::Goto(chain()?),
        -5 => Verdict::Return,
        _ => Verdict::Drop,
    })
}

/// nf_tables writes its numbers in network order.
pub(super) fn number(bytes: &[u8]) -> Result<u32, Malformed> {
    let cut = Malformed { what: "an nf_tables number", need: 4, have: bytes.len() };
    Ok(u32::from_be_bytes(bytes.get(..4).and_then(|word| word.try_into().ok()).ok_or(cut)?))
}

/// A string up to its NUL.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
