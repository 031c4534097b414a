use proptest::prelude::*;

use super::super::socket::blank;
use super::super::tests::{Fixture, Numbers};
use super::super::{u16_at, u32_at};
use super::*;

/// `struct unix_diag_msg`.
fn fixed(kind: u8, state: u8, inode: u32) -> Fixture {
    Fixture::default()
        .u8(1) // udiag_family: AF_UNIX
        .u8(kind) // udiag_type
        .u8(state) // udiag_state
        .u8(0)
        .u32(inode) // udiag_ino
        .u32(0x1234) // udiag_cookie
        .u32(0x1)
}

/// A listener at /run/app.sock, with one that waits, as Linux 6.18 sends it.
fn listener() -> Fixture {
    fixed(1, 10, 77)
        .attribute(0, b"/run/app.sock\0") // UNIX_DIAG_NAME
        .attribute(1, &pair(9000, 254 << 20 | 3)) // UNIX_DIAG_VFS
        .attribute(3, &99u32.to_ne_bytes()) // UNIX_DIAG_ICONS
        .attribute(4, &pair(1, 128)) // UNIX_DIAG_RQLEN
        .attribute(6, &[0]) // UNIX_DIAG_SHUTDOWN
        .attribute(7, &1000u32.to_ne_bytes()) // UNIX_DIAG_UID
        .attribute(5, &[0; 36]) // UNIX_DIAG_MEMINFO
}

fn pair(first: u32, second: u32) -> Vec<u8> {
    [first.to_ne_bytes(), second.to_ne_bytes()].concat()
}

fn parse(bytes: &[u8]) -> Record<'_> {
    Record::parse(bytes).unwrap().unwrap()
}

fn read(bytes: &[u8]) -> Socket {
    let mut socket = blank();
    fill(&mut socket, &parse(bytes), None, &mut Numbers);
    socket
}

#[test]
fn a_listener_is_read_whole() {
    let socket = read(&listener().0);
    assert_eq!((socket.family, socket.protocol), (Family::Unix, Protocol::Stream));
    assert_eq!((socket.state, socket.inode), (State::Listen, Some(77)));
    assert_eq!(socket.cookie, Some(0x1_0000_1234));
    assert_eq!(socket.local, Endpoint::unix("/run/app.sock"));
    assert_eq!((socket.remote.as_ref(), socket.peer_inode), (None, None));
    assert_eq!(socket.backlog, Some(Backlog { queued: 1, limit: 128 }));
    assert_eq!((socket.recv_q, socket.send_q), (None, None));
    assert_eq!((socket.uid, socket.user.as_deref()), (Some(1000), Some("user1000")));
    assert_eq!((socket.drops, socket.memory.is_some()), (Some(0), true));
    let file = SocketFile { inode: 9000, device_major: 254, device_minor: 3 };
    assert_eq!(socket.file.as_deref(), Some(&file));
}

#[test]
fn types_and_states_get_their_names() {
    use Protocol::{Dgram, Seqpacket, Stream};
    use State::{Connected, Listen, Unconnected};
    let peer = 5u32.to_ne_bytes();
    for (kind, number, has_peer, protocol, state) in [
        (1, 7, false, Stream, Unconnected),
        (1, 1, true, Stream, Connected),
        (5, 10, false, Seqpacket, Listen),
        (5, 1, true, Seqpacket, Connected),
        (2, 7, false, Dgram, Unconnected),
        (2, 1, true, Dgram, Connected),
        // Somebody connected to it, not it to somebody.
        (2, 1, false, Dgram, Unconnected),
    ] {
        let mut bytes = fixed(kind, number, 7);
        if has_peer {
            bytes = bytes.attribute(2, &peer); // UNIX_DIAG_PEER
        }
        let socket = read(&bytes.0);
        assert_eq!((socket.protocol, socket.state), (protocol, state), "{kind} {number}");
        assert_eq!(socket.peer_inode, has_peer.then_some(5));
    }
    assert_eq!(Record::parse(&fixed(4, 1, 7).0), Ok(None), "no such type yet");
}

#[test]
fn names_keep_every_byte_that_text_can_hold() {
    for (bytes, expected) in [
        (&b"/run/a\0"[..], Some("/run/a")),
        (b"/run/a", Some("/run/a")),
        (b"relative", Some("relative")),
        (b"/run/\x1b[31m\n", Some("/run/\x1b[31m\n")),
        (b"/run/\xff", Some("/run/\u{fffd}")),
        (b"\0abstract", Some("@abstract")),
        // Its length ends an abstract name, not a NUL.
        (b"\0a\0b\0", Some("@a\0b\0")),
        (b"\0", Some("@")),
        // It would look like an abstract one.
        (b"@file\0", Some("./@file")),
        (b"", None),
    ] {
        assert_eq!(name(bytes).as_deref(), expected, "{bytes:?}");
    }
}

#[test]
fn peers_have_each_others_names() {
    let accepted =
        fixed(1, 1, 78).attribute(0, b"/run/app.sock\0").attribute(2, &79u32.to_ne_bytes());
    let client = fixed(1, 1, 79).attribute(2, &78u32.to_ne_bytes());
    let waiting = fixed(1, 1, 99).attribute(2, &0u32.to_ne_bytes());
    let lost = fixed(1, 1, 98).attribute(2, &0u32.to_ne_bytes());
    let log = fixed(2, 1, 80).attribute(0, b"/dev/log\0");
    let logging = fixed(2, 1, 81).attribute(2, &80u32.to_ne_bytes());
    let all = [listener(), accepted, client, waiting, lost, log, logging];
    let records: Vec<_> = all.iter().map(|fixture| parse(&fixture.0)).collect();
    let peers = Peers::of(&records);
    let names: Vec<_> = records.iter().map(|record| peers.name(record)).collect();
    let names: Vec<_> = names.iter().map(Option::as_deref).collect();
    let app = Some("/run/app.sock");
    assert_eq!(names, [None, None, app, app, None, None, Some("/dev/log")]);
}

#[test]
fn every_truncated_prefix_is_an_error_or_has_less_to_tell() {
    let whole = listener().0;
    for end in 0..whole.len() {
        match Record::parse(&whole[..end]) {
            Err(_) => {}
            Ok(record) => {
                assert!(end >= RECORD_LEN, "{end} bytes");
                assert_ne!(record, Some(parse(&whole)), "{end} bytes");
            }
        }
    }
}

#[test]
fn filling_again_leaves_nothing_of_the_socket_before() {
    let mut socket = read(&listener().0);
    let bare = fixed(2, 7, 0).0;
    fill(&mut socket, &parse(&bare), None, &mut Numbers);
    assert_eq!(socket, read(&bare));
}

#[test]
fn the_request_is_what_the_kernel_expects() {
    let bytes = request(7, Show::Full);
    assert_eq!(u32_at(&bytes, 0), Some(40)); // nlmsg_len
    assert_eq!(u16_at(&bytes, 4), Some(20)); // SOCK_DIAG_BY_FAMILY
    assert_eq!(u16_at(&bytes, 6), Some(0x301)); // REQUEST | DUMP
    assert_eq!(bytes[16..18], [1, 0]); // AF_UNIX; a protocol other than 0 is refused
    assert_eq!((u32_at(&bytes, 20), u32_at(&bytes, 28)), (Some(u32::MAX), Some(0x7f)));
    assert_eq!(u32_at(&request(7, Show::Existence), 28), Some(0));
}

proptest! {
    #[test]
    fn random_attributes_never_panic(
        kind in 0u8..7,
        state in 0u8..14,
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = fixed(kind, state, 7).bytes(&rest).0;
        if let Ok(Some(record)) = Record::parse(&bytes) {
            let peer = Peers::of(&[record]).name(&record);
            fill(&mut blank(), &record, peer, &mut Numbers);
        }
        let _ = (Record::parse(&rest), name(&rest));
    }
}
