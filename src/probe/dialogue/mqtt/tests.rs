use crate::model::dialogue::{Answer, AppProtocol, Conclusion};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

/// mosquitto 2.0.11
#[test]
fn a_broker_accepts_and_is_left_with_disconnect() {
    let played = play(&Exchange::Mqtt, &[In::Bytes(b"\x20\x02\0\0")]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert_eq!(played.sent, b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0\xe0\0");
}

#[test]
fn a_broker_that_wants_a_login_has_answered() {
    let played = play(&Exchange::Mqtt, &[In::Bytes(b"\x20\x02\0\x05"), In::Fin]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let Some(Answer::Mqtt(answer)) = played.answer() else { panic!("{played:?}") };
    assert!(answer.login_required);
    assert_eq!((answer.code, answer.reason.as_str()), (5, "not authorised"));
}

#[test]
fn unavailable_brokers_refuse_and_others_are_recognised() {
    let played = play(&Exchange::Mqtt, &[In::Bytes(b"\x20\x02\0\x03")]);
    assert!(matches!(played.conclusion, Conclusion::Refused(_)), "{played:?}");
    let played = play(&Exchange::Mqtt, &[In::Bytes(b"AMQP\0\0\x09\x01"), In::Rst]);
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Amqp));
}
