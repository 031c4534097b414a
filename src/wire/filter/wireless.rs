//! Where the header of IEEE 802.11 ends.

use super::code::{Alu, Condition, Jump, Op, Operand, Size};
use super::place::{LINK_REGISTER, LinkKind, PAYLOAD_REGISTER};

/// Where the 802.11 header ends (IEEE 802.11, 9.2): two bytes later for QoS data; behind a
/// radiotap header that says so, zeros follow up to a multiple of four.
pub(super) fn find_wireless_payload(kind: LinkKind) -> Vec<Condition> {
    const DATA: u32 = 0x08;
    const CONTROL: u32 = 0x04;
    const QOS: u32 = 0x80;
    let start = match kind {
        LinkKind::Wireless => Op::LoadXImmediate(0),
        _ => Op::LoadXMemory(LINK_REGISTER),
    };
    let begin = Condition::Run(vec![
        start,
        Op::Txa,
        Op::AluK(Alu::Add, 24),
        Op::Store(PAYLOAD_REGISTER),
        Op::LoadIndexed(Size::Byte, 0),
    ]);
    let is_data = || Condition::bits(DATA).and(Condition::bits(CONTROL).not());
    let longer = || {
        vec![Op::LoadMemory(PAYLOAD_REGISTER), Op::AluK(Alu::Add, 2), Op::Store(PAYLOAD_REGISTER)]
    };
    let qos = Condition::RunIf(Box::new(is_data().and(Condition::bits(QOS))), longer());
    if kind != LinkKind::Radiotap {
        return vec![begin, qos];
    }
    // The present word: flags, the time before them, more such words.
    let present = |k| Condition::Test {
        code: vec![Op::LoadAbsolute(Size::Word, 4)],
        jump: Jump::BitsSet,
        operand: Operand::K(k),
    };
    let padded = |at| Condition::Test {
        code: vec![Op::LoadAbsolute(Size::Byte, at)],
        jump: Jump::BitsSet,
        operand: Operand::K(0x20),
    };
    let has_time = || present(0x0100_0000);
    let flags = has_time().and(padded(16)).or(has_time().not().and(padded(8)));
    let is_padded = present(0x0200_0000).and(Condition::bits(0x80).not()).and(flags);
    let again = Condition::Test {
        code: vec![Op::LoadXMemory(LINK_REGISTER), Op::LoadIndexed(Size::Byte, 0)],
        jump: Jump::BitsSet,
        operand: Operand::K(DATA),
    };
    let is_data_again = again.and(Condition::bits(CONTROL).not());
    let align = vec![
        Op::LoadMemory(PAYLOAD_REGISTER),
        Op::AluK(Alu::Add, 3),
        Op::AluK(Alu::And, !3),
        Op::Store(PAYLOAD_REGISTER),
    ];
    let padding = Condition::RunIf(Box::new(is_data_again.and(is_padded)), align);
    vec![begin, qos, padding]
}
