//! NTP (RFC 5905): the client's question, with a number in place of its time so that nobody else
//! can answer it, and the server's clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::dialogue::{Answer, Conclusion, NtpAnswer, Refusal, RefusalCause};

use super::Learnt;
use super::datagram::{Answered, Question, Sent};

/// No leap warning, version 4, client (RFC 5905, 7.3).
const CLIENT: u8 = 0x23;

/// From 1900, where NTP's time begins, to 1970.
const TO_1970: i64 = 2_208_988_800;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// A number that is hard to guess; the server gives it back.
    pub cookie: u64,
    /// The wall clock when the conversation is opened; without it no offset is worked out.
    pub opened_at: Option<Timestamp>,
}

impl Question for Ask {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 48];
        bytes[0] = CLIENT;
        bytes[40..].copy_from_slice(&self.cookie.to_be_bytes());
        bytes
    }

    fn answered(&mut self, datagram: &[u8], sent: Sent, at: Duration) -> Option<Answered> {
        let packet: &[u8; 48] = datagram.first_chunk()?;
        // Modes 4 and 5, server and broadcast; the origin is our own number.
        if packet[0] & 7 != 4 || number(packet, 24) != self.cookie {
            return None;
        }
        let (receive, transmit) = (time(packet, 32), time(packet, 40));
        let mut answer = NtpAnswer {
            version: (packet[0] >> 3) & 7,
            stratum: packet[1],
            synchronised: packet[0] >> 6 != 3 && (1..16).contains(&packet[1]),
            reference: reference(packet[1], [packet[12], packet[13], packet[14], packet[15]]),
            transmit,
            offset_us: None,
            delay_us: None,
            root_delay_us: short(packet, 4),
            root_dispersion_us: short(packet, 8),
        };
        if let (Some(opened), Some(receive), Some(transmit)) = (self.opened_at, receive, transmit) {
            let there = clock(opened, sent.at).map(|sent| receive.duration_since(sent));
            let back = clock(opened, at).map(|came| transmit.duration_since(came));
            if let (Some(there), Some(back)) = (there, back) {
                answer.offset_us = micros(there).zip(micros(back)).map(|(a, b)| a.midpoint(b));
                let delay = there.checked_sub(back).and_then(micros);
                answer.delay_us = delay.and_then(|delay| u64::try_from(delay).ok());
            }
        }
        let conclusion = conclusion(&answer);
        Some(Answered { learnt: vec![Learnt::Answer(Box::new(Answer::Ntp(answer)))], conclusion })
    }
}

/// A "kiss of death" (RFC 5905, 7.4) is a refusal; other codes in its place only say that the
/// clock is not set yet.
fn conclusion(answer: &NtpAnswer) -> Conclusion {
    let refusal = |cause, words: &str| {
        let code = Some(answer.reference.clone());
        Conclusion::Refused(Refusal { cause, code, words: words.to_owned() })
    };
    match answer.reference.as_str() {
        "RATE" if answer.stratum == 0 => {
            refusal(RefusalCause::TooFast, "RATE: it is asked too often")
        }
        "DENY" | "RSTR" if answer.stratum == 0 => {
            refusal(RefusalCause::NotAllowed, "DENY: it serves this client no time")
        }
        _ => Conclusion::Answered,
    }
}

fn clock(opened: Timestamp, at: Duration) -> Option<Timestamp> {
    opened.checked_add(SignedDuration::try_from(at).ok()?).ok()
}

fn micros(duration: SignedDuration) -> Option<i64> {
    i64::try_from(duration.as_micros()).ok()
}

fn number(packet: &[u8; 48], at: usize) -> u64 {
    packet[at..at + 8].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Seconds and their fractions; zero is unknown. What has not the first bit set lies after 2036.
fn time(packet: &[u8; 48], at: usize) -> Option<Timestamp> {
    let number = number(packet, at);
    if number == 0 {
        return None;
    }
    let seconds = i64::try_from(number >> 32).ok()?;
    let era = if seconds < 1 << 31 { 1 << 32 } else { 0 };
    let nanos = i32::try_from(((number & 0xffff_ffff) * 1_000_000_000) >> 32).ok()?;
    Timestamp::new(seconds + era - TO_1970, nanos).ok()
}

/// 16 bits of seconds, 16 of their fractions.
fn short(packet: &[u8; 48], at: usize) -> u64 {
    let number = packet[at..at + 4].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
    (number * 1_000_000) >> 16
}

/// Letters for stratum 0 and 1, else an address (of IPv6 only a hash, which looks the same).
fn reference(stratum: u8, id: [u8; 4]) -> String {
    if stratum <= 1 {
        let letters = id.iter().take_while(|byte| **byte != 0);
        return letters.map(|byte| char::from(*byte)).collect();
    }
    id.map(|byte| byte.to_string()).join(".")
}

#[cfg(test)]
mod tests;
