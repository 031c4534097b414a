//! Any bytes can stand in a file of `/proc/PID`: a process names itself, and cgroups are named by
//! their owners.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockpit::wire::{cgroup, procfs};

fuzz_target!(|bytes: &[u8]| {
    if let Some(stat) = procfs::Stat::parse(bytes) {
        assert!(stat.name.len() < bytes.len());
    }
    let _ = (procfs::real_uid(bytes), procfs::socket_inode(bytes), procfs::number(bytes));
    let _ = procfs::SchedStat::parse(bytes);
    assert!(procfs::ring_sockets(bytes).len() <= bytes.len());
    let arguments = procfs::arguments(bytes);
    assert!(arguments.len() <= bytes.len());

    let text = String::from_utf8_lossy(bytes);
    let _ = cgroup::container_of(&text);
    if let Some(path) = cgroup::path(&text) {
        let _ = cgroup::unit(path);
    }
});
