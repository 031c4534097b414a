//! MQTT 3.1.1 (OASIS): CONNECT, CONNACK, DISCONNECT. The session is clean and the client has no
//! name, so that the broker keeps nothing, and no client of that name is put out.

use crate::model::dialogue::{Answer, AppProtocol, Conclusion, MqttAnswer, Refusal, RefusalCause};

use super::ANSWER;
use super::talk::{Now, Talk, Turn};

/// Protocol name and level 4, clean session, no keep-alive, an empty client identifier (3.1).
const CONNECT: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00";
const DISCONNECT: &[u8] = b"\xe0\x00";

/// The conversation.
#[derive(Default)]
pub(super) struct Mqtt;

impl Talk for Mqtt {
    const PROTOCOL: AppProtocol = AppProtocol::Mqtt;

    fn opened(&mut self, _: &mut Now<'_>) -> Turn {
        Turn::Say(CONNECT.to_vec(), ANSWER)
    }

    fn heard(&mut self, now: &mut Now<'_>) -> Turn {
        let (flags, code) = match now.inbox.unread() {
            // A broker of MQTT 5 alone may answer in its own, longer way.
            [0x20, 2..=0x7f, flags @ (0 | 1), code, ..] => (*flags, *code),
            [] | [0x20] | [0x20, 2..=0x7f] | [0x20, 2..=0x7f, 0 | 1] => return Turn::More,
            _ => return Turn::Mismatch,
        };
        let reason = reason(code).to_owned();
        now.answer(Answer::Mqtt(MqttAnswer {
            code,
            reason: reason.clone(),
            login_required: matches!(code, 4 | 5),
            session_present: flags == 1,
        }));
        if let Some(cause) = refusal(code) {
            let refusal = Refusal { cause, code: Some(code.to_string()), words: reason };
            return Turn::End(Conclusion::Refused(refusal), Vec::new());
        }
        let farewell = if code == 0 { DISCONNECT.to_vec() } else { Vec::new() };
        Turn::End(Conclusion::Answered, farewell)
    }
}

/// The return codes of CONNACK (3.2.2.3), and those of MQTT 5 (3.2.2.2) that fit.
fn reason(code: u8) -> &'static str {
    match code {
        0 => "accepted",
        1 | 0x84 => "unacceptable protocol version",
        2 | 0x85 => "client identifier rejected",
        3 | 0x88 => "server unavailable",
        4 | 0x86 => "bad user name or password",
        5 | 0x87 => "not authorised",
        0x89 => "server busy",
        0x8a => "banned",
        0x97 => "quota exceeded",
        0x9f => "connection rate exceeded",
        _ => "a code that is not known",
    }
}

/// Which codes are a refusal of service; 4 and 5 only ask for a login.
fn refusal(code: u8) -> Option<RefusalCause> {
    Some(match code {
        0 | 4 | 5 => return None,
        3 | 0x88 => RefusalCause::Unavailable,
        0x87 => RefusalCause::NotAllowed,
        0x89 | 0x97 => RefusalCause::TooManyClients,
        0x8a => RefusalCause::Blocked,
        0x9f => RefusalCause::TooFast,
        _ => RefusalCause::Other,
    })
}

#[cfg(test)]
mod tests;
