use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};

use super::*;

/// A child that does nothing until it is ended.
fn sleeper() -> Child {
    Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap()
}

fn key_of(pid: u32) -> ProcessKey {
    ProcessKey { pid, start_time: processes::start_time(pid).unwrap() }
}

#[test]
fn a_signal_reaches_the_process_and_its_end_is_seen() {
    let mut child = sleeper();
    let handle = ProcessHandle::open(key_of(child.id())).unwrap();
    assert!(!handle.has_ended().unwrap());
    handle.signal(Signal::Term).unwrap();
    assert_eq!(ended(&[&handle], Duration::from_secs(10)).unwrap(), [true]);
    child.wait().unwrap();
    assert!(matches!(handle.signal(Signal::Term), Err(Error::Gone { .. })));
}

#[test]
fn another_start_time_is_another_process() {
    let mut child = sleeper();
    let mut key = key_of(child.id());
    key.start_time -= 1;
    assert!(matches!(ProcessHandle::open(key), Err(Error::Gone { .. })));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn waiting_ends_with_its_time() {
    let mut child = sleeper();
    let handle = ProcessHandle::open(key_of(child.id())).unwrap();
    let before = Instant::now();
    assert_eq!(ended(&[&handle], Duration::from_millis(30)).unwrap(), [false]);
    assert!(before.elapsed() >= Duration::from_millis(30));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_held_socket_is_found_and_a_closed_one_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
    let digits: String = link.to_str().unwrap().chars().filter(char::is_ascii_digit).collect();
    let inode = digits.parse().unwrap();
    let me = ProcessHandle::open(key_of(std::process::id())).unwrap();
    assert!(me.holds_socket(inode).unwrap());
    drop(listener);
    assert!(!me.holds_socket(inode).unwrap());
}

#[test]
fn the_tree_knows_parents() {
    let mut child = sleeper();
    let tree = tree().unwrap();
    assert_eq!(tree.get(child.id()).unwrap().ppid, std::process::id());
    assert!(tree.children(std::process::id()).any(|node| node.key.pid == child.id()));
    assert!(tree.ancestors(child.id()).contains(&std::process::id()));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn no_process_has_an_impossible_pid() {
    for pid in [0, u32::MAX] {
        let opened = ProcessHandle::open(ProcessKey { pid, start_time: 1 });
        assert!(matches!(opened, Err(Error::Gone { .. })), "{opened:?}");
    }
}

#[test]
fn where_a_process_stands_is_told_by_itself() {
    let me = standing(std::process::id()).unwrap();
    assert_eq!(me.pids.first(), Some(&std::process::id()));
    assert!(me.ignores.is_some() && me.catches.is_some());
    assert_eq!(me.cwd.as_deref(), std::env::current_dir().unwrap().to_str());
    assert!(me.pid_namespace.is_some() && me.mount_namespace.is_some());
}
