//! The classic BPF program in front of the ring: it runs before a packet takes up room.

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter};

use crate::sys::error::{Error, Result};
use crate::wire::filter::{Instruction, LiveProgram};

/// More named interfaces than this would need longer jumps than an instruction has.
const MAX_INTERFACES: usize = 128;
/// BPF_MAXINSNS of linux/bpf_common.h.
const MAX_INSTRUCTIONS: usize = 4096;

fn load(extension: i32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, (libc::SKF_AD_OFF + extension) as u32)
}

fn accept(bytes: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, bytes)
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn jump_if_equal(k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | BPF_JEQ | BPF_K) as u16, jt, jf, k }
}

/// Lets through the first `snap_length` bytes of packets on `interfaces` (all when empty) that the
/// `rest` lets through. Packets of loopback pass a packet socket twice, on their way out and in:
/// the way in counts.
pub(super) fn program(
    interfaces: &[u32],
    snap_length: u32,
    rest: Option<&LiveProgram>,
) -> Result<Vec<sock_filter>> {
    if interfaces.len() > MAX_INTERFACES {
        return Err(Error::unsupported(
            "capturing on so many interfaces at once",
            format!("at most {MAX_INTERFACES} can be named; name none to take all"),
        ));
    }
    let mut program = vec![
        load(libc::SKF_AD_PKTTYPE),
        jump_if_equal(u32::from(libc::PACKET_OUTGOING), 0, 3),
        load(libc::SKF_AD_HATYPE),
        jump_if_equal(u32::from(libc::ARPHRD_LOOPBACK), 0, 1),
        accept(0),
    ];
    if !interfaces.is_empty() {
        program.push(load(libc::SKF_AD_IFINDEX));
        for (index, interface) in interfaces.iter().enumerate() {
            // From here behind the others and the refusal.
            let to_accept = (interfaces.len() - index) as u8;
            program.push(jump_if_equal(*interface, to_accept, 0));
        }
        program.push(accept(0));
    }
    match rest {
        None => program.push(accept(snap_length)),
        Some(rest) => program.extend(rest.instructions(snap_length).into_iter().map(own)),
    }
    if program.len() > MAX_INSTRUCTIONS {
        return Err(Error::unsupported(
            "so long a filter",
            format!(
                "with the interfaces it takes {} instructions, and the kernel {MAX_INSTRUCTIONS}",
                program.len()
            ),
        ));
    }
    Ok(program)
}

fn own(instruction: Instruction) -> sock_filter {
    let Instruction { code, jt, jf, k } = instruction;
    sock_filter { code, jt, jf, k }
}

/// Lets nothing through.
pub(super) fn nothing() -> Vec<sock_filter> {
    vec![accept(0)]
}
