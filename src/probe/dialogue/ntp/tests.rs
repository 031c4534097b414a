use super::*;
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, Played, play};

fn ask() -> Exchange {
    let opened_at = Some("2026-11-29T14:29:21Z".parse().unwrap());
    Exchange::Ntp(Ask { cookie: 0x1234_5678_9abc_def0, opened_at })
}

fn answer(played: &Played) -> &NtpAnswer {
    match played.answer() {
        Some(Answer::Ntp(answer)) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// ntpsec 1.2.2 whose clock is not set yet
const INIT: &[u8; 48] = b"\xe4\x00\x00\xe8\x00\x00\x00\x00\x00\x00\x00\x0eINIT\x00\x00\x00\x00\x00\x00\x00\x00\x124Vx\x9a\xbc\xde\xf0\xee\xb6\xb5\x41\x43\x06\x0e\x87\xee\xb6\xb5\x41\x43\x0d\xa1\xac";

#[test]
fn a_clock_that_is_not_set_is_said() {
    let played = play(&ask(), &[In::Bytes(INIT)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let answer = answer(&played);
    assert_eq!(
        (answer.synchronised, answer.stratum, answer.reference.as_str()),
        (false, 0, "INIT")
    );
    assert_eq!(answer.root_dispersion_us, 213);
}

#[test]
fn the_offset_is_counted_from_the_wall_clock() {
    let mut set = *INIT;
    (set[0], set[1]) = (0x24, 2);
    set[12..16].copy_from_slice(&[192, 0, 2, 1]);
    let played = play(&ask(), &[In::Bytes(&set)]);
    let answer = answer(&played);
    assert_eq!((answer.synchronised, answer.reference.as_str()), (true, "192.0.2.1"));
    assert_eq!(answer.transmit.unwrap().to_string(), "2026-11-29T14:29:21.26192675Z");
    // Sent and received at the same moment of the test's clock.
    let offset = answer.offset_us.unwrap();
    assert!((261_000..262_000).contains(&offset), "{offset}");
    assert!(answer.delay_us.is_none(), "less than no time on the way: the clocks disagree");
}

#[test]
fn a_kiss_of_death_is_a_refusal() {
    let mut rate = *INIT;
    rate[12..16].copy_from_slice(b"RATE");
    let played = play(&ask(), &[In::Bytes(&rate)]);
    let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
    assert_eq!((refusal.cause, refusal.code.as_deref()), (RefusalCause::TooFast, Some("RATE")));
}

#[test]
fn answers_to_others_are_passed_over() {
    let mut other = *INIT;
    other[31] ^= 1;
    let played = play(&ask(), &[In::Bytes(&other), In::Bytes(&INIT[..47])]);
    assert!(matches!(played.conclusion, Conclusion::Silent { heard_bytes: 95 }), "{played:?}");
}
