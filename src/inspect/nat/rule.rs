//! One rule: its expressions in order, once for each case that a look into a set makes of it.

use std::net::IpAddr;

use super::bytes::{Byte, Field, Registers, unknown};
use super::conditions::{Holds, compare, lies_between};
use super::packet::Packet;
use super::sets::look_up;
use super::walk::Sets;
use crate::wire::netfilter::expression::{Data, Register};
use crate::wire::netfilter::{Expression, Rule, Verdict, xt};

/// `NF_CT_STATE_BIT(IP_CT_NEW)`: most packets that are followed begin connections.
const NEW_CONNECTION: u32 = 8;
/// `NF_CT_STATE_BIT(IP_CT_ESTABLISHED)`: the others answer such packets.
const ESTABLISHED: u32 = 2;
/// More elements of one set than this may depend on what is not known.
const MOST_BRANCHES: usize = 32;

/// What a rule does for some of the packets.
pub(super) struct Effect {
    /// Which; all where there is no condition.
    pub(super) conditions: Vec<String>,
    pub(super) action: Action,
}

pub(super) enum Action {
    Verdict(Verdict),
    Translate(Translation),
}

/// A new destination.
#[derive(Clone, Copy)]
pub(super) struct Translation {
    pub(super) addr: Option<IpAddr>,
    pub(super) to_this_host: bool,
    pub(super) port: Option<u16>,
}

/// What a rule does, and how much of it was not understood.
pub(super) fn effects(rule: &Rule, packet: Packet<'_>, sets: &Sets<'_>) -> (Vec<Effect>, usize) {
    let mut reading = Reading { rule, packet, sets, effects: Vec::new(), unread: 0 };
    reading.go_on(0, State { registers: Registers::new(), conditions: Vec::new() });
    (reading.effects, reading.unread)
}

struct Reading<'a> {
    rule: &'a Rule,
    packet: Packet<'a>,
    sets: &'a Sets<'a>,
    effects: Vec<Effect>,
    unread: usize,
}

/// What one expression makes of the rule.
enum Step {
    /// The next, if this holds.
    Next(Holds),
    /// The rule is at its end.
    Done(Action),
}

impl Reading<'_> {
    fn go_on(&mut self, from: usize, mut state: State) {
        let rule = self.rule;
        for (index, expression) in rule.expressions.iter().enumerate().skip(from) {
            if let Expression::Lookup { set, from, to, inverted } = expression {
                return self.branch(index, &state, set, *from, *to, *inverted);
            }
            match self.step(expression, &mut state) {
                Step::Next(holds) => {
                    if !state.require(holds) {
                        return;
                    }
                }
                Step::Done(action) => {
                    return self.effects.push(Effect { conditions: state.conditions, action });
                }
            }
        }
    }

    fn branch(
        &mut self,
        index: usize,
        state: &State,
        name: &str,
        from: Register,
        to: Option<Register>,
        inverted: bool,
    ) {
        let sets = self.sets;
        let set = sets.get(&(&self.rule.table, name)).copied();
        let key = set.and_then(|set| state.registers.read(from, set.key_len));
        let (Some(set), Some(key)) = (set, key) else {
            self.unread += 1;
            let mut state = state.clone();
            state.require(Holds::If(format!("by the set {name}, which could not be read")));
            return self.go_on(index + 1, state);
        };
        let cases = look_up(set, key, inverted);
        self.unread += usize::from(cases.len() > MOST_BRANCHES);
        for (holds, value) in cases.into_iter().take(MOST_BRANCHES) {
            let mut state = state.clone();
            if !state.require(holds) {
                continue;
            }
            match (value, to) {
                (Some(Data::Verdict(verdict)), Some(_)) => {
                    let action = Action::Verdict(verdict.clone());
                    self.effects.push(Effect { conditions: state.conditions, action });
                }
                (Some(Data::Value(value)), Some(to)) => {
                    let holds = state.write(to, &constant(value));
                    if state.require(holds) {
                        self.go_on(index + 1, state);
                    }
                }
                _ => self.go_on(index + 1, state),
            }
        }
    }

    fn step(&mut self, expression: &Expression, state: &mut State) -> Step {
        let packet = self.packet;
        Step::Next(match expression {
            Expression::Payload { to, base, offset, len } => {
                state.write(*to, &packet.payload(*base, *offset, *len))
            }
            Expression::Meta { to, key } => state.write(*to, &packet.meta(*key)),
            Expression::Fib { to, result, flags } => state.write(*to, &packet.fib(*result, *flags)),
            Expression::Unknown { name, to } => {
                state.write(*to, &unknown(&Field::Other(name.clone()), 16))
            }
            Expression::Load { to, data } => state.write(*to, &constant(data)),
            Expression::Bitwise { from, to, mask, xor } => state.bitwise(*from, *to, mask, xor),
            Expression::Cmp { from, op, data } => {
                let bytes = state.registers.read(*from, data.len());
                bytes.map_or_else(beyond, |bytes| compare(bytes, *op, data))
            }
            Expression::Range { from, inverted, first, last } => {
                let bytes = state.registers.read(*from, first.len());
                let holds = bytes.map_or_else(beyond, |bytes| lies_between(bytes, first, last));
                if *inverted { holds.inverted() } else { holds }
            }
            Expression::Verdict(verdict) => return Step::Done(Action::Verdict(verdict.clone())),
            Expression::Dnat { addr, port } => {
                return self.translate(Translation {
                    addr: addr.and_then(|register| state.addr(register, packet.is_v6)),
                    to_this_host: false,
                    port: port.and_then(|register| state.port(register)),
                });
            }
            Expression::Redirect { port } => return self.redirect(*port, state),
            Expression::Match(found) => packet.matches(found),
            Expression::Target(target) => return self.target(target),
            Expression::Reject => return Step::Done(Action::Verdict(Verdict::Drop)),
            Expression::Tproxy => Holds::Yes,
            Expression::ConnectionState { to } => {
                let number = if packet.known.is_answer { ESTABLISHED } else { NEW_CONNECTION };
                state.write(*to, &constant(&number.to_ne_bytes()))
            }
            Expression::Condition { name } => Holds::If(format!("by a condition on {name}")),
            Expression::Neutral | Expression::Lookup { .. } => Holds::Yes,
        })
    }

    fn translate(&self, translation: Translation) -> Step {
        Step::Done(Action::Translate(translation))
    }

    fn redirect(&mut self, port: Option<Register>, state: &State) -> Step {
        let known = port.map(|register| state.port(register));
        self.unread += usize::from(known == Some(None));
        self.translate(Translation { addr: None, to_this_host: true, port: known.flatten() })
    }

    fn target(&mut self, target: &xt::Target) -> Step {
        let is_v6 = self.packet.is_v6;
        match target {
            xt::Target::Neutral => Step::Next(Holds::Yes),
            xt::Target::Reject => Step::Done(Action::Verdict(Verdict::Drop)),
            xt::Target::Tproxy => Step::Done(Action::Verdict(Verdict::Accept)),
            xt::Target::Unread(_) => {
                self.unread += 1;
                Step::Next(Holds::Yes)
            }
            xt::Target::Dnat { addr, port } => self.translate(Translation {
                // The structure does not say of which family an address with a zero tail is.
                addr: addr.filter(|addr| addr.is_ipv6() == is_v6),
                to_this_host: false,
                port: *port,
            }),
            xt::Target::Redirect { port } => {
                self.translate(Translation { addr: None, to_this_host: true, port: *port })
            }
        }
    }
}

/// What a rule has found out so far.
#[derive(Clone)]
struct State {
    registers: Registers,
    conditions: Vec<String>,
}

impl State {
    /// False where the rule ends for every packet.
    fn require(&mut self, holds: Holds) -> bool {
        if let Holds::If(condition) = holds {
            if !self.conditions.contains(&condition) {
                self.conditions.push(condition);
            }
            return true;
        }
        holds == Holds::Yes
    }

    fn write(&mut self, to: Register, bytes: &[Byte]) -> Holds {
        if self.registers.write(to, bytes) { Holds::Yes } else { beyond() }
    }

    fn bitwise(&mut self, from: Register, to: Register, mask: &[u8], xor: &[u8]) -> Holds {
        let Some(bytes) = self.registers.read(from, mask.len()) else { return beyond() };
        let masked: Vec<Byte> = bytes
            .iter()
            .zip(mask.iter().zip(xor))
            .map(|(byte, (mask, xor))| byte.masked(*mask, *xor))
            .collect();
        self.write(to, &masked)
    }

    fn port(&self, register: Register) -> Option<u16> {
        let bytes = self.registers.known(register, 2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn addr(&self, register: Register, is_v6: bool) -> Option<IpAddr> {
        if is_v6 {
            let octets: [u8; 16] = self.registers.known(register, 16)?.try_into().ok()?;
            return Some(octets.into());
        }
        let octets: [u8; 4] = self.registers.known(register, 4)?.try_into().ok()?;
        Some(octets.into())
    }
}

fn constant(bytes: &[u8]) -> Vec<Byte> {
    bytes.iter().map(|byte| Byte::Known(*byte)).collect()
}

/// For registers that no kernel has.
fn beyond() -> Holds {
    Holds::If("by something that sockpit does not read".to_owned())
}
