//! Threads that sleep in a system call on descriptors: `/proc/PID/task/TID/syscall`, and for
//! poll and select the caller's own list of descriptors. Needs PTRACE_MODE_ATTACH.

use std::fs;

/// More threads than this are not looked at: each costs a file.
const MAX_THREADS: usize = 4096;

/// Longer lists of descriptors are read up to here.
const MAX_POLLED: u64 = 4096;

/// A thread asleep in a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) tid: u32,
    /// The call's name in the kernel.
    pub(super) name: &'static str,
    /// The descriptors it waits on.
    pub(super) on: Vec<i32>,
}

/// Where a call's descriptors are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arguments {
    /// The first argument is one.
    Descriptor,
    /// An array of `struct pollfd`, and its length.
    Poll,
    /// A limit, and up to three bit sets.
    Select,
}

const CALLS: &[(libc::c_long, &str, Arguments)] = &[
    (libc::SYS_read, "read", Arguments::Descriptor),
    (libc::SYS_readv, "readv", Arguments::Descriptor),
    (libc::SYS_preadv2, "preadv2", Arguments::Descriptor),
    (libc::SYS_write, "write", Arguments::Descriptor),
    (libc::SYS_writev, "writev", Arguments::Descriptor),
    (libc::SYS_pwritev2, "pwritev2", Arguments::Descriptor),
    (libc::SYS_recvfrom, "recvfrom", Arguments::Descriptor),
    (libc::SYS_recvmsg, "recvmsg", Arguments::Descriptor),
    (libc::SYS_recvmmsg, "recvmmsg", Arguments::Descriptor),
    (libc::SYS_sendto, "sendto", Arguments::Descriptor),
    (libc::SYS_sendmsg, "sendmsg", Arguments::Descriptor),
    (libc::SYS_sendmmsg, "sendmmsg", Arguments::Descriptor),
    (libc::SYS_connect, "connect", Arguments::Descriptor),
    (libc::SYS_accept, "accept", Arguments::Descriptor),
    (libc::SYS_accept4, "accept4", Arguments::Descriptor),
    (libc::SYS_splice, "splice", Arguments::Descriptor),
    (libc::SYS_sendfile, "sendfile", Arguments::Descriptor),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, "epoll_wait", Arguments::Descriptor),
    (libc::SYS_epoll_pwait, "epoll_pwait", Arguments::Descriptor),
    (libc::SYS_epoll_pwait2, "epoll_pwait2", Arguments::Descriptor),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, "poll", Arguments::Poll),
    (libc::SYS_ppoll, "ppoll", Arguments::Poll),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_select, "select", Arguments::Select),
    (libc::SYS_pselect6, "pselect6", Arguments::Select),
];

/// The threads of a process that sleep in a call on descriptors; none where not permitted.
pub(super) fn sleeping(pid: u32) -> Vec<Call> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let tids = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok());
    tids.take(MAX_THREADS).filter_map(|tid| call_of(pid, tid)).collect()
}

/// Whether every thread of a process is known to sleep in some call.
pub(super) fn all_sleep(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let mut tasks = tasks.flatten();
    let sleeps = |task: fs::DirEntry| {
        let line = fs::read_to_string(task.path().join("syscall"));
        // `running`, or -1 outside of any call.
        line.is_ok_and(|line| line.starts_with(|first: char| first.is_ascii_digit()))
    };
    tasks.all(sleeps)
}

fn call_of(pid: u32, tid: u32) -> Option<Call> {
    let path = format!("/proc/{pid}/task/{tid}/syscall");
    let line = fs::read_to_string(&path).ok()?;
    let (name, arguments, [first, second, third, fourth]) = parse(&line)?;
    let on = match arguments {
        Arguments::Descriptor => return Some(Call { tid, name, on: vec![first as i32] }),
        Arguments::Poll => polled(pid, first, second),
        Arguments::Select => selected(pid, first, [second, third, fourth]),
    };
    // What was read from its memory is the call's list only if it still sleeps in that call.
    (fs::read_to_string(&path).ok()? == line).then_some(Call { tid, name, on })
}

/// A line of `/proc/PID/task/TID/syscall`: the call's number, six arguments, the stack pointer
/// and the program counter; or `running`.
fn parse(line: &str) -> Option<(&'static str, Arguments, [u64; 4])> {
    let mut words = line.split_whitespace();
    let number: libc::c_long = words.next()?.parse().ok()?;
    let values: Vec<u64> =
        words.filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()).collect();
    let [first, second, third, fourth, _, _, stack, _counter] = values[..] else { return None };
    // A 32-bit program numbers its calls in another way.
    if cfg!(target_pointer_width = "64") && u32::try_from(stack).is_ok() {
        return None;
    }
    let (_, name, arguments) = CALLS.iter().find(|(of, ..)| *of == number)?;
    Some((name, *arguments, [first, second, third, fourth]))
}

/// The descriptors in an array of `struct pollfd { int fd; short events, revents; }`.
fn polled(pid: u32, start: u64, count: u64) -> Vec<i32> {
    let bytes = memory(pid, start, count.min(MAX_POLLED) * 8);
    let entries = bytes.chunks_exact(8).filter_map(|entry| entry[..4].try_into().ok());
    // A negative one is left out by poll itself.
    entries.map(i32::from_ne_bytes).filter(|fd| *fd >= 0).collect()
}

/// The descriptors below `limit` in any of the bit sets.
fn selected(pid: u32, limit: u64, sets: [u64; 3]) -> Vec<i32> {
    let words = limit.min(MAX_POLLED).div_ceil(64);
    let sets = sets.map(|set| if set == 0 { Vec::new() } else { memory(pid, set, words * 8) });
    let is_set = |fd: u64| {
        // Bits are counted within words of the machine.
        let bit = |set: &Vec<u8>| {
            let word = set.chunks_exact(8).nth((fd / 64) as usize)?;
            Some(u64::from_ne_bytes(word.try_into().ok()?) >> (fd % 64) & 1 == 1)
        };
        sets.iter().any(|set| bit(set) == Some(true))
    };
    (0..limit.min(MAX_POLLED)).filter(|fd| is_set(*fd)).map(|fd| fd as i32).collect()
}

/// Reads a process's memory, all of it or nothing (process_vm_readv(2)).
fn memory(pid: u32, start: u64, length: u64) -> Vec<u8> {
    let (Ok(pid), Ok(length), Ok(start)) =
        (i32::try_from(pid), usize::try_from(length), usize::try_from(start))
    else {
        return Vec::new();
    };
    let mut bytes = vec![0_u8; length];
    let here = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: length };
    let there = libc::iovec { iov_base: std::ptr::without_provenance_mut(start), iov_len: length };
    // SAFETY: `here` is a buffer of `length` bytes that outlives the call; `there` is an
    // address of the other process, which the kernel checks.
    let read = unsafe { libc::process_vm_readv(pid, &raw const here, 1, &raw const there, 1, 0) };
    if usize::try_from(read) == Ok(length) { bytes } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: libc::c_long, first: u64, stack: u64) -> String {
        format!("{number} {first:#x} 0x7f 0x3 0x4 0x0 0x0 {stack:#x} 0x7f8260b4e6e8\n")
    }

    #[test]
    fn calls_are_told_by_number_and_arguments() {
        let stack = 0x7f82_60b4_e6e8;
        let accept = parse(&line(libc::SYS_accept4, 3, stack));
        assert_eq!(accept, Some(("accept4", Arguments::Descriptor, [3, 0x7f, 3, 4])));
        let poll = parse(&line(libc::SYS_ppoll, 0x7000, stack));
        assert_eq!(poll, Some(("ppoll", Arguments::Poll, [0x7000, 0x7f, 3, 4])));
        assert_eq!(parse(&line(libc::SYS_getpid, 3, stack)), None);
        assert_eq!(parse("running\n"), None);
        assert_eq!(parse("-1 0x7ffee3d88e10 0x7f82605162ec\n"), None);
        if cfg!(target_pointer_width = "64") {
            assert_eq!(parse(&line(libc::SYS_accept4, 3, 0xfffd_0000)), None);
        }
    }

    #[test]
    fn cut_lines_are_no_calls() {
        let whole = line(libc::SYS_accept4, 3, 0x7f82_60b4_e6e8);
        let last_word = whole.rfind("0x").unwrap();
        for end in 0..=last_word + 1 {
            assert_eq!(parse(&whole[..end]), None, "{end}");
        }
    }

    #[test]
    fn lists_of_descriptors_are_read_from_memory() {
        let me = std::process::id();
        let polls = [7_i32, 1, -1, 1, 9, 4];
        assert_eq!(polled(me, polls.as_ptr() as u64, 3), [7, 9]);
        let (read, write) = ([1_u64 << 5, 1], [0_u64, 1 << 3]);
        let sets = [read.as_ptr() as u64, write.as_ptr() as u64, 0];
        assert_eq!(selected(me, 128, sets), [5, 64, 67]);
        assert_eq!(selected(me, 64, sets), [5]);
        assert!(polled(me, 8, 1).is_empty());
    }
}
