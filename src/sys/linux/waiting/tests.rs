use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::epoll;

use super::*;
use crate::sys::linux::options::socket_inode;

fn inode_of(socket: &impl AsRawFd) -> u64 {
    socket_inode(std::process::id(), socket.as_raw_fd()).unwrap()
}

#[test]
fn an_epoll_instance_that_watches_is_found_with_its_events() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let instance = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let events = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&instance, &listener, epoll::EventData::new_u64(7), events).unwrap();
    let waiting = waiting_on(std::process::id(), inode_of(&listener)).unwrap();
    let [watcher] = &waiting.watchers[..] else { panic!("{waiting:?}") };
    assert_eq!((watcher.pid, watcher.kind.as_str()), (std::process::id(), "epoll"));
    assert_eq!(watcher.fd, Some(instance.as_raw_fd()));
    // The kernel watches for errors and hang-ups unasked.
    assert_eq!(watcher.events, ["EPOLLIN", "EPOLLERR", "EPOLLHUP", "EPOLLET"]);
    let waiting = waiting_on(std::process::id(), inode_of(&other)).unwrap();
    assert!(waiting.watchers.is_empty());
}

#[test]
fn a_thread_in_accept_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, inode) = (listener.local_addr().unwrap(), inode_of(&listener));
    let (started, start) = mpsc::channel();
    let accepting = thread::spawn(move || {
        started.send(rustix::thread::gettid().as_raw_nonzero().get() as u32).unwrap();
        listener.accept().map(drop)
    });
    let tid = start.recv().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let found = loop {
        let blocked = waiting_on(std::process::id(), inode).unwrap().blocked;
        if let [thread] = &blocked[..] {
            break thread.clone();
        }
        assert!(Instant::now() < deadline, "not found in accept: {blocked:?}");
        thread::yield_now();
    };
    assert_eq!((found.pid, found.tid), (std::process::id(), tid));
    assert_eq!(found.syscall, "accept4");
    std::net::TcpStream::connect(addr).unwrap();
    accepting.join().unwrap().unwrap();
}

#[test]
fn lines_about_other_files_are_left_out() {
    let device = sockfs_device().unwrap();
    let line = format!("tfd:        3 events: 80000019 data:   3  pos:0 ino:8153 sdev:{device:x}");
    assert_eq!(watched_events(&line, 0x8153), Some(0x8000_0019));
    assert_eq!(watched_events(&line, 0x8154), None);
    let elsewhere = line.replace(&format!("sdev:{device:x}"), "sdev:ffffff");
    assert_eq!(watched_events(&elsewhere, 0x8153), None);
    for end in 0..line.len() {
        // A cut line never names another socket's mask.
        let cut = watched_events(&line[..end], 0x8153);
        assert!(cut.is_none() || cut == Some(0x8000_0019), "{end}");
    }
    assert_eq!(event_names(0x8000_0001 | 1 << 24), ["EPOLLIN", "EPOLLET", "0x1000000"]);
}

#[test]
fn calls_are_told_by_number_and_descriptor() {
    let line = |number: libc::c_long, fd: u32, stack: u64| {
        format!("{number} {fd:#x} 0x7f 0x0 0x0 0x0 0x0 {stack:#x} 0x7f8260b4e6e8\n")
    };
    let stack = 0x7f82_60b4_e6e8;
    assert_eq!(waits_in(&line(libc::SYS_accept4, 3, stack), &[3], &[]), Some("accept4"));
    assert_eq!(waits_in(&line(libc::SYS_accept4, 4, stack), &[3], &[]), None);
    assert_eq!(waits_in(&line(libc::SYS_epoll_pwait, 9, stack), &[3], &[9]), Some("epoll_pwait"));
    assert_eq!(waits_in(&line(libc::SYS_epoll_pwait, 3, stack), &[3], &[9]), None);
    assert_eq!(waits_in("running\n", &[3], &[]), None);
    assert_eq!(waits_in("-1 0x7ffee3d88e10 0x7f82605162ec\n", &[3], &[]), None);
    if cfg!(target_pointer_width = "64") {
        assert_eq!(waits_in(&line(libc::SYS_accept4, 3, 0xfffd_0000), &[3], &[]), None);
    }
}
