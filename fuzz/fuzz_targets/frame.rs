//! Any bytes are a frame of any link: reading them never fails, and never looks past their end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockpit::wire::frame::{self, Link};

fuzz_target!(|input: (u16, u16, &[u8])| {
    let (link_type, ether_type, bytes) = input;
    for link in [Link::from_link_type(link_type), Link::Payload(ether_type)] {
        for layer in sockpit::wire::dissect::dissect(link, bytes) {
            assert!(layer.start + layer.length <= bytes.len());
        }
        let summary = frame::decode(link, bytes);
        if let Some(ip) = summary.ip() {
            let _ = ip.transport.ports();
            let detail = frame::detail(link, bytes, ip);
            let _ = frame::spoken_of(ip, detail.payload);
        }
    }
});
