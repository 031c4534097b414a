//! Random sets of options on sockets of every kind: `opts` reports exactly what the program's own
//! getsockopt says, and says of exactly what it set that it was the program.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use serde_json::Value;
use sockpit::catalog::sockopts::{self, Entry, Level, Read};

use super::{is_tried, kinds, report, with_devices};
use crate::support::{in_namespace, sockpit};

/// A small generator (xorshift64*): the same numbers in every run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % most
    }
}

/// What the kernel changes by itself from one moment to the next.
const MOVING: [&str; 5] =
    ["TCP_INFO", "MPTCP_INFO", "TCP_TIMESTAMP", "SO_MEMINFO", "SO_INCOMING_CPU"];

/// What getsockopt tells this process.
fn get(fd: RawFd, level: &Level, entry: &Entry) -> Option<Vec<u8>> {
    let mut buffer = vec![0_u8; entry.length()];
    let mut length = libc::socklen_t::try_from(buffer.len()).unwrap();
    let start = buffer.as_mut_ptr().cast();
    // SAFETY: `start` points to `length` bytes that outlive the call. Options that count their
    // buffer in other units are not among those that are read.
    let result =
        unsafe { libc::getsockopt(fd, level.number, entry.number, start, &raw mut length) };
    buffer.truncate(usize::try_from(length).unwrap());
    (result == 0).then_some(buffer)
}

/// Every option that can be read without taking anything away, by name.
fn all(kind: &kinds::Kind, fd: RawFd) -> BTreeMap<&'static str, Vec<u8>> {
    let (_, domain) = sockopts::find("SO_DOMAIN").unwrap();
    let domain = domain.value_name(kind.domain.into()).unwrap();
    let read = sockopts::entries().filter(|(level, entry)| {
        let is_tried = level.domains.is_empty() || level.domains.iter().any(|name| name == domain);
        entry.read == Read::Pure && is_tried
    });
    read.filter_map(|(level, entry)| Some((entry.name.as_str(), get(fd, level, entry)?))).collect()
}

/// A socket on which some options were set, and which.
struct Prepared {
    kind: &'static kinds::Kind,
    fd: OwnedFd,
    set: BTreeSet<&'static str>,
}

fn prepare(kind: &'static kinds::Kind, dice: &mut Dice) -> Option<Prepared> {
    let fd = kind.open()?;
    let pristine = report(&fd);
    let settable: Vec<_> = sockopts::entries()
        .filter(|(_, entry)| is_tried(entry))
        .filter_map(|(level, entry)| {
            let option = pristine.options.iter().find(|option| option.name == entry.name)?;
            option.writable.then_some((level, entry, &option.value))
        })
        .collect();
    let mut set = BTreeSet::new();
    for _ in 0..12 {
        let (level, entry, old) = settable[dice.below(settable.len())];
        let mut values = kinds::candidates(entry, old).into_iter();
        // Some pairs exclude each other: then it stays as it is.
        if values
            .any(|value| kinds::set(fd.as_raw_fd(), level.number, entry.number, &value).is_none())
        {
            set.insert(entry.name.as_str());
        }
    }
    Some(Prepared { kind, fd, set })
}

#[test]
fn random_sets_of_options_are_reported_as_they_are() {
    in_namespace(|| {
        with_devices();
        let mut dice = Dice::new(13);
        let kinds = || kinds::ALL.iter().chain(&kinds::ALL);
        let prepared: Vec<Prepared> = kinds().filter_map(|kind| prepare(kind, &mut dice)).collect();
        let query = format!("pid:{}", std::process::id());
        let output = sockpit().args(["opts", &query, "--json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        for prepared in &prepared {
            compare(prepared, told.as_array().unwrap());
        }
        let of_program: usize = prepared.iter().map(|prepared| prepared.set.len()).sum();
        assert!(of_program > 200, "{of_program}");
    });
}

fn compare(prepared: &Prepared, told: &[Value]) {
    let Prepared { kind, fd, set } = prepared;
    let is_it = |report: &&Value| report["socket"]["owners"][0]["fd"] == fd.as_raw_fd();
    let report = told.iter().find(is_it).unwrap_or_else(|| panic!("no {} {fd:?}", kind.name));
    let own = all(kind, fd.as_raw_fd());
    let untouched = kind.open().unwrap();
    let before = all(kind, untouched.as_raw_fd());
    let mut names = BTreeSet::new();
    for option in report["options"].as_array().unwrap() {
        let name = option["name"].as_str().unwrap();
        let what = format!("{name} of {}: {option}, set: {set:?}", kind.name);
        assert!(names.insert(name), "twice: {what}");
        let bytes = own.get(name).unwrap_or_else(|| panic!("only sockpit sees {what}"));
        if MOVING.contains(&name) {
            continue;
        }
        let raw: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(option["raw_hex"], *raw, "{what}");
        let differs = before.get(name) != Some(bytes);
        let by_program = option["changed_by"] == "program";
        assert!(differs || !by_program, "it is as untouched: {what}");
        if set.contains(name) && differs && !option["default"].is_null() {
            assert!(by_program, "{what}");
        }
    }
    let missing: Vec<_> = own.keys().filter(|name| !names.contains(*name)).collect();
    assert!(missing.is_empty(), "{} lacks {missing:?}", kind.name);
}
