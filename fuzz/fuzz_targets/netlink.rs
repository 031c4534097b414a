//! Any bytes are netlink messages or an error: the walk over messages, attributes and records of
//! every family ends.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sockpit::model::socket::Protocol;
use sockpit::wire::netlink::inet::Record;
use sockpit::wire::netlink::socket::{self, Names};
use sockpit::wire::netlink::{Reply, kernel_port, messages, netlink_diag, packet, unix};

struct NoNames;

impl Names for NoNames {
    fn interface(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }
    fn user(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }
    fn cgroup(&mut self, _: u64) -> Option<Arc<str>> {
        None
    }
}

fuzz_target!(|bytes: &[u8]| {
    // One record alone too: a mutation seldom gets the lengths around it right.
    record(bytes);
    for message in messages(bytes).map_while(Result::ok) {
        if let Ok(Reply::Object(payload)) = message.reply() {
            record(payload);
        }
    }
});

fn record(payload: &[u8]) {
    families(payload);
    let Ok(record) = Record::parse(payload) else { return };
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Mptcp, Protocol::Raw] {
        let mut told = socket::blank();
        socket::fill(&mut told, &record, protocol, &mut NoNames);
        assert_eq!(told.cookie, Some(record.cookie));
    }
}

fn families(payload: &[u8]) {
    use kernel_port::Family;
    let _ = (kernel_port::device(payload), kernel_port::family_number(payload));
    for family in [Family::Fou, Family::L2tp, Family::Mptcp, Family::WireGuard] {
        if let Ok(Some(port)) = family.port(payload) {
            let socket = socket::blank();
            for is_here in [true, false] {
                let ownership = port.ownership(&socket, is_here);
                assert_ne!(ownership.reason, None);
                assert!(is_here || ownership.freed_by.is_none());
            }
        }
    }
    let mut told = socket::blank();
    if let Ok(Some(record)) = unix::Record::parse(payload) {
        let peer = unix::Peers::of(&[record]).name(&record);
        unix::fill(&mut told, &record, peer, &mut NoNames);
        assert_eq!(told.cookie, Some(record.cookie));
        assert_eq!(told.local.path.is_some(), record.name.is_some_and(|name| !name.is_empty()));
    }
    if let Ok(Some(record)) = packet::Record::parse(payload) {
        packet::fill(&mut told, &record, &mut NoNames);
        assert_eq!(told.cookie, Some(record.cookie));
    }
    if let Ok(record) = netlink_diag::Record::parse(payload) {
        netlink_diag::fill(&mut told, &record);
        assert_eq!(told.cookie, Some(record.cookie));
    }
}
