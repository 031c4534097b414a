//! How a program waits, at random: threads asleep in calls of every kind, and epoll instances with
//! flags of every kind. `opts` tells of each socket exactly who waits on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::random::Dice;
use crate::support::{cannot_run, in_namespace, sockpit};

/// What waits on one socket: calls of threads, and epoll instances with their events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Waits {
    calls: Vec<String>,
    watchers: BTreeMap<i64, BTreeSet<String>>,
}

type Expected = BTreeMap<i64, Waits>;

/// The same by what `opts` tells of every socket of this process.
fn told() -> Expected {
    let query = format!("pid:{}", std::process::id());
    let output = sockpit().args(["opts", &query, "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told.as_array().unwrap().iter().map(of_report).collect()
}

fn of_report(report: &Value) -> (i64, Waits) {
    let list = |field: &str| report["io_model"][field].as_array().unwrap().clone();
    let mut waits = Waits::default();
    for thread in list("blocked_in") {
        assert_eq!(thread["pid"], std::process::id());
        waits.calls.push(call(thread["syscall"].as_str().unwrap()).to_owned());
    }
    waits.calls.sort_unstable();
    for watcher in list("watchers").iter().filter(|watcher| watcher["kind"] == "epoll") {
        let events = watcher["events"].as_array().unwrap().iter();
        let events = events.map(|event| event.as_str().unwrap().to_owned()).collect();
        waits.watchers.insert(watcher["fd"].as_i64().unwrap(), events);
    }
    (report["socket"]["owners"][0]["fd"].as_i64().unwrap(), waits)
}

/// The C library calls the kernel by one name here and by another there.
fn call(name: &str) -> &str {
    match name {
        "ppoll" => "poll",
        "pselect6" => "select",
        "epoll_pwait" => "epoll_wait",
        name => name,
    }
}

/// Starts a thread that sleeps for ever in a call on these descriptors.
fn asleep_in(call: &str, on: &[RawFd]) {
    let (call, on) = (call.to_owned(), on.to_vec());
    std::thread::spawn(move || {
        let mut byte = [0_u8; 1];
        // SAFETY: each call gets descriptors that stay open, and memory that outlives it.
        unsafe {
            match &*call {
                "recvfrom" => {
                    libc::recv(on[0], byte.as_mut_ptr().cast(), 1, 0);
                }
                "read" => {
                    libc::read(on[0], byte.as_mut_ptr().cast(), 1);
                }
                "epoll_wait" => {
                    let mut event = libc::epoll_event { events: 0, u64: 0 };
                    libc::epoll_wait(on[0], &raw mut event, 1, -1);
                }
                "poll" => {
                    let of =
                        |fd: &RawFd| libc::pollfd { fd: *fd, events: libc::POLLIN, revents: 0 };
                    let mut list: Vec<libc::pollfd> = on.iter().map(of).collect();
                    let count = libc::nfds_t::try_from(list.len()).unwrap();
                    libc::poll(list.as_mut_ptr(), count, -1);
                }
                _ => {
                    let mut set: libc::fd_set = std::mem::zeroed();
                    on.iter().for_each(|fd| libc::FD_SET(*fd, &raw mut set));
                    let most = on.iter().max().unwrap() + 1;
                    let (none, for_ever) = (std::ptr::null_mut(), std::ptr::null_mut());
                    libc::select(most, &raw mut set, none, none, for_ever);
                }
            }
        }
        panic!("{call} on {on:?} came back");
    });
}

const FLAGS: [(i32, &str); 5] = [
    (libc::EPOLLIN, "EPOLLIN"),
    (libc::EPOLLPRI, "EPOLLPRI"),
    (libc::EPOLLRDHUP, "EPOLLRDHUP"),
    (libc::EPOLLET, "EPOLLET"),
    (libc::EPOLLONESHOT, "EPOLLONESHOT"),
];

/// Adds a socket with random flags to an epoll instance; the names of its events.
fn watch(epoll: &OwnedFd, fd: RawFd, dice: &mut Dice) -> BTreeSet<String> {
    let chosen: Vec<_> = FLAGS.iter().filter(|_| dice.below(2) == 1).collect();
    let events = chosen.iter().fold(0, |all, (bit, _)| all | bit);
    let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: 0 };
    // SAFETY: the event outlives the call.
    let result =
        unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // The kernel adds these two by itself.
    let always = ["EPOLLERR", "EPOLLHUP"];
    chosen.iter().map(|(_, name)| *name).chain(always).map(str::to_owned).collect()
}

fn new_epoll() -> OwnedFd {
    // SAFETY: takes a number; the descriptor is new and nobody else's.
    unsafe { OwnedFd::from_raw_fd(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }
}

fn some_of(sockets: &[UdpSocket], dice: &mut Dice) -> Vec<RawFd> {
    let first = dice.below(sockets.len());
    let others = sockets.iter().filter(|_| dice.below(3) == 0).map(AsRawFd::as_raw_fd);
    let mut some: Vec<RawFd> = others.chain([sockets[first].as_raw_fd()]).collect();
    some.sort_unstable();
    some.dedup();
    some
}

#[test]
fn who_waits_at_random_is_told_exactly() {
    in_namespace(|| {
        let mut dice = Dice::new(7);
        let new = |_| UdpSocket::bind("127.0.0.1:0").unwrap();
        let sockets: Vec<UdpSocket> = (0..20).map(new).collect();
        let mut expected: Expected =
            sockets.iter().map(|s| (s.as_raw_fd().into(), Waits::default())).collect();
        let sleep = |call: &str, on: &[RawFd], of: &[RawFd], expected: &mut Expected| {
            asleep_in(call, on);
            for fd in of {
                let waits = expected.get_mut(&i64::from(*fd)).unwrap();
                waits.calls.push(call.to_owned());
                waits.calls.sort_unstable();
            }
        };
        for _ in 0..6 {
            let call = ["recvfrom", "read", "poll", "select", "poll", "select"][dice.below(6)];
            let mut on = some_of(&sockets, &mut dice);
            if matches!(call, "recvfrom" | "read") {
                on.truncate(1);
            }
            sleep(call, &on, &on, &mut expected);
        }
        let epolls: Vec<OwnedFd> = (0..4).map(|_| new_epoll()).collect();
        for (at, epoll) in epolls.iter().enumerate() {
            let watched = some_of(&sockets, &mut dice);
            for fd in &watched {
                let events = watch(epoll, *fd, &mut dice);
                let waits = expected.get_mut(&i64::from(*fd)).unwrap();
                waits.watchers.insert(epoll.as_raw_fd().into(), events);
            }
            // Nobody waits for every other instance.
            if at % 2 == 0 {
                sleep("epoll_wait", &[epoll.as_raw_fd()], &watched, &mut expected);
            }
        }
        // Threads take a moment to fall asleep.
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let told = told();
            if told == expected {
                break;
            }
            assert!(Instant::now() < deadline, "told: {told:#?}\nexpected: {expected:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}

#[test]
fn a_socket_that_is_registered_with_a_ring_is_told_apart() {
    in_namespace(|| {
        let (registered, other) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let mut parameters = [0_u8; 256];
        let files = [registered.as_raw_fd()];
        // SAFETY: io_uring_setup(2) fills 120 bytes of `parameters`; io_uring_register(2) with
        // IORING_REGISTER_FILES reads one descriptor. Both outlive the calls.
        let (ring, result) = unsafe {
            let ring = libc::syscall(libc::SYS_io_uring_setup, 8, parameters.as_mut_ptr());
            (ring, libc::syscall(libc::SYS_io_uring_register, ring, 2, files.as_ptr(), 1))
        };
        if ring < 0 || result < 0 {
            return cannot_run("this kernel has no io_uring, or none for us");
        }
        let watcher = |socket: &UdpSocket| {
            let at = format!("{}/{}", std::process::id(), socket.as_raw_fd());
            let output = sockpit().args(["opts", &at, "--json"]).output().unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            report["io_model"]["watchers"][0].clone()
        };
        let of_registered = watcher(&registered);
        assert_eq!(
            (&of_registered["kind"], &of_registered["fd"]),
            (&"io_uring".into(), &ring.into())
        );
        assert_eq!(of_registered["events"], serde_json::json!(["registered"]));
        // Whether the ring waits on another socket of its program nobody tells.
        let of_other = watcher(&other);
        assert_eq!(of_other["kind"], "io_uring", "{of_other}");
        assert_eq!(of_other["events"], serde_json::json!([]));
    });
}
