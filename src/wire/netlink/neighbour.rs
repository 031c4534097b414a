//! `rtnetlink(7)`: who answers on a link for an address (`struct ndmsg`, linux/neighbour.h).

use std::net::IpAddr;

use super::route::address;
use super::{DUMP, HEADER_LEN, Malformed, REQUEST, attributes, u16_at, u32_at};

/// `RTM_GETNEIGH`.
const GET_NEIGHBOUR: u16 = 30;
/// `sizeof(struct ndmsg)`.
const NEIGHBOUR_LEN: usize = 12;
/// `NDA_DST`.
const DESTINATION: u16 = 1;

/// A request for all neighbours of both families.
pub fn dump(sequence: u32) -> [u8; HEADER_LEN + NEIGHBOUR_LEN] {
    let mut bytes = [0; HEADER_LEN + NEIGHBOUR_LEN];
    bytes[0..4].copy_from_slice(&((HEADER_LEN + NEIGHBOUR_LEN) as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&GET_NEIGHBOUR.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(REQUEST | DUMP).to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes
}

/// What is known of the link address of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is asked for, and nobody has answered (`NUD_INCOMPLETE`).
    Asked,
    /// Nobody answered (`NUD_FAILED`).
    Failed,
    /// It is known, or needs none.
    Known,
}

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Index of the interface.
    pub interface: u32,
    /// Its address.
    pub address: IpAddr,
    /// Whether it answers.
    pub state: State,
}

impl Neighbour {
    /// Reads the payload of an `RTM_NEWNEIGH`; `None` for one without an IP address.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let cut = Malformed { what: "a neighbour", need: NEIGHBOUR_LEN, have: payload.len() };
        let (Some(interface), Some(state), Some(rest)) =
            (u32_at(payload, 4), u16_at(payload, 8), payload.get(NEIGHBOUR_LEN..))
        else {
            return Err(cut);
        };
        let state = match state {
            0x01 => State::Asked,
            0x20 => State::Failed,
            _ => State::Known,
        };
        for attribute in attributes(rest) {
            let (kind, value) = attribute?;
            if kind == DESTINATION {
                let neighbour = |address| Self { interface, address, state };
                return Ok(address(value).map(neighbour));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `10.9.0.3 dev (3) FAILED`, as Linux 6.18 tells it.
    fn failed() -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0];
        bytes.extend(3_u32.to_ne_bytes()); // ndm_ifindex
        bytes.extend(0x20_u16.to_ne_bytes()); // ndm_state: NUD_FAILED
        bytes.extend([0, 1]); // ndm_flags, ndm_type: RTN_UNICAST
        bytes.extend(8_u16.to_ne_bytes());
        bytes.extend(DESTINATION.to_ne_bytes());
        bytes.extend([10, 9, 0, 3]);
        bytes
    }

    #[test]
    fn a_neighbour_that_nobody_answers_for_is_read() {
        let found = Neighbour::parse(&failed()).unwrap().unwrap();
        assert_eq!((found.interface, found.state), (3, State::Failed));
        assert_eq!(found.address, IpAddr::from([10, 9, 0, 3]));
    }

    #[test]
    fn no_prefix_of_an_answer_makes_it_panic() {
        let whole = failed();
        for length in 0..whole.len() {
            assert!(!matches!(Neighbour::parse(&whole[..length]), Ok(Some(_))), "{length}");
        }
    }
}
