use crate::model::dialogue::{Answer, AppProtocol, Conclusion, RefusalCause};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

/// memcached 1.6.18
#[test]
fn the_version_is_learnt_and_quit_is_said() {
    let played = play(&Exchange::Memcached, &[In::Bytes(b"VERSION 1.6.18\r\n")]);
    assert_eq!(
        (played.conclusion.clone(), played.sent.as_slice()),
        (Conclusion::Answered, &b"version\r\nquit\r\n"[..])
    );
    let Some(Answer::Memcached(answer)) = played.answer() else { panic!("{played:?}") };
    assert_eq!(answer.version.as_deref(), Some("1.6.18"));
}

#[test]
fn a_full_server_refuses() {
    let full = b"ERROR Too many open connections\r\n";
    let played = play(&Exchange::Memcached, &[In::Bytes(full), In::Rst]);
    let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(refusal.cause, RefusalCause::TooManyClients);
}

#[test]
fn a_redis_server_is_no_memcached() {
    let redis = b"-ERR unknown command 'version', with args beginning with: \r\n";
    let played = play(&Exchange::Memcached, &[In::Bytes(redis), In::Silence]);
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Redis));
}
