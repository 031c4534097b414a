//! One program for a packet socket on any interfaces. The kernel has taken the outer VLAN tag off
//! by the time that a filter runs: loads are moved, so that a frame is judged as it would be in a
//! file.

use super::ast::Expression;
use super::code::{Alu, Condition, Jump, Op, Operand, Size};
use super::compile::condition;
use super::error::{FilterError, Result};
use super::extension::{EXTENSIONS, HARDWARE, HAS_TAG, TAG, TAG_TYPE};
use super::graph::Graph;
use super::link::Target;
use super::machine::{ALL, Instruction};

/// Where a tag stands in a frame, and its bytes.
const TAG_AT: u32 = 12;
const BEHIND_TAG: u32 = 16;
const TAG_BYTES: u32 = 4;
/// What the kernel takes off: IEEE 802.1Q and 802.1ad.
const TAG_TYPES: [u32; 2] = [0x8100, 0x88a8];

/// ARPHRD numbers of linux/if_arp.h: those of [`crate::wire::frame::Link::from_arphrd`].
const ETHERNET: [u32; 2] = [1, 772];
const RAW: [u32; 7] = [519, 768, 769, 776, 778, 823, 0xfffe];

/// A filter as the kernel takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveProgram {
    instructions: Box<[Instruction]>,
    hints: Vec<String>,
}

impl LiveProgram {
    /// Its instructions; one that accepts returns `snap_length`.
    pub fn instructions(&self, snap_length: u32) -> Vec<Instruction> {
        let returns = |instruction: &Instruction| match instruction {
            Instruction { code: 0x06, k: ALL, .. } => {
                Instruction { k: snap_length, ..*instruction }
            }
            other => *other,
        };
        self.instructions.iter().map(returns).collect()
    }

    /// What may surprise: sentences without a full stop.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

pub(super) fn compile(expression: Option<&Expression>) -> Result<LiveProgram> {
    let mut hints = Vec::new();
    let mut failed: Option<FilterError> = None;
    let mut any = false;
    let mut kind = |target, what: &str| match condition(expression, target) {
        Ok(condition) => {
            any = true;
            condition
        }
        Err(error) => {
            hints.push(format!("on interfaces {what} it lets nothing through: {error}"));
            failed.get_or_insert(error);
            Condition::Always(false)
        }
    };
    let ethernet = kind(Target::LiveEthernet, "with Ethernet headers");
    let raw = kind(Target::LiveRaw, "without link headers (tun and IP tunnels)");
    let payload = kind(Target::LivePayload, "of other kinds");
    if let (false, Some(error)) = (any, failed) {
        return Err(error);
    }
    let mut rewriter = Rewriter { looks_past: false };
    let tagged = rewriter.condition(&ethernet);
    if rewriter.looks_past {
        hints.push(
            "of frames with a VLAN tag, ether[…] with a computed offset sees the bytes without it"
                .to_owned(),
        );
    }
    let has_tag = extension(HAS_TAG, Jump::Equal, 0).not();
    let ethernet = has_tag.clone().and(tagged).or(has_tag.not().and(ethernet));
    let ethernet = hardware(&ETHERNET).and(ethernet);
    let raw = hardware(&RAW).and(raw);
    let known: Vec<u32> = ETHERNET.into_iter().chain(RAW).collect();
    let other = hardware(&known).not().and(payload);
    let graph = Graph::of(&ethernet.or(raw.or(other)))?;
    Ok(LiveProgram { instructions: graph.linear()?.into(), hints })
}

fn extension(at: u32, jump: Jump, k: u32) -> Condition {
    let code = vec![Op::LoadAbsolute(Size::Word, at)];
    Condition::Test { code, jump, operand: Operand::K(k) }
}

fn hardware(numbers: &[u32]) -> Condition {
    let tests = numbers.iter().map(|number| extension(HARDWARE, Jump::Equal, *number));
    tests.reduce(Condition::or).unwrap_or(Condition::Always(false))
}

/// Makes a program for whole frames one for frames whose tag the kernel holds.
struct Rewriter {
    looks_past: bool,
}

impl Rewriter {
    fn condition(&mut self, condition: &Condition) -> Condition {
        match condition {
            Condition::Always(holds) => Condition::Always(*holds),
            Condition::Not(inner) => self.condition(inner).not(),
            Condition::And(first, second) => self.condition(first).and(self.condition(second)),
            Condition::Or(first, second) => self.condition(first).or(self.condition(second)),
            Condition::Run(code) => Condition::Run(self.code(code)),
            Condition::RunIf(test, code) => {
                Condition::RunIf(self.condition(test).into(), self.code(code))
            }
            // The outer tag is one of two; nothing else stands where the EtherType would.
            Condition::Test { code, jump: Jump::Equal, operand: Operand::K(kind) }
                if code[..] == [Op::LoadAbsolute(Size::Half, TAG_AT)]
                    && !TAG_TYPES.contains(kind) =>
            {
                Condition::Always(false)
            }
            Condition::Test { code, jump, operand } => {
                Condition::Test { code: self.code(code), jump: *jump, operand: *operand }
            }
        }
    }

    fn code(&mut self, code: &[Op]) -> Vec<Op> {
        code.iter().flat_map(|op| self.op(*op)).collect()
    }

    fn op(&mut self, op: Op) -> Vec<Op> {
        match op {
            Op::LoadAbsolute(_, at) if at >= EXTENSIONS => vec![op],
            Op::LoadAbsolute(size, at) if at >= BEHIND_TAG => {
                vec![Op::LoadAbsolute(size, at - TAG_BYTES)]
            }
            Op::LoadAbsolute(size, at) if at + size.bytes() <= TAG_AT => vec![op],
            Op::LoadAbsolute(Size::Half, TAG_AT) => vec![Op::LoadAbsolute(Size::Half, TAG_TYPE)],
            Op::LoadAbsolute(size, at) => around_tag(at, size.bytes()),
            Op::LoadXHeaderLength(at) if at >= BEHIND_TAG => {
                vec![Op::LoadXHeaderLength(at - TAG_BYTES)]
            }
            Op::LoadXHeaderLength(at) if at < TAG_AT => vec![op],
            Op::LoadXHeaderLength(at) => {
                let mut code = virtual_byte(at);
                code.extend([Op::AluK(Alu::And, 0xf), Op::AluK(Alu::ShiftLeft, 2), Op::Tax]);
                code
            }
            Op::LoadIndexed(size, at) if at >= BEHIND_TAG => {
                vec![Op::LoadIndexed(size, at - TAG_BYTES)]
            }
            Op::LoadIndexed(_, at) => {
                // An IP header at 14 is none of a tagged frame: that is tested before.
                self.looks_past |= at != 14;
                vec![op]
            }
            Op::LoadLength => vec![op, Op::AluK(Alu::Add, TAG_BYTES)],
            other => vec![other],
        }
    }
}

/// A byte of a frame as it would be with its tag.
fn virtual_byte(at: u32) -> Vec<Op> {
    let load = |source| Op::LoadAbsolute(Size::Word, source);
    match at {
        12 => vec![load(TAG_TYPE), Op::AluK(Alu::ShiftRight, 8)],
        13 => vec![load(TAG_TYPE), Op::AluK(Alu::And, 0xff)],
        14 => vec![load(TAG), Op::AluK(Alu::ShiftRight, 8)],
        15 => vec![load(TAG), Op::AluK(Alu::And, 0xff)],
        BEHIND_TAG.. => vec![Op::LoadAbsolute(Size::Byte, at - TAG_BYTES)],
        _ => vec![Op::LoadAbsolute(Size::Byte, at)],
    }
}

/// Bytes of which some are the tag's, one by one. X is free where something is loaded.
fn around_tag(at: u32, bytes: u32) -> Vec<Op> {
    let mut code = virtual_byte(at);
    for next in at + 1..at + bytes {
        code.extend([Op::AluK(Alu::ShiftLeft, 8), Op::Tax]);
        code.extend(virtual_byte(next));
        code.push(Op::AluX(Alu::Or));
    }
    code
}
