use proptest::prelude::*;

use super::filter;

/// Runs a filter as the kernel would, over the three values that it may load.
fn verdict(program: &[libc::sock_filter], pkttype: u32, hatype: u32, index: u32) -> u32 {
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let instruction = program[at];
        at += 1;
        match u32::from(instruction.code) {
            0x20 => {
                accumulator = match instruction.k as i32 - libc::SKF_AD_OFF {
                    libc::SKF_AD_PKTTYPE => pkttype,
                    libc::SKF_AD_HATYPE => hatype,
                    libc::SKF_AD_IFINDEX => index,
                    other => panic!("loads {other}"),
                };
            }
            0x15 if accumulator == instruction.k => at += usize::from(instruction.jt),
            0x15 => at += usize::from(instruction.jf),
            0x06 => return instruction.k,
            code => panic!("instruction {code:#x}"),
        }
    }
}

const INCOMING: u32 = 0;
const OUTGOING: u32 = 4;
const ETHERNET: u32 = 1;
const LOOPBACK: u32 = 772;

#[test]
fn loopback_is_taken_on_its_way_in_only() {
    let program = filter::program(&[], 96, None).unwrap_or_default();
    assert_eq!(verdict(&program, INCOMING, ETHERNET, 2), 96);
    assert_eq!(verdict(&program, OUTGOING, ETHERNET, 2), 96);
    assert_eq!(verdict(&program, INCOMING, LOOPBACK, 1), 96);
    assert_eq!(verdict(&program, OUTGOING, LOOPBACK, 1), 0);
}

#[test]
fn only_named_interfaces_pass() {
    let names: Vec<u32> = (10..138).collect();
    let program = filter::program(&names, 96, None).unwrap_or_default();
    for index in 0..200 {
        let expected = if names.contains(&index) { 96 } else { 0 };
        assert_eq!(verdict(&program, INCOMING, ETHERNET, index), expected, "{index}");
        assert_eq!(verdict(&program, OUTGOING, LOOPBACK, index), 0);
    }
    assert!(filter::program(&[1; 129], 96, None).is_err());
    assert_eq!(verdict(&filter::nothing(), INCOMING, ETHERNET, 2), 0);
}

#[test]
fn a_ring_has_the_size_that_is_asked_for_as_far_as_its_packets_fit() {
    use super::ring::Size;
    const KB: u64 = 1024;
    for (snap_length, asked, blocks, block_bytes) in [
        (512, None, 32, 256 * KB),
        (262_144, None, 32, 1024 * KB),
        (512, Some(64 * KB * KB), 256, 256 * KB),
        (512, Some(KB), 2, 64 * KB),
        (512, Some(300 * KB), 2, 128 * KB),
        (65_535, Some(KB), 2, 128 * KB),
        (262_144, Some(KB), 2, 512 * KB),
        (512, Some(u64::MAX), 4096, 256 * KB),
    ] {
        let size = Size::of(snap_length, asked);
        let expected = Size { block_bytes: block_bytes as u32, blocks };
        assert_eq!(size, expected, "{snap_length} {asked:?}");
    }
}

proptest! {
    #[test]
    fn a_block_of_nonsense_never_panics(
        mut bytes in prop::collection::vec(any::<u8>(), 0..600),
        first in 0u32..700,
    ) {
        super::ring::read_block_for_test(&mut bytes, first);
    }
}
