use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::os::linux::fs::MetadataExt;
use std::process::{Child, ChildStdout, Command, Stdio};

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
        let scan = HolderScan::new(workers).unwrap().full().unwrap();
        assert_eq!(own(&scan, inode_of(&listener)), [listener.as_raw_fd()]);
        assert!(scan.holders.is_sorted_by_key(|holder| holder.key.pid));
        assert!(scan.holdings.is_sorted() && !scan.is_partial);
    }
}

#[test]
fn a_duplicate_is_a_second_holding() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let copy = listener.try_clone().unwrap();
    let scan = HolderScan::new(1).unwrap().full().unwrap();
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
            import os, signal, socket, sys\n\
            def run(verb, *n):\n    \
                if verb == 'open':\n        \
                    s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))\n        \
                    fd = s.detach(); return fd, os.fstat(fd).st_ino\n    \
                if verb == 'null': return os.open('/dev/null', 0), 0\n    \
                if verb == 'close': os.close(n[0]); return 0, 0\n    \
                if verb == 'dup2': return os.dup2(n[0], n[1]), 0\n    \
                pid = os.fork()\n    \
                while pid == 0: signal.alarm(60); os.close(0); signal.pause()\n    \
                return pid, 0\n\
            for line in sys.stdin:\n    \
                verb, *n = line.split(); print(*run(verb, *map(int, n)), flush=True)\n";
        let mut child = Command::new("python3")
            .args(["-c", program])
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
    assert!(scan.counts, "this kernel tells the number of descriptors");
    scan
}

fn refresh(scan: &mut HolderScan, listed: &[u64]) -> Scan {
    let mut listed = listed.to_vec();
    listed.sort_unstable();
    // No turns: what is found is found by hints.
    scan.turns = false;
    scan.refresh(&listed).unwrap()
}

#[test]
fn a_socket_that_is_opened_later_is_found_by_the_count() {
    let mut puppet = Puppet::new();
    let (_, first) = puppet.run("open");
    let mut scan = warm(&[first]);
    let (fd, inode) = puppet.run("open");
    let found = refresh(&mut scan, &[first, inode]);
    assert!(found.is_partial);
    assert_eq!(puppet.holds(&found, inode), [fd]);
    puppet.run(&format!("close {fd}"));
    assert!(puppet.holds(&refresh(&mut scan, &[first]), inode).is_empty());
}

#[test]
fn a_socket_that_replaces_another_is_found_when_that_one_leaves_the_listing() {
    let mut puppet = Puppet::new();
    let (fd, old) = puppet.run("open");
    let mut scan = warm(&[old]);
    puppet.run(&format!("close {fd}"));
    let (again, new) = puppet.run("open");
    assert_eq!(again, fd, "the lowest free descriptor is taken");
    let found = refresh(&mut scan, &[new]);
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
    let found = refresh(&mut scan, &[]);
    assert!(puppet.holds(&found, young).is_empty());
    // One that never is listed is taken for a socket of another family in the end.
    refresh(&mut scan, &[]);
    refresh(&mut scan, &[]);
    let held = |scan: &HolderScan| scan.memory[&puppet.child.id()].sockets.clone();
    assert!(held(&scan).iter().all(|held| held.unlisted == ELSEWHERE));
}

#[test]
fn a_file_in_the_place_of_a_socket_is_no_socket() {
    let mut puppet = Puppet::new();
    let (fd, inode) = puppet.run("open");
    let mut scan = warm(&[inode]);
    puppet.run(&format!("close {fd}"));
    assert_eq!(puppet.run("null").0, fd);
    assert!(puppet.holds(&refresh(&mut scan, &[]), inode).is_empty());
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
    let found = refresh(&mut scan, &[inode]);
    let holders = holders_of(&found, inode);
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(child).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    assert_eq!(holders, [(child as u32, fd)]);
}

#[test]
fn a_replacement_that_nothing_hints_at_is_found_in_its_turn() {
    let mut puppet = Puppet::new();
    let (fd, inode) = puppet.run("open");
    let (null, _) = puppet.run("null");
    let mut scan = warm(&[inode]);
    puppet.run(&format!("dup2 {fd} {null}"));
    let found = refresh(&mut scan, &[inode]);
    assert_eq!(puppet.holds(&found, inode), [fd], "nothing hints at the second one");
    scan.turns = true;
    // Far more refreshes than slices: every process has its turn.
    let mut refreshes = (0..400).map(|_| scan.refresh(&[inode]).unwrap());
    let found = refreshes.find(|found| puppet.holds(found, inode) == [fd, null]);
    assert!(found.is_some(), "its turn never came");
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
