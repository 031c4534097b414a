//! For tests: a dialogue played against recorded bytes, whole and in every other portioning.

use std::time::Duration;

use super::{Exchange, Input, Learnt, Next};
use crate::model::dialogue::{Answer, Conclusion, Greeting};

/// What the peer does next.
#[derive(Clone, Copy, Debug)]
pub(super) enum In<'a> {
    /// It sends these bytes.
    Bytes(&'a [u8]),
    /// It sends nothing until the time is up.
    Silence,
    /// It ends its direction.
    Fin,
    /// It resets.
    Rst,
    /// The TLS handshake is done.
    Tls,
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub(super) struct Played {
    pub sent: Vec<u8>,
    pub learnt: Vec<Learnt>,
    pub conclusion: Conclusion,
    pub rest: Vec<u8>,
}

impl Played {
    pub(super) fn greeting(&self) -> Option<&Greeting> {
        self.learnt.iter().find_map(|learnt| match learnt {
            Learnt::Greeting(greeting) => Some(greeting),
            Learnt::Answer(_) => None,
        })
    }

    pub(super) fn answer(&self) -> Option<&Answer> {
        self.learnt.iter().find_map(|learnt| match learnt {
            Learnt::Answer(answer) => Some(&**answer),
            Learnt::Greeting(_) => None,
        })
    }
}

/// Plays; a peer that has nothing more to do is silent. Over a stream the same bytes in portions
/// of one, two and seven bytes must come to the same.
pub(super) fn play(exchange: &Exchange, events: &[In<'_>]) -> Played {
    let whole = play_in(exchange, events, usize::MAX);
    if !exchange.is_datagram() {
        for portion in [1, 2, 7] {
            let parts = play_in(exchange, events, portion);
            assert_eq!(parts.learnt, whole.learnt, "in portions of {portion}");
            assert_eq!(parts.conclusion, whole.conclusion, "in portions of {portion}");
            assert_eq!(parts.sent, whole.sent, "in portions of {portion}");
        }
    }
    whole
}

/// Every portion comes at the same moment: what is measured must not depend on the portioning.
fn play_in(exchange: &Exchange, events: &[In<'_>], portion: usize) -> Played {
    let mut dialogue = exchange.begin();
    let (mut sent, mut learnt) = (Vec::new(), Vec::new());
    let mut at = Duration::ZERO;
    let mut until = Duration::ZERO;
    let mut inputs = vec![Input::Opened];
    for event in events {
        match event {
            In::Bytes(bytes) => {
                inputs.extend(bytes.chunks(portion.min(bytes.len().max(1))).map(Input::Received));
            }
            In::Silence => inputs.push(Input::TimedOut),
            In::Fin => inputs.push(Input::Ended),
            In::Rst => inputs.push(Input::Reset),
            In::Tls => inputs.push(Input::Secured),
        }
    }
    inputs.extend([Input::TimedOut; 16]);
    for input in inputs {
        if input == Input::TimedOut {
            at = until;
        }
        let step = dialogue.step(input, at);
        sent.extend(step.send);
        learnt.extend(step.learnt);
        match step.next {
            Next::Wait(moment) => until = moment,
            Next::Upgrade => {}
            Next::Done { conclusion, rest } => return Played { sent, learnt, conclusion, rest },
        }
    }
    panic!("the dialogue came to no end; it sent {:?}", String::from_utf8_lossy(&sent));
}
