use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::os::linux::fs::MetadataExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::*;

fn inode_of(socket: &impl AsRawFd) -> u64 {
    std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().st_ino()
}

fn holders_of(scan: &Scan, inode: u64) -> Vec<(u32, RawFd)> {
    let holdings = scan.holdings.iter().filter(|holding| holding.inode == inode);
    holdings.map(|h| (scan.holders[h.process as usize].key.pid, h.fd)).collect()
}

/// Other tests start programs, which share our sockets for a moment.
fn own(scan: &Scan, inode: u64) -> Vec<RawFd> {
    let held = holders_of(scan, inode).into_iter();
    held.filter(|(pid, _)| *pid == std::process::id()).map(|(_, fd)| fd).collect()
}

#[test]
fn our_own_socket_is_ours_whatever_the_number_of_workers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for workers in [1, 3] {
        let scan = HolderScan::new(workers).unwrap().full(None).unwrap();
        assert_eq!(own(&scan, inode_of(&listener)), [listener.as_raw_fd()]);
        assert!(scan.holders.is_sorted_by_key(|holder| holder.key.pid));
        assert!(scan.holdings.is_sorted() && scan.unverified.is_empty());
    }
}

#[test]
fn a_duplicate_is_a_second_holding() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let copy = listener.try_clone().unwrap();
    let scan = HolderScan::new(1).unwrap().full(None).unwrap();
    let mut expected = [listener.as_raw_fd(), copy.as_raw_fd()];
    expected.sort_unstable();
    assert_eq!(own(&scan, inode_of(&listener)), expected);
}

/// A process that opens and closes as told. Our own descriptors change by looking at them.
struct Puppet {
    child: Child,
    told: BufReader<ChildStdout>,
}

impl Puppet {
    fn new() -> Self {
        let program = "\
            import ctypes, os, queue as queues, signal, socket, sys, threading, time\n\
            queue = queues.SimpleQueue()\n\
            def wait():\n    \
                while True: time.sleep(queue.get())\n\
            def share():\n    \
                read, write = os.pipe()\n    \
                libc = ctypes.CDLL(None)\n    \
                pid = libc.syscall(ctypes.c_long(SYS_CLONE), 0x400 | 17, 0, 0, 0, 0)\n    \
                while pid == 0:\n        \
                    signal.alarm(60)\n        \
                    order = os.read(read, 64).split()\n        \
                    time.sleep(0.3)\n        \
                    os.dup2(int(order[0]), int(order[1]))\n    \
                global told; told = write\n    \
                return pid\n\
            def run(verb, *n):\n    \
                if verb == 'open':\n        \
                    s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n        \
                    fd = s.detach(); return fd, os.fstat(fd).st_ino\n    \
                if verb == 'null': return os.open('/dev/null', 0), 0\n    \
                if verb == 'close': os.close(n[0]); return 0, 0\n    \
                if verb == 'dup2': return os.dup2(n[0], n[1]), 0\n    \
                if verb == 'dup': return os.dup(n[0]), 0\n    \
                if verb == 'share': return share(), 0\n    \
                if verb == 'thread': threading.Thread(target=wait, daemon=True).start(); return 0, 0\n    \
                if verb == 'later_in_thread': queue.put(0.3); return 0, 0\n    \
                if verb == 'end_first_thread':\n        \
                    def serve():\n            \
                        print(0, 0, flush=True)\n            \
                        for line in sys.stdin:\n                \
                            verb, *n = line.split(); print(*run(verb, *map(int, n)), flush=True)\n        \
                    threading.Thread(target=serve).start(); ctypes.CDLL(None).syscall(ctypes.c_long(SYS_EXIT), 0)\n    \
                if verb == 'later': return os.write(told, b'%d %d' % n), 0\n    \
                pid = os.fork()\n    \
                while pid == 0: signal.alarm(60); os.close(0); signal.pause()\n    \
                return pid, 0\n\
            for line in sys.stdin:\n    \
                verb, *n = line.split(); print(*run(verb, *map(int, n)), flush=True)\n";
        let program = program.replace("SYS_CLONE", &libc::SYS_clone.to_string());
        let program = program.replace("SYS_EXIT", &libc::SYS_exit.to_string());
        let mut child = Command::new("python3")
            .args(["-c", &program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        Self { child, told }
    }

    /// Gives an order; the answer is a descriptor and its inode, or a pid.
    fn run(&mut self, order: &str) -> (i32, u64) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut line = String::new();
        self.told.read_line(&mut line).unwrap();
        let (first, second) = line.trim().split_once(' ').expect("an answer");
        (first.parse().unwrap(), second.parse().unwrap())
    }

    /// The descriptors by which the puppet holds this socket.
    fn holds(&self, scan: &Scan, inode: u64) -> Vec<RawFd> {
        let held = holders_of(scan, inode).into_iter();
        held.filter(|(pid, _)| *pid == self.child.id()).map(|(_, fd)| fd).collect()
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scan that has looked up everything, with these inodes listed.
fn warm(listed: &[u64]) -> HolderScan {
    let mut scan = HolderScan::new(1).unwrap();
    refresh(&mut scan, listed);
    assert!(scan.sharing.is_some(), "this kernel tells who shares a table");
    scan
}

/// A refresh that may look up everything that may have changed.
fn refresh(scan: &mut HolderScan, listed: &[u64]) -> Scan {
    scan.refresh(as_listed(listed), usize::MAX).unwrap()
}

/// A refresh without time to look up anything but what is known to have changed.
fn hurried(scan: &mut HolderScan, listed: &[u64]) -> Scan {
    scan.refresh(as_listed(listed), 0).unwrap()
}

/// Sockets whose cookie is their inode.
fn as_listed(inodes: &[u64]) -> Vec<Listed> {
    let mut listed: Vec<Listed> = inodes.iter().map(|&inode| (inode, inode)).collect();
    listed.sort_unstable();
    listed
}

impl Puppet {
    /// Whether it is named as one of which nothing is certain.
    fn is_unverified(&self, scan: &Scan) -> bool {
        scan.unverified.iter().any(|(process, _)| process.pid == self.child.id())
    }
}

#[test]
fn descriptors_that_moved_since_they_were_listed_ahead_are_found() {
    let mut puppet = Puppet::new();
    let (fd, inode) = puppet.run("open");
    let (other, null) = (puppet.run("null").0, puppet.run("null").0);
    let mut scan = HolderScan::new(2).unwrap();
    let ahead = |scan: &HolderScan| {
        let mut ahead = scan.ahead().expect("there are two workers");
        ahead.list(&proc::pids(&scan.proc).unwrap(), &AtomicBool::new(false));
        ahead
    };
    // As many as before, one of them elsewhere.
    let listed = ahead(&scan);
    assert!(listed.numbers(puppet.child.id()).contains(&fd));
    puppet.run(&format!("dup2 {fd} {}", null + 40));
    puppet.run(&format!("close {other}"));
    let found = scan.full(Some(&listed)).unwrap();
    assert_eq!(puppet.holds(&found, inode), [fd, null + 40]);
    // The same numbers, one of them another socket.
    let listed = ahead(&scan);
    let (replaced, second) = puppet.run("open");
    puppet.run(&format!("dup2 {replaced} {fd}"));
    puppet.run(&format!("close {replaced}"));
    let found = scan.full(Some(&listed)).unwrap();
    assert_eq!(puppet.holds(&found, inode), [null + 40]);
    assert_eq!(puppet.holds(&found, second), [fd]);
    // And one more.
    let listed = ahead(&scan);
    let (third, last) = puppet.run("open");
    let found = scan.full(Some(&listed)).unwrap();
    assert_eq!(puppet.holds(&found, last), [third]);
}

#[test]
fn a_socket_that_is_opened_later_is_found_by_the_count() {
    let mut puppet = Puppet::new();
    let (_, first) = puppet.run("open");
    let mut scan = warm(&[first]);
    let (fd, inode) = puppet.run("open");
    let found = hurried(&mut scan, &[first, inode]);
    assert!(puppet.is_unverified(&found));
    assert_eq!(puppet.holds(&found, inode), [fd]);
    puppet.run(&format!("close {fd}"));
    assert!(puppet.holds(&hurried(&mut scan, &[first]), inode).is_empty());
}

#[test]
fn a_socket_that_replaces_another_is_found_when_that_one_leaves_the_listing() {
    let mut puppet = Puppet::new();
    let (fd, old) = puppet.run("open");
    let mut scan = warm(&[old]);
    puppet.run(&format!("close {fd}"));
    let (again, new) = puppet.run("open");
    assert_eq!(again, fd, "the lowest free descriptor is taken");
    let found = hurried(&mut scan, &[new]);
    assert!(puppet.holds(&found, old).is_empty());
    assert_eq!(puppet.holds(&found, new), [fd]);
}

#[test]
fn a_socket_that_was_too_young_for_its_first_listing_is_not_forgotten() {
    let mut puppet = Puppet::new();
    let (fd, young) = puppet.run("open");
    // It is seen, but the listing is older than it.
    let mut scan = warm(&[]);
    puppet.run(&format!("close {fd}"));
    assert_eq!(puppet.run("open").0, fd);
    let found = hurried(&mut scan, &[]);
    assert!(puppet.holds(&found, young).is_empty());
    // One that never is listed is taken for a socket of another family in the end.
    for _ in 0..2 {
        puppet.run("null");
        hurried(&mut scan, &[]);
    }
    let held = &scan.memory[&puppet.child.id()].sockets;
    assert!(held.iter().all(|held| held.unlisted == 2), "{held:?}");
}

#[test]
fn a_file_in_the_place_of_a_socket_is_no_socket() {
    let mut puppet = Puppet::new();
    let (fd, inode) = puppet.run("open");
    let mut scan = warm(&[inode]);
    puppet.run(&format!("close {fd}"));
    assert_eq!(puppet.run("null").0, fd);
    assert!(puppet.holds(&hurried(&mut scan, &[]), inode).is_empty());
}

#[test]
fn a_shared_socket_is_looked_up_every_time() {
    let mut puppet = Puppet::new();
    let (null, _) = puppet.run("null");
    let (fd, inode) = puppet.run("open");
    let (child, _) = puppet.run("fork");
    let mut scan = warm(&[inode]);
    // The child keeps it listed, and the number of descriptors stays.
    puppet.run(&format!("dup2 {null} {fd}"));
    let found = hurried(&mut scan, &[inode]);
    let holders = holders_of(&found, inode);
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(child).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    assert_eq!(holders, [(child as u32, fd)]);
}

#[test]
fn a_replacement_that_nothing_hints_at_is_found_or_said_to_be_uncertain() {
    let mut puppet = Puppet::new();
    let (fd, one) = puppet.run("open");
    let (other_fd, other) = puppet.run("open");
    let listed = [one, other];
    let mut scan = warm(&listed);
    // As many descriptors as before, and the first socket lives on at a third one.
    let (third, _) = puppet.run(&format!("dup {fd}"));
    let before = hurried(&mut scan, &listed);
    assert_eq!(puppet.holds(&before, one), [fd, third]);
    let found = refresh(&mut scan, &listed);
    assert!(found.unverified.is_empty());
    puppet.run(&format!("dup2 {other_fd} {third}"));
    puppet.run(&format!("dup2 {fd} {other_fd}"));
    let found = hurried(&mut scan, &listed);
    assert!(puppet.is_unverified(&found));
    let found = refresh(&mut scan, &listed);
    assert!(found.unverified.is_empty());
    assert_eq!(puppet.holds(&found, one), [fd, other_fd]);
    assert_eq!(puppet.holds(&found, other), [third]);
}

#[test]
fn a_process_that_does_not_run_is_remembered_and_certain() {
    let mut puppet = Puppet::new();
    let (fd, inode) = puppet.run("open");
    let mut scan = warm(&[inode]);
    // What is remembered of it is made wrong: who looks will see.
    let is_remembered = (0..100).any(|_| {
        refresh(&mut scan, &[inode]);
        thread::sleep(Duration::from_millis(60));
        let held = &mut scan.memory.get_mut(&puppet.child.id()).unwrap().sockets;
        held.iter_mut().find(|held| held.fd == fd).unwrap().inode = 1;
        let found = refresh(&mut scan, &[inode]);
        assert!(!puppet.is_unverified(&found));
        puppet.holds(&found, 1) == [fd]
    });
    assert!(is_remembered, "a process that waits for orders was read again each time");
    puppet.run("null");
    let found = refresh(&mut scan, &[inode]);
    assert_eq!((puppet.holds(&found, inode), puppet.holds(&found, 1)), (vec![fd], vec![]));
}

#[test]
fn an_inode_that_came_back_is_looked_up_even_if_its_holder_did_not_run() {
    let mut puppet = Puppet::new();
    let (fd, inode) = puppet.run("open");
    let mut scan = warm(&[inode]);
    thread::sleep(Duration::from_millis(60));
    let child = puppet.child.id();
    for (cookie, is_looked_up) in [(1, true), (1, false), (2, true)] {
        refresh(&mut scan, &[inode]);
        scan.listed = vec![(inode, if is_looked_up { 0 } else { cookie })];
        // As if another socket had had this inode when the process was read.
        scan.memory.get_mut(&child).unwrap().sockets.iter_mut().for_each(|held| held.fd = 99);
        thread::sleep(Duration::from_millis(60));
        let found = scan.refresh(vec![(inode, cookie)], usize::MAX).unwrap();
        let expected = if is_looked_up { fd } else { 99 };
        assert_eq!(puppet.holds(&found, inode), [expected], "cookie {cookie}");
    }
}

#[test]
fn processes_that_were_not_looked_at_for_long_come_first() {
    let mut puppets = [Puppet::new(), Puppet::new(), Puppet::new()];
    let mut scan = warm(&[]);
    let mut run_all = |scan: &mut HolderScan| {
        for puppet in &mut puppets {
            puppet.run("null");
        }
        let found = scan.refresh(Vec::new(), 1).unwrap();
        puppets.each_ref().map(|puppet| puppet.is_unverified(&found))
    };
    // One look-up is one process at a time, and those of other tests run, too.
    let (mut verified, mut unverified) = ([false; 3], [false; 3]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline && !(verified == [true; 3] && unverified == [true; 3]) {
        for (index, is_unverified) in run_all(&mut scan).into_iter().enumerate() {
            unverified[index] |= is_unverified;
            verified[index] |= !is_unverified;
        }
    }
    assert_eq!((verified, unverified), ([true; 3], [true; 3]), "each has its turn");
}

#[test]
fn who_shares_a_table_is_never_taken_for_idle() {
    let mut puppet = Puppet::new();
    let (fd, one) = puppet.run("open");
    let (other_fd, other) = puppet.run("open");
    let (twin, _) = puppet.run("share");
    let mut scan = warm(&[one, other]);
    // The twin waits a while before it obeys; the puppet does nothing meanwhile.
    puppet.run(&format!("later {fd} {other_fd}"));
    let path = format!("/proc/{}/fd/{other_fd}", puppet.child.id());
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let is_done = std::fs::metadata(&path).unwrap().st_ino() == one;
        thread::sleep(Duration::from_millis(60));
        let found = refresh(&mut scan, &[one, other]);
        if is_done {
            let mut holders = holders_of(&found, one);
            holders.retain(|(pid, _)| [puppet.child.id(), twin as u32].contains(pid));
            let pids = [puppet.child.id(), twin as u32];
            let expected = pids.iter().flat_map(|&pid| [(pid, fd), (pid, other_fd)]);
            assert_eq!(holders, expected.collect::<Vec<_>>());
            assert!(!puppet.is_unverified(&found) && puppet.holds(&found, other).is_empty());
            break;
        }
        assert!(Instant::now() < deadline, "the twin did not obey");
    }
    let twin = rustix::process::Pid::from_raw(twin).unwrap();
    rustix::process::kill_process(twin, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_process_with_threads_is_idle_when_none_of_them_runs() {
    let mut puppet = Puppet::new();
    for _ in 0..3 {
        puppet.run("thread");
    }
    let (fd, inode) = puppet.run("open");
    let mut scan = warm(&[inode]);
    let is_idle = |puppet: &Puppet, scan: &mut HolderScan| {
        thread::sleep(Duration::from_millis(60));
        scan.memory.get_mut(&puppet.child.id()).unwrap().sockets.clear();
        let found = refresh(scan, &[inode]);
        puppet.holds(&found, inode) != [fd]
    };
    assert!((0..100).any(|_| is_idle(&puppet, &mut scan)), "nobody runs");
    // One of the threads does, and only that one.
    puppet.run("later_in_thread 0");
    refresh(&mut scan, &[inode]);
    thread::sleep(Duration::from_millis(400));
    assert!(!is_idle(&puppet, &mut scan), "a thread ran");
}

#[test]
fn a_process_that_ended_holds_nothing() {
    let mut puppet = Puppet::new();
    let (_, inode) = puppet.run("open");
    let mut scan = warm(&[inode]);
    puppet.child.kill().unwrap();
    puppet.child.wait().unwrap();
    assert!(holders_of(&refresh(&mut scan, &[inode]), inode).is_empty());
}

#[test]
fn a_process_whose_first_thread_ended_holds_what_the_others_do() {
    let mut puppet = Puppet::new();
    let (fd, inode) = puppet.run("open");
    let mut scan = warm(&[inode]);
    puppet.run("end_first_thread");
    let is_over = |stat: String| stat.contains(") Z ");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_over(std::fs::read_to_string(format!("/proc/{}/stat", puppet.child.id())).unwrap()) {
        assert!(Instant::now() < deadline, "the first thread did not end");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(puppet.holds(&HolderScan::new(1).unwrap().full(None).unwrap(), inode), [fd]);
    assert_eq!(puppet.holds(&refresh(&mut scan, &[inode]), inode), [fd]);
    let (other_fd, other) = puppet.run("open");
    for find in [hurried, refresh] {
        let found = find(&mut scan, &[inode, other]);
        assert_eq!(
            (puppet.holds(&found, inode), puppet.holds(&found, other)),
            (vec![fd], vec![other_fd])
        );
    }
    // The program went with the first thread; the others still run it.
    let process = super::super::processes::read(puppet.child.id()).unwrap();
    assert!(process.exe.is_some() && process.cmdline.len() > 2, "{process:?}");
}
