//! Bytes that nobody recorded: real answers with bits changed, pieces cut out and repeated.

use std::time::Duration;

use proptest::prelude::*;

use super::conversations;
use crate::probe::dialogue::{Exchange, Input, Learnt, Next, dns, ntp, recognise};

/// Real answers in the order in which a conversation meets them, for mutations to begin with.
const SEEDS: &[&[u8]] = &[
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nX-Folded: a\r\n b\r\nContent-Length: 9\r\n\r\n<title>x</title>",
    b"SSH-2.0-OpenSSH_9.2p1\r\n\0\0\0\x1c\x04\x14aaaaaaaaaaaaaaaa\0\0\0\x02ab\0\0\0\0\0\0\0",
    b"220-mail.example\r\n220 ESMTP Exim 4.96\r\n250-mail.example\r\n250 STARTTLS\r\n220 go\r\n250 x\r\n",
    b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\ns2 OK go\r\n* CAPABILITY X\r\ns3 OK\r\n* BYE\r\n",
    b"+OK ready\r\n+OK\r\nSTLS\r\n.\r\n+OK go\r\n+OK\r\nUSER\r\n.\r\n",
    b"+PONG\r\n$22\r\nredis_version:7.0.15\r\n\r\n-NOAUTH x\r\n",
    b"SR\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0E\0\0\0\x15SFATAL\0C53300\0Mno\0\0Z\0\0\0\x05I",
    b"d\0\0\0\n5.5.5-10.11.19-MariaDB-0+deb12u1\0\x0c\0\0\0QFJ~`ExN\0\xfe\xff\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0]hpz58X47X8M\0mysql_native_password\0\x05\0\0\x02\xfeabc\0\x07\0\0\x04\xff\x15\x04#28000",
    b"\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0\xff\xfb\x01login: \xff\xff",
    b"VERSION 1.6.18\r\n",
    b"\x20\x02\0\0\x20\x03\0\x87\0",
    b"\0\x2b\0\x01\x85\x80\0\x01\0\x01\0\0\0\0\x01a\x07example\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\x01,\0\x04\xc0\0\x02\x01",
    b"\0\0\0\x04\0\0\0\0\0\0\0\x06\x01\x04\0\0\0\x01\x88\x40\x01a\x01b\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\x02",
    b"\x05\0\x05\0\0\x03\x09a.example\0\x50tunnel",
    b"\0\x5a\x1f\x90\x7f\0\0\x01",
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let seed = 0..SEEDS.len();
    let mutations =
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..12);
    let mutated = (seed, mutations).prop_map(|(seed, mutations)| {
        let mut bytes = SEEDS[seed].to_vec();
        for (at, byte, kind) in mutations {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, byte),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    });
    prop_oneof![4 => mutated, 1 => prop::collection::vec(any::<u8>(), 0..600)]
}

fn all() -> Vec<Exchange> {
    let question = dns::Question::new("a.example", "A", 1).unwrap();
    let mut all = conversations();
    all.extend([
        Exchange::Listen(Duration::from_millis(100)),
        Exchange::Smtp { client: "x".to_owned(), starttls: true },
        Exchange::Imap { starttls: true },
        Exchange::Pop3 { starttls: true },
        Exchange::Ftp { starttls: true },
        Exchange::Postgres { user: "x".to_owned(), starttls: true },
        Exchange::Mysql { user: "x".to_owned(), starttls: true },
        Exchange::Dns(question),
        Exchange::Ntp(ntp::Ask {
            cookie: 0,
            opened_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        }),
    ]);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_conversation_ends_and_says_and_keeps_little(bytes in bytes(), portion in 1..40_usize) {
        let _ = (recognise::heard(&bytes), recognise::refusal(&bytes));
        for exchange in all() {
            let mut dialogue = exchange.begin();
            let (mut sent, mut kept, mut at) = (0, 0, Duration::ZERO);
            let mut inputs = vec![Input::Opened];
            inputs.extend(bytes.chunks(portion).map(Input::Received));
            inputs.extend([Input::TimedOut; 16]);
            let mut inputs = inputs.into_iter();
            let (mut secured, mut is_over) = (false, false);
            while !is_over {
                let input = if std::mem::take(&mut secured) { Input::Secured } else {
                    inputs.next().unwrap_or_else(|| panic!("{exchange:?} came to no end"))
                };
                let step = dialogue.step(input, at);
                sent += step.send.len();
                kept += step.learnt.iter().map(Learnt::detail).map(|it| format!("{it:?}").len()).sum::<usize>();
                match step.next {
                    Next::Wait(until) if input == Input::TimedOut => at = at.max(until),
                    Next::Wait(until) => prop_assert!(until <= at + Duration::from_secs(60)),
                    Next::Upgrade => secured = true,
                    Next::Done { .. } => is_over = true,
                }
            }
            prop_assert!(sent <= 4096, "{exchange:?} sent {sent} bytes");
            prop_assert!(kept <= 64 * 1024, "{exchange:?} kept {kept}");
        }
    }
}
