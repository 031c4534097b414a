//! Files of `/proc/PID` (`proc(5)`), read in place.

pub mod net;

/// What `/proc/PID/stat` tells of a process's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Short name: at most 15 bytes, any bytes.
    pub name: &'a [u8],
    /// Whether it is stopped, by a signal (`T`) or a tracer (`t`).
    pub stopped: bool,
    /// Whether it is on a processor or waits for one (`R`).
    pub runnable: bool,
    /// Whether its first thread has ended (`Z`, `X`); others may live on.
    pub ended: bool,
    /// Parent's process id.
    pub ppid: u32,
    /// Whether it runs in the kernel only (`PF_KTHREAD`).
    pub kernel_thread: bool,
    /// Threads, the first one included for as long as any lives.
    pub threads: u64,
    /// Start in clock ticks since boot.
    pub start_time: u64,
}

/// `PF_KTHREAD` of `include/linux/sched.h`, in the flags of field 9.
const PF_KTHREAD: u64 = 0x0020_0000;

impl<'a> Stat<'a> {
    /// Reads the file's content. The name stands in parentheses and may contain some itself,
    /// so it ends at the last one.
    pub fn parse(content: &'a [u8]) -> Option<Self> {
        let open = content.iter().position(|&byte| byte == b'(')?;
        let close = content.iter().rposition(|&byte| byte == b')')?;
        let name = content.get(open + 1..close)?;
        // The first word after the name is field 3, the state.
        let mut fields = content.get(close + 1..)?.split(|&byte| byte == b' ').skip(1);
        let state = fields.next()?;
        Some(Self {
            name,
            stopped: state.eq_ignore_ascii_case(b"t"),
            runnable: state == b"R",
            ended: matches!(state, b"Z" | b"X"),
            ppid: number(fields.next()?)?.try_into().ok()?,
            kernel_thread: number(fields.nth(4)?)? & PF_KTHREAD != 0,
            threads: number(fields.nth(10)?)?,
            start_time: number(fields.nth(1)?)?,
        })
    }
}

/// What `/proc/PID/schedstat` tells of a thread (`Documentation/scheduler/sched-stats.rst`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchedStat {
    /// Time on a processor in nanoseconds, brought up to date at clock ticks and whenever the
    /// thread leaves the processor.
    pub ran_ns: u64,
    /// Time spent waiting for one, in nanoseconds.
    pub waited_ns: u64,
    /// How often it got one.
    pub slices: u64,
}

impl SchedStat {
    /// Reads the file's content. `None` also for three zeros: a kernel without these figures
    /// says so like this.
    pub fn parse(content: &[u8]) -> Option<Self> {
        let mut fields = content.strip_suffix(b"\n")?.split(|&byte| byte == b' ').map(number);
        let mut field = || fields.next().flatten();
        let told = Self { ran_ns: field()?, waited_ns: field()?, slices: field()? };
        (fields.next().is_none() && told.slices > 0).then_some(told)
    }
}

/// The real user id in `/proc/PID/status`.
pub fn real_uid(status: &[u8]) -> Option<u32> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    let first = line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?;
    number(first)?.try_into().ok()
}

/// The last of the process ids after `NSpid:` in `/proc/PID/status`: that of the innermost PID
/// namespace.
pub fn innermost_pid(status: &[u8]) -> Option<u32> {
    let line = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"))?;
    let last = line.split(u8::is_ascii_whitespace).rfind(|word| !word.is_empty())?;
    number(last)?.try_into().ok()
}

/// What `/proc/PID/status` tells of a process's ids and signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// `NSpid`: its ids, from the reader's PID namespace inwards.
    pub pids: Vec<u32>,
    /// `NSpgid`: its process group, in the reader's PID namespace.
    pub group: Option<u32>,
    /// `SigIgn`: a bit for each signal that it ignores, bit 0 for signal 1.
    pub ignores: Option<u64>,
    /// `SigCgt` and `SigBlk`: those that it has handlers for, or blocks so as to wait for them
    /// (`sigwait(3)`, `signalfd(2)`), as tini does: the kernel drops neither.
    pub catches: Option<u64>,
}

/// Reads the file's content; what is not there stays empty.
pub fn status(content: &[u8]) -> Status {
    let text = String::from_utf8_lossy(content);
    let mut status = Status::default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let mask = || u64::from_str_radix(value.trim(), 16).ok();
        match name {
            "NSpid" => status.pids = value.split_whitespace().flat_map(str::parse).collect(),
            "NSpgid" => {
                status.group = value.split_whitespace().next().and_then(|id| id.parse().ok());
            }
            "SigIgn" => status.ignores = mask(),
            "SigCgt" | "SigBlk" => {
                status.catches = mask().map(|mask| mask | status.catches.unwrap_or(0));
            }
            _ => {}
        }
    }
    status
}

/// The inode in the target of a link of `/proc/PID/ns`: `pid:[4026531836]`.
pub fn namespace_inode(target: &[u8]) -> Option<u64> {
    let open = target.iter().position(|&byte| byte == b'[')?;
    number(target.get(open + 1..)?.strip_suffix(b"]")?)
}

/// The arguments in `/proc/PID/cmdline`: each ends in a NUL; a process that rewrote its title
/// may have left out the last one, and padded with more.
pub fn arguments(cmdline: &[u8]) -> Vec<Box<str>> {
    let end = cmdline.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    if end == 0 {
        return Vec::new();
    }
    let argument = |bytes| String::from_utf8_lossy(bytes).into_owned().into_boxed_str();
    cmdline[..end].split(|&byte| byte == 0).map(argument).collect()
}

/// The inode in the target of `/proc/PID/fd/N` when that is a socket: `socket:[123]`.
pub fn socket_inode(target: &[u8]) -> Option<u64> {
    number(target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// The sockets that an io_uring holds as direct descriptors, by their place in its table of
/// files: the lines after `UserFiles:` in `/proc/PID/fdinfo/RING` (io_uring/fdinfo.c).
pub fn ring_sockets(fdinfo: &[u8]) -> Vec<(u32, u64)> {
    let lines = fdinfo.split(|&byte| byte == b'\n');
    let files = lines.skip_while(|line| !line.starts_with(b"UserFiles:")).skip(1);
    // The list ends where a line does not begin with its indented place.
    let files = files.map_while(|line| line.starts_with(b" ").then(|| line.trim_ascii()));
    let socket = |line: &[u8]| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let slot = number(&line[..colon])?.try_into().ok()?;
        Some((slot, socket_inode(line[colon + 1..].trim_ascii())?))
    };
    files.filter_map(socket).collect()
}

/// What a time namespace adds to CLOCK_BOOTTIME, in nanoseconds: `timens_offsets` has seconds,
/// which may be negative, and nanoseconds (time_namespaces(7)). Nothing where it is not told.
pub fn boottime_offset(offsets: &[u8]) -> i128 {
    let text = String::from_utf8_lossy(offsets);
    let line = text.lines().find_map(|line| line.strip_prefix("boottime"));
    let mut numbers = line.unwrap_or_default().split_whitespace().map(str::parse::<i128>);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    next() * 1_000_000_000 + next()
}

/// A decimal number and nothing else.
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Major and minor number of a kernel's release: `6.18.0-rc1` is (6, 18).
pub fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The `hidepid=` of the last `/proc` in a `mountinfo` (proc_pid_mountinfo(5)), unless it
/// hides nothing.
pub fn hidepid(mountinfo: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(mountinfo);
    let proc = text.lines().rfind(|line| line.split(' ').nth(4) == Some("/proc"))?;
    let options = proc.rsplit(' ').next()?.split(',');
    let value = options.filter_map(|option| option.strip_prefix("hidepid=")).next_back()?;
    (!["0", "off"].contains(&value)).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAT: &[u8] = b"812 (a) (b) 1 R) S 1 812 812 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 \
        98765 0 0 18446744073709551615";

    #[test]
    fn a_name_may_contain_parentheses_and_spaces() {
        let stat = Stat::parse(STAT).unwrap();
        assert_eq!((stat.name, stat.ppid), (&b"a) (b) 1 R"[..], 1));
        assert_eq!((stat.start_time, stat.kernel_thread, stat.stopped), (98_765, false, false));
        assert_eq!((stat.threads, stat.runnable), (1, false));
    }

    #[test]
    fn times_of_a_thread_are_told_whole_or_not_at_all() {
        let told = SchedStat::parse(b"4711 12 3\n").unwrap();
        assert_eq!((told.ran_ns, told.waited_ns, told.slices), (4711, 12, 3));
        for wrong in [&b"0 0 0\n"[..], b"", b"1 2\n", b"1 2 3", b"1 2 3 4\n", b"1 -2 3\n"] {
            assert_eq!(SchedStat::parse(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn a_process_says_whether_it_is_stopped_or_runs() {
        for (state, stopped) in [("T", true), ("t", true), ("R", false), ("Z", false)] {
            let line = format!("7 (x) {state} 0 0 0 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0");
            let stat = Stat::parse(line.as_bytes()).unwrap();
            assert_eq!((stat.stopped, stat.runnable), (stopped, state == "R"), "{state}");
            assert_eq!(stat.ended, state == "Z", "{state}");
        }
    }

    #[test]
    fn a_ring_tells_its_sockets_by_their_place() {
        let told = b"pos:\t0\nSqThread:\t-1\nUserFiles:\t3\n    0: socket:[81]\n    1: <none>\n\
            \x20   2: /tmp/a: b\n   13: socket:[82]\nUserBufs:\t1\n    0: 0x7f/4096\nPollList:\n";
        assert_eq!(ring_sockets(told), [(0, 81), (13, 82)]);
        assert_eq!(ring_sockets(b"UserFiles:\t0\nUserBufs:\t0\n"), []);
        for end in 0..told.len() {
            ring_sockets(&told[..end]);
        }
    }

    #[test]
    fn ids_and_signals_are_told() {
        let told = status(
            b"Name:\tx:y\nNSpid:\t4242\t7\t1\nNSpgid:\t4241\t6\t1\nSigIgn:\t0000000000001000\nSigCgt:\t00000001800\n",
        );
        assert_eq!((told.pids, told.group), (vec![4242, 7, 1], Some(4241)));
        assert_eq!((told.ignores, told.catches), (Some(0x1000), Some(0x1800)));
        let waiting = status(b"SigBlk:\t0000000000004000\nSigCgt:\t0000000000010000\n");
        assert_eq!(waiting.catches, Some(0x14000));
        assert_eq!(status(b"rubbish"), Status::default());
        assert_eq!(namespace_inode(b"pid:[4026531836]"), Some(4_026_531_836));
        assert_eq!(namespace_inode(b"pid:["), None);
    }

    #[test]
    fn what_a_time_namespace_adds_is_told() {
        let told = b"monotonic           7         0\nboottime           -3         5\n";
        assert_eq!(boottime_offset(told), -2_999_999_995);
        assert_eq!((boottime_offset(b""), boottime_offset(b"boottime\n")), (0, 0));
    }

    #[test]
    fn kernel_threads_have_their_flag() {
        let line = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0";
        assert!(Stat::parse(line).unwrap().kernel_thread);
    }

    #[test]
    fn every_truncated_prefix_before_the_start_time_is_refused() {
        let end = STAT.windows(5).position(|window| window == b"98765").unwrap();
        for end in 0..end {
            assert_eq!(Stat::parse(&STAT[..end]), None, "{end} bytes");
        }
    }

    #[test]
    fn the_real_user_comes_first() {
        assert_eq!(real_uid(b"Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t1\n"), Some(1000));
        assert_eq!(real_uid(b"Name:\tUid:\n"), None);
    }

    #[test]
    fn a_command_line_keeps_empty_arguments_and_drops_padding() {
        assert_eq!(arguments(b"a\0\0b c\0"), ["a".into(), "".into(), Box::from("b c")]);
        assert_eq!(arguments(b"nginx: worker\0\0\0"), [Box::from("nginx: worker")]);
        assert_eq!(arguments(b""), []);
        assert_eq!(arguments(b"\0"), []);
    }

    #[test]
    fn only_sockets_have_a_socket_inode() {
        assert_eq!(socket_inode(b"socket:[4026531836]"), Some(4_026_531_836));
        assert_eq!(socket_inode(b"pipe:[12]"), None);
        assert_eq!(socket_inode(b"socket:[12"), None);
        assert_eq!(socket_inode(b"socket:[]"), None);
        assert_eq!(socket_inode(b"socket:[99999999999999999999]"), None);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Stat::parse(&bytes), real_uid(&bytes), arguments(&bytes), socket_inode(&bytes));
            let _ = SchedStat::parse(&bytes);
        }
    }

    #[test]
    fn the_innermost_process_id_is_the_last() {
        assert_eq!(innermost_pid(b"Name:\tx\nNSpid:\t4242\t7\t1\nUid:\t0\n"), Some(1));
        assert_eq!(innermost_pid(b"NSpid:\t4242\n"), Some(4242));
        assert_eq!(innermost_pid(b"NSpid:\n"), None);
    }

    #[test]
    fn releases_have_two_numbers() {
        assert_eq!(kernel_version("6.18.0-rc1"), Some((6, 18)));
        assert_eq!(kernel_version("5.4-custom"), Some((5, 4)));
        assert_eq!(kernel_version("unknown"), None);
        assert_eq!(kernel_version(""), None);
    }

    #[test]
    fn hidepid_is_that_of_the_proc_on_top() {
        let line = |options: &str| {
            format!("22 27 0:21 / /proc rw,nosuid shared:5 - proc proc rw,{options}\n")
        };
        let of = |text: &str| hidepid(text.as_bytes());
        assert_eq!(of(&line("hidepid=invisible")).as_deref(), Some("invisible"));
        assert_eq!(of(&line("gid=4,hidepid=2")).as_deref(), Some("2"));
        assert_eq!(of(&(line("hidepid=2") + &line("gid=4"))), None);
        assert_eq!(of(&line("hidepid=off")), None);
        assert_eq!(of("1 2 0:1 / /proc/sys rw - proc proc rw,hidepid=2\n"), None);
        assert_eq!(of(""), None);
    }
}
