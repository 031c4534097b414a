//! The machine of classic BPF: its instructions (linux/filter.h), and an interpreter.

/// An instruction, as the kernel takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to pass by where the test holds.
    pub jt: u8,
    /// How many where it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ST: u16 = 0x02;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;
const MISC: u16 = 0x07;

const HALF: u16 = 0x08;
const BYTE: u16 = 0x10;
const ABS: u16 = 0x20;
const IND: u16 = 0x40;
const MEM: u16 = 0x60;
const LEN: u16 = 0x80;
const MSH: u16 = 0xa0;
/// The operand is X.
const X: u16 = 0x08;
const TXA: u16 = 0x80;
const NEG: u16 = 0x80;

/// What an accepting program returns: all of the packet.
pub(super) const ALL: u32 = 262_144;

/// Operations and jumps as instructions.
pub(super) mod encode {
    use super::*;
    use crate::wire::filter::code::{Alu, Jump, Op, Operand, Size};

    pub(in crate::wire::filter) fn operation(op: Op) -> Instruction {
        let (code, k) = match op {
            Op::LoadAbsolute(size, k) => (LD | ABS | width(size), k),
            Op::LoadIndexed(size, k) => (LD | IND | width(size), k),
            Op::LoadImmediate(k) => (LD, k),
            Op::LoadLength => (LD | LEN, 0),
            Op::LoadMemory(register) => (LD | MEM, register.into()),
            Op::LoadXImmediate(k) => (LDX, k),
            Op::LoadXMemory(register) => (LDX | MEM, register.into()),
            Op::LoadXHeaderLength(k) => (LDX | MSH | BYTE, k),
            Op::Store(register) => (ST, register.into()),
            Op::AluK(alu, k) => (ALU | arithmetic(alu), k),
            Op::AluX(alu) => (ALU | X | arithmetic(alu), 0),
            Op::Negate => (ALU | NEG, 0),
            Op::Tax => (MISC, 0),
            Op::Txa => (MISC | TXA, 0),
        };
        Instruction { code, jt: 0, jf: 0, k }
    }

    fn width(size: Size) -> u16 {
        match size {
            Size::Byte => BYTE,
            Size::Half => HALF,
            Size::Word => 0,
        }
    }

    fn arithmetic(alu: Alu) -> u16 {
        match alu {
            Alu::Add => 0x00,
            Alu::Subtract => 0x10,
            Alu::Multiply => 0x20,
            Alu::Divide => 0x30,
            Alu::Or => 0x40,
            Alu::And => 0x50,
            Alu::ShiftLeft => 0x60,
            Alu::ShiftRight => 0x70,
            Alu::Modulo => 0x90,
            Alu::Xor => 0xa0,
        }
    }

    pub(in crate::wire::filter) fn branch(
        jump: Jump,
        operand: Operand,
        jt: u8,
        jf: u8,
    ) -> Instruction {
        let test = match jump {
            Jump::Equal => 0x10,
            Jump::Greater => 0x20,
            Jump::GreaterOrEqual => 0x30,
            Jump::BitsSet => 0x40,
        };
        match operand {
            Operand::K(k) => Instruction { code: JMP | test, jt, jf, k },
            Operand::X => Instruction { code: JMP | test | X, jt, jf, k: 0 },
        }
    }

    pub(in crate::wire::filter) fn jump(way: usize) -> Instruction {
        Instruction { code: JMP, jt: 0, jf: 0, k: way as u32 }
    }

    pub(in crate::wire::filter) fn verdict(accepts: bool) -> Instruction {
        Instruction { code: RET, jt: 0, jf: 0, k: if accepts { ALL } else { 0 } }
    }
}

/// A filter for the frames of one link type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Box<[Instruction]>);

impl Program {
    pub(super) fn new(instructions: Vec<Instruction>) -> Self {
        Self(instructions.into())
    }

    /// Any instructions, sensible or not: a program that runs off its end or looks beyond the
    /// packet refuses it.
    pub fn from_instructions(instructions: Vec<Instruction>) -> Self {
        Self::new(instructions)
    }

    /// Its instructions.
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }

    /// Whether a frame of `length` bytes on the wire, of which `bytes` were captured, passes.
    #[inline]
    pub fn matches(&self, bytes: &[u8], length: u32) -> bool {
        run(&self.0, bytes, length).is_some_and(|verdict| verdict != 0)
    }
}

/// Runs a program. `None` where it looks beyond the packet, divides by 0 or runs off its end.
/// Jumps lead forward only, so that it ends.
fn run(program: &[Instruction], bytes: &[u8], length: u32) -> Option<u32> {
    let (mut a, mut x, mut at) = (0u32, 0u32, 0usize);
    let mut memory = [0u32; 16];
    loop {
        let instruction = program.get(at)?;
        let k = instruction.k;
        at += 1;
        match instruction.code {
            0x20 => a = word(bytes, k)?,
            0x28 => a = half(bytes, k)?,
            0x30 => a = byte(bytes, k)?,
            0x40 => a = word(bytes, x.checked_add(k)?)?,
            0x48 => a = half(bytes, x.checked_add(k)?)?,
            0x50 => a = byte(bytes, x.checked_add(k)?)?,
            0x00 => a = k,
            0x80 => a = length,
            0x60 => a = *memory.get(k as usize)?,
            0x01 => x = k,
            0x61 => x = *memory.get(k as usize)?,
            0xb1 => x = (byte(bytes, k)? & 0xf) * 4,
            0x02 => *memory.get_mut(k as usize)? = a,
            0x03 => *memory.get_mut(k as usize)? = x,
            0x07 => x = a,
            0x87 => a = x,
            0x84 => a = a.wrapping_neg(),
            0x05 => at = at.checked_add(k as usize)?,
            0x06 => return Some(k),
            0x16 => return Some(a),
            code if code & 7 == ALU => {
                a = compute(code & 0xf0, a, if code & X == 0 { k } else { x })?;
            }
            code if code & 7 == JMP => {
                let operand = if code & X == 0 { k } else { x };
                let holds = match code & 0xf0 {
                    0x10 => a == operand,
                    0x20 => a > operand,
                    0x30 => a >= operand,
                    0x40 => a & operand != 0,
                    _ => return None,
                };
                at += usize::from(if holds { instruction.jt } else { instruction.jf });
            }
            _ => return None,
        }
    }
}

fn compute(operation: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match operation {
        0x00 => a.wrapping_add(operand),
        0x10 => a.wrapping_sub(operand),
        0x20 => a.wrapping_mul(operand),
        0x30 => a.checked_div(operand)?,
        0x40 => a | operand,
        0x50 => a & operand,
        0x60 => a.checked_shl(operand).unwrap_or(0),
        0x70 => a.checked_shr(operand).unwrap_or(0),
        0x90 => a.checked_rem(operand)?,
        0xa0 => a ^ operand,
        _ => return None,
    })
}

#[inline]
fn word(bytes: &[u8], at: u32) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at as usize..)?.first_chunk()?))
}

#[inline]
fn half(bytes: &[u8], at: u32) -> Option<u32> {
    Some(u16::from_be_bytes(*bytes.get(at as usize..)?.first_chunk()?).into())
}

#[inline]
fn byte(bytes: &[u8], at: u32) -> Option<u32> {
    bytes.get(at as usize).map(|byte| u32::from(*byte))
}
