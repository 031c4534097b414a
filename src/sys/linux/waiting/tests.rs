use std::net::{TcpListener, TcpStream};
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

fn waiting_on(inode: u64) -> Waiting {
    ProcessWaits::of(std::process::id()).unwrap().on(inode)
}

#[test]
fn an_epoll_instance_that_watches_is_found_with_its_events() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let instance = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let events = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&instance, &listener, epoll::EventData::new_u64(7), events).unwrap();
    let waiting = waiting_on(inode_of(&listener));
    let [watcher] = &waiting.watchers[..] else { panic!("{waiting:?}") };
    assert_eq!((watcher.pid, watcher.kind.as_str()), (std::process::id(), "epoll"));
    assert_eq!(watcher.fd, Some(instance.as_raw_fd()));
    // The kernel watches for errors and hang-ups unasked.
    assert_eq!(watcher.events, ["EPOLLIN", "EPOLLERR", "EPOLLHUP", "EPOLLET"]);
    let waiting = waiting_on(inode_of(&other));
    assert!(waiting.watchers.is_empty());
}

/// Runs `wait` on a thread of its own until it is found asleep in `syscall`, then `wake`.
fn found_in(syscall: &str, inode: u64, wait: impl FnOnce() + Send + 'static, wake: impl FnOnce()) {
    let (started, start) = mpsc::channel();
    let waiting = thread::spawn(move || {
        started.send(rustix::thread::gettid().as_raw_nonzero().get() as u32).unwrap();
        wait();
    });
    let tid = start.recv().unwrap();
    let expected = BlockedThread { pid: std::process::id(), tid, syscall: syscall.to_owned() };
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let blocked = waiting_on(inode).blocked;
        if blocked.contains(&expected) {
            break;
        }
        assert!(Instant::now() < deadline, "not found in {syscall}: {blocked:?}");
        thread::yield_now();
    }
    wake();
    waiting.join().unwrap();
}

#[test]
fn a_thread_in_accept_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, inode) = (listener.local_addr().unwrap(), inode_of(&listener));
    let accept = move || drop(listener.accept().unwrap());
    found_in("accept4", inode, accept, || drop(TcpStream::connect(addr).unwrap()));
}

#[test]
fn a_thread_in_poll_is_found_by_the_descriptors_it_polls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, inode) = (listener.local_addr().unwrap(), inode_of(&listener));
    let poll = move || {
        let mut polled =
            libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which outlives the call.
        assert_eq!(unsafe { libc::poll(&raw mut polled, 1, -1) }, 1);
    };
    let syscall = if cfg!(target_arch = "x86_64") { "poll" } else { "ppoll" };
    found_in(syscall, inode, poll, || drop(TcpStream::connect(addr).unwrap()));
}

#[test]
fn a_thread_in_epoll_wait_is_found_by_what_the_instance_watches() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, inode) = (listener.local_addr().unwrap(), inode_of(&listener));
    let wait = move || {
        let instance = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        epoll::add(&instance, &listener, epoll::EventData::new_u64(7), epoll::EventFlags::IN)
            .unwrap();
        let mut events = Vec::with_capacity(1);
        epoll::wait(&instance, rustix::buffer::spare_capacity(&mut events), None).unwrap();
    };
    found_in("epoll_pwait", inode, wait, || drop(TcpStream::connect(addr).unwrap()));
}

#[test]
fn lines_about_other_files_are_left_out() {
    let device = sockfs_device().unwrap();
    let line = format!("tfd:        3 events: 80000019 data:   3  pos:0 ino:8153 sdev:{device:x}");
    assert_eq!(watched_socket(&line), Some((0x8153, 0x8000_0019)));
    let elsewhere = line.replace(&format!("sdev:{device:x}"), "sdev:ffffff");
    assert_eq!(watched_socket(&elsewhere), None);
    for end in 0..line.len() {
        // The device comes last, and sockfs has a number of one digit at least.
        assert_eq!(watched_socket(&line[..end]), None, "{end}");
    }
    assert_eq!(event_names(0x8000_0001 | 1 << 24), ["EPOLLIN", "EPOLLET", "0x1000000"]);
}
