//! What the tests of an expression are compiled with: registers, places and loads.

use super::code::{Alu, Condition, Jump, Op, Operand, Size};
use super::error::{FilterError, Result};
use super::link::Layout;
use super::place::{Anchor, LINK_REGISTER, PAYLOAD_REGISTER, Place};

pub(super) struct Compiler {
    pub(super) layout: Layout,
    /// The next register for a number on the way.
    pub(super) scratch: u8,
    /// The first register that a place has.
    pub(super) reserved: u8,
}

impl Compiler {
    pub(super) fn take_scratch(&mut self) -> Result<u8> {
        if self.scratch >= self.reserved {
            return Err(too_involved());
        }
        self.scratch += 1;
        Ok(self.scratch - 1)
    }

    pub(super) fn take_place_register(&mut self) -> Result<u8> {
        if self.reserved <= 1 {
            return Err(too_involved());
        }
        self.reserved -= 1;
        Ok(self.reserved)
    }

    /// Notes that a place must be found first, and gives the operations that put its register
    /// into X.
    fn base(&mut self, place: Place) -> Vec<Op> {
        match place.register {
            None => Vec::new(),
            Some(register) => {
                self.layout.uses_link |= register == LINK_REGISTER;
                self.layout.uses_payload |= register == PAYLOAD_REGISTER;
                vec![Op::LoadXMemory(register)]
            }
        }
    }

    /// Whether headers of a length that varies stand before a place.
    pub(super) fn is_moving(&self, anchor: Anchor) -> bool {
        self.layout.place(anchor).register.is_some()
    }

    /// A = the bytes at `offset` from an anchor.
    pub(super) fn load(&mut self, anchor: Anchor, offset: u32, size: Size) -> Vec<Op> {
        let place = self.layout.place(anchor);
        if anchor == Anchor::Transport4 {
            let mut code = self.header_length(place);
            code.push(Op::LoadIndexed(size, within(place, offset)));
            return code;
        }
        let mut code = self.base(place);
        let at = within(place, offset);
        code.push(match place.register {
            None => Op::LoadAbsolute(size, at),
            Some(_) => Op::LoadIndexed(size, at),
        });
        code
    }

    /// The same with an offset that `index` leaves in A.
    pub(super) fn load_at(
        &mut self,
        anchor: Anchor,
        index: Vec<Op>,
        size: Size,
        register: u8,
    ) -> Vec<Op> {
        let place = self.layout.place(anchor);
        let base = match anchor {
            Anchor::Transport4 => self.header_length(place),
            _ => self.base(place),
        };
        let mut code = index;
        if base.is_empty() {
            code.push(Op::Tax);
        } else {
            code.push(Op::Store(register));
            code.extend(base);
            code.extend([Op::LoadMemory(register), Op::AluX(Alu::Add), Op::Tax]);
        }
        code.push(Op::LoadIndexed(size, place.at));
        code
    }

    /// X = the length of the IPv4 header at `place`, with the register of the place added.
    pub(super) fn header_length(&mut self, place: Place) -> Vec<Op> {
        let mut code = self.base(place);
        if code.is_empty() {
            return vec![Op::LoadXHeaderLength(place.at)];
        }
        code.extend([
            Op::LoadIndexed(Size::Byte, place.at),
            Op::AluK(Alu::And, 0xf),
            Op::AluK(Alu::ShiftLeft, 2),
            Op::AluX(Alu::Add),
            Op::Tax,
        ]);
        code
    }

    /// Whether the bytes at an offset have a value.
    pub(super) fn compare(
        &mut self,
        anchor: Anchor,
        offset: u32,
        size: Size,
        value: u32,
    ) -> Condition {
        self.test(anchor, offset, size, Jump::Equal, value)
    }

    pub(super) fn test(
        &mut self,
        anchor: Anchor,
        offset: u32,
        size: Size,
        jump: Jump,
        value: u32,
    ) -> Condition {
        let code = self.load(anchor, offset, size);
        Condition::Test { code, jump, operand: Operand::K(value) }
    }

    /// The same with only some of their bits.
    pub(super) fn compare_masked(
        &mut self,
        anchor: Anchor,
        offset: u32,
        size: Size,
        value: u32,
        mask: u32,
    ) -> Condition {
        // What no bit of counts need not be there.
        if mask == 0 && self.layout.place(anchor).register.is_none() {
            return Condition::Always(value == 0);
        }
        let mut code = self.load(anchor, offset, size);
        if mask != u32::MAX {
            code.push(Op::AluK(Alu::And, mask));
        }
        Condition::Test { code, jump: Jump::Equal, operand: Operand::K(value) }
    }

    /// Six bytes, the last four first.
    pub(super) fn compare_mac(&mut self, offset: u32, mac: [u8; 6]) -> Condition {
        let [a, b, rest @ ..] = mac;
        let rest = u32::from_be_bytes(rest);
        let last = self.compare(Anchor::LinkHeader, offset + 2, Size::Word, rest);
        let first = u16::from_be_bytes([a, b]).into();
        last.and(self.compare(Anchor::LinkHeader, offset, Size::Half, first))
    }

    /// An IPv4 packet that is whole, or the first fragment.
    pub(super) fn no_later_fragment(&mut self) -> Condition {
        self.test(Anchor::Payload, 6, Size::Half, Jump::BitsSet, 0x1fff).not()
    }
}

/// `offset` from a place. What lies before the packet is beyond it, as it is in a file: the kernel
/// answers some of these loads with something else (linux/filter.h, SKF_AD_OFF).
fn within(place: Place, offset: u32) -> u32 {
    place.at.wrapping_add(offset).min(i32::MAX as u32)
}

fn too_involved() -> FilterError {
    FilterError::new("the filter needs more numbers at once than the sixteen that can be kept")
}
