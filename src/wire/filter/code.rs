//! What the compiler makes first: conditions, each a few operations and a jump.

use super::ast::Operator;

/// An operation of the machine: A and X are its registers, M its sixteen places of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Op {
    /// `A = packet[k]`.
    LoadAbsolute(Size, u32),
    /// A = packet[X + k].
    LoadIndexed(Size, u32),
    /// A = k.
    LoadImmediate(u32),
    /// A = length on the wire.
    LoadLength,
    /// `A = M[k]`.
    LoadMemory(u8),
    /// X = k.
    LoadXImmediate(u32),
    /// `X = M[k]`.
    LoadXMemory(u8),
    /// `X = 4 * (packet[k] & 0xf)`: the length of an IPv4 header.
    LoadXHeaderLength(u32),
    /// `M[k] = A`.
    Store(u8),
    /// A = A op k.
    AluK(Alu, u32),
    /// A = A op X.
    AluX(Alu),
    /// A = -A.
    Negate,
    /// X = A.
    Tax,
    /// A = X.
    Txa,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Size {
    Byte,
    Half,
    Word,
}

impl Size {
    /// Of one, two or four bytes.
    pub(super) fn of(bytes: u32) -> Self {
        match bytes {
            1 => Self::Byte,
            2 => Self::Half,
            _ => Self::Word,
        }
    }

    pub(super) fn bytes(self) -> u32 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Alu {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

impl From<Operator> for Alu {
    fn from(operator: Operator) -> Self {
        match operator {
            Operator::Add => Self::Add,
            Operator::Subtract => Self::Subtract,
            Operator::Multiply => Self::Multiply,
            Operator::Divide => Self::Divide,
            Operator::Modulo => Self::Modulo,
            Operator::And => Self::And,
            Operator::Or => Self::Or,
            Operator::Xor => Self::Xor,
            Operator::ShiftLeft => Self::ShiftLeft,
            Operator::ShiftRight => Self::ShiftRight,
        }
    }
}

/// A comparison of A, without a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Jump {
    Equal,
    Greater,
    GreaterOrEqual,
    /// Any bit in common.
    BitsSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operand {
    K(u32),
    X,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Always(bool),
    Test {
        code: Vec<Op>,
        jump: Jump,
        operand: Operand,
    },
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// Operations; always true.
    Run(Vec<Op>),
    /// Operations where a condition holds; always true.
    RunIf(Box<Self>, Vec<Op>),
}

impl Condition {
    pub(super) fn and(self, other: Self) -> Self {
        Self::And(self.into(), other.into())
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self::Or(self.into(), other.into())
    }

    #[allow(clippy::should_implement_trait, reason = "it stands beside and() and or()")]
    pub(super) fn not(self) -> Self {
        Self::Not(self.into())
    }

    /// `test` on what A holds already.
    pub(super) fn bits(k: u32) -> Self {
        Self::Test { code: Vec::new(), jump: Jump::BitsSet, operand: Operand::K(k) }
    }
}
