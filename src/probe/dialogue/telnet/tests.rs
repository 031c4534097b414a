use crate::model::dialogue::{AppProtocol, Conclusion};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

/// inetutils-telnetd 2.4
const OPTIONS: &[u8] =
    b"\xff\xfb\x25\xff\xfb\x26\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27\xff\xfd\x24";

#[test]
fn every_option_is_declined_once_and_the_prompt_is_the_greeting() {
    let again = [OPTIONS, b"\xff\xfa\x18\x01\xff\xf0", b"\r\nvm login: "].concat();
    let played = play(&Exchange::Telnet, &[In::Bytes(OPTIONS), In::Bytes(&again)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let declined =
        b"\xff\xfe\x25\xff\xfe\x26\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27\xff\xfc\x24";
    assert_eq!(played.sent, declined);
    let greeting = played.greeting().unwrap();
    assert_eq!(
        (greeting.protocol, greeting.text.as_deref()),
        (Some(AppProtocol::Telnet), Some("vm login:"))
    );
    let options = greeting.capabilities.as_deref().unwrap();
    assert_eq!(options[..3], ["WILL AUTHENTICATION", "WILL ENCRYPT", "DO TERMINAL-TYPE"]);
}

#[test]
fn options_without_a_prompt_are_a_greeting_too() {
    let played = play(&Exchange::Telnet, &[In::Bytes(OPTIONS), In::Silence]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert_eq!(played.greeting().unwrap().text, None);
}

#[test]
fn an_ssh_server_is_no_telnet_server() {
    let played = play(&Exchange::Telnet, &[In::Bytes(b"SSH-2.0-OpenSSH_9.2p1\r\n"), In::Silence]);
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Ssh));
}
