use crate::model::dialogue::{AppProtocol, Conclusion, RefusalCause};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

/// OpenSSH_9.2p1's offer, cut to two names a list.
fn kexinit() -> Vec<u8> {
    let lists = [
        "sntrup761x25519-sha512@openssh.com,curve25519-sha256",
        "rsa-sha2-512,ssh-ed25519",
        "chacha20-poly1305@openssh.com",
        "chacha20-poly1305@openssh.com,aes128-ctr",
        "umac-64-etm@openssh.com",
        "umac-64-etm@openssh.com",
        "none",
        "none,zlib@openssh.com",
        "",
        "",
    ];
    let mut payload = vec![20];
    payload.extend([7; 16]);
    for list in lists {
        payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend(list.bytes());
    }
    payload.extend([0; 5]);
    let padding = 4 + (8 - (5 + payload.len() + 4) % 8) % 8;
    let mut packet = u32::try_from(payload.len() + padding + 1).unwrap().to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap());
    packet.extend(payload);
    packet.extend(vec![0; padding]);
    packet
}

#[test]
fn the_identification_and_the_offers_are_the_greeting() {
    let bytes = [b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n".to_vec(), kexinit()].concat();
    let played = play(&Exchange::Ssh, &[In::Bytes(&bytes)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let greeting = played.greeting().unwrap();
    assert_eq!(greeting.software.as_deref(), Some("OpenSSH_9.2p1 Debian-2+deb12u7"));
    let offers = greeting.capabilities.as_ref().unwrap();
    for offer in
        ["kex=curve25519-sha256", "host_key=ssh-ed25519", "cipher=aes128-ctr", "compression=none"]
    {
        assert!(offers.iter().any(|name| name == offer), "{offer} in {offers:?}");
    }
    assert!(played.sent.starts_with(b"SSH-2.0-sockpit_"));
    let leave = &played.sent[played.sent.iter().position(|byte| *byte == b'\n').unwrap() + 1..];
    assert_eq!((leave.len() % 8, leave[5], &leave[6..10]), (0, 1, &[0, 0, 0, 11][..]));
}

#[test]
fn too_many_startups_are_a_refusal() {
    let played = play(&Exchange::Ssh, &[In::Bytes(b"Exceeded MaxStartups\r\n"), In::Fin]);
    let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(
        (refusal.cause, refusal.words.as_str()),
        (RefusalCause::TooManyClients, "Exceeded MaxStartups")
    );
}

#[test]
fn words_before_the_identification_are_passed_over() {
    let played = play(&Exchange::Ssh, &[In::Bytes(b"welcome\r\nSSH-2.0-x\r\n"), In::Silence]);
    assert_eq!(played.greeting().unwrap().software.as_deref(), Some("x"));
    assert_eq!(played.conclusion, Conclusion::Silent { heard_bytes: 20 });
}

#[test]
fn an_http_server_is_recognised() {
    let answer = b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\n\r\n<html>";
    let played = play(&Exchange::Ssh, &[In::Bytes(answer), In::Fin]);
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Http));
    assert_eq!(heard.software.as_deref(), Some("nginx/1.22.1"));
}

#[test]
fn impossible_packets_are_malformed() {
    let played = play(&Exchange::Ssh, &[In::Bytes(b"SSH-2.0-x\r\n\xff\xff\xff\xff")]);
    assert!(matches!(played.conclusion, Conclusion::Malformed { .. }), "{played:?}");
    assert!(played.greeting().is_some());
}
