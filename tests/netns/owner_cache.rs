//! The live table remembers who holds what. Whatever it shows as certain must be so: compared
//! with a full scan while processes that do everything to confuse it stand still.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use sockpit::collect::ports::Ports;
use sockpit::inspect::sockets::{self, Detail, Request};
use sockpit::model::owner::ProcessKey;
use sockpit::model::socket::Socket;
use sockpit::model::table::SocketTable;

use crate::support::{in_namespace, wait_for};

/// Opens, closes, duplicates, passes, inherits and shares sockets at random, in several
/// processes and threads, some of which rest now and then.
const CHURN: &str = r#"
import array, ctypes, os, random, select, signal, socket, struct, sys, threading, time
seed = int(sys.argv[1])
WORKERS = 6
links = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(WORKERS)]
for pair in links:
    for end in pair: end.setblocking(False)
libc = ctypes.CDLL(None)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0)); return s.detach()
def tcp():
    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(8); return s.detach()

def work(index, held, r, low, high, forks):
    def fresh():
        fd = r.choice((udp, tcp))()
        room = [n for n in range(low, high) if n not in held]
        if not room:
            os.close(fd); return
        os.dup2(fd, room[0]); os.close(fd); held.add(room[0])
    while True:
        for _ in range(r.randrange(1, 12)):
            act = r.randrange(9)
            if act <= 1 or not held:
                fresh()
            elif act == 2:
                fd = r.choice(list(held)); held.discard(fd); os.close(fd)
            elif act <= 4 and len(held) > 1:
                # As many descriptors as before, and the sockets may live on elsewhere.
                one, other = r.sample(sorted(held), 2); os.dup2(one, other)
            elif act == 5:
                fd = r.choice(list(held)); os.close(fd); new = udp()
                if new != fd: os.dup2(new, fd); os.close(new)
            elif act == 6:
                fd = r.choice(list(held))
                try: socket.socket(fileno=os.dup(links[r.randrange(WORKERS)][0].fileno())).sendmsg(
                        [b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])
                except OSError: pass
                if r.random() < .5: held.discard(fd); os.close(fd)
            elif act == 7:
                try:
                    mine = socket.socket(fileno=os.dup(links[index][1].fileno()))
                    _, rights, _, _ = mine.recvmsg(8, socket.CMSG_SPACE(16))
                    for _, _, data in rights:
                        for fd in struct.unpack('%di' % (len(data) // 4), data):
                            room = [n for n in range(low, high) if n not in held]
                            if room: os.dup2(fd, room[0]); held.add(room[0])
                            os.close(fd)
                except OSError: pass
            elif forks and act == 8:
                kind = r.random(); pid = None
                # A child with a table of its own, or one that shares ours.
                flags = signal.SIGCHLD | (0x400 if kind < .4 else 0)
                until = r.random() * .2
                pid = libc.syscall(ctypes.c_long(SYS_CLONE), flags, 0, 0, 0, 0)
                if pid == 0:
                    try:
                        r = random.Random(r.random() + os.getpid())
                        signal.alarm(20)
                        time.sleep(until / 2)
                        for _ in range(3):
                            if len(held) > 1:
                                one, other = r.sample(sorted(held), 2)
                                try: os.fstat(one); os.dup2(one, other)
                                except OSError: pass
                        time.sleep(until)
                    finally: os._exit(0)
        time.sleep(r.choice((0, 0, .001, .02, .1, .4)))

def worker(index):
    r = random.Random(seed * 100 + index)
    for number in range(index % 3):
        threading.Thread(target=work, daemon=True, args=(
            index, set(), random.Random(seed * 1000 + index * 10 + number),
            200 + 100 * number, 230 + 100 * number, False)).start()
    work(index, set(), r, 100, 130, True)

for index in range(WORKERS):
    if os.fork() == 0:
        signal.alarm(60)
        worker(index)
print('ready', flush=True)
signal.alarm(60)
while True: signal.pause()
"#;

/// The processes of a churning tree: one process group.
struct Tree {
    root: Child,
}

impl Tree {
    fn new(seed: u64) -> Self {
        use std::os::unix::process::CommandExt;
        let program = CHURN.replace("SYS_CLONE", &libc::SYS_clone.to_string());
        let root = Command::new("python3")
            .args(["-c", &program, &seed.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let tree = Self { root };
        wait_for("the workers", || (tree.pids().len() > 6).then_some(()));
        tree
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.root)
    }

    fn pids(&self) -> BTreeSet<u32> {
        let group = self.root.id().to_string();
        let entries = fs::read_dir("/proc").unwrap();
        let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        pids.filter(|pid| stat(*pid).is_some_and(|fields| fields[2] == group)).collect()
    }

    /// Stops all of them, and waits until nobody moves.
    fn stop(&self) {
        kill_process_group(self.group(), Signal::STOP).unwrap();
        wait_for("everybody to stop", || {
            let is_still = |pid: &u32| {
                let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
                let tasks = tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok());
                tasks
                    .filter_map(|tid: u32| stat_of(&format!("/proc/{pid}/task/{tid}/stat")))
                    .all(|fields| matches!(fields[0].as_str(), "T" | "Z" | "X"))
            };
            self.pids().iter().all(is_still).then_some(())
        });
    }

    fn go_on(&self) {
        kill_process_group(self.group(), Signal::CONT).unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = kill_process_group(self.group(), Signal::KILL);
        let _ = self.root.wait();
    }
}

/// The fields of `/proc/PID/stat` from the state on.
fn stat(pid: u32) -> Option<Vec<String>> {
    stat_of(&format!("/proc/{pid}/stat"))
}

fn stat_of(path: &str) -> Option<Vec<String>> {
    let content = fs::read_to_string(Path::new(path)).ok()?;
    let (_, rest) = content.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

/// Who holds a socket by which descriptor.
type Holders = BTreeSet<(ProcessKey, i32)>;

/// The holders of each socket by its cookie, as far as they belong to the tree.
fn holders<'a>(
    sockets: impl Iterator<Item = &'a Socket>,
    tree: &BTreeSet<u32>,
) -> BTreeMap<u64, Holders> {
    let of = |socket: &Socket| {
        let owners = socket.owners.iter().filter(|owner| tree.contains(&owner.process.pid));
        owners.filter_map(|owner| Some((owner.process.key(), owner.fd?))).collect()
    };
    sockets.filter_map(|socket| Some((socket.cookie?, of(socket)))).collect()
}

/// What is wrong with `table` while the tree stands still: everything that it tells of a
/// process that is not named as unverified must be so, and nothing may be missing.
fn faults_of(table: &SocketTable, truth: &[Socket], tree: &BTreeSet<u32>) -> Vec<String> {
    let shown = holders(table.rows.iter().map(|row| &row.socket), tree);
    let truth = holders(truth.iter(), tree);
    let certain = |holders: Option<&Holders>| -> Holders {
        let holders = holders.into_iter().flatten();
        holders.filter(|(process, _)| table.as_of(*process).is_none()).copied().collect()
    };
    let cookies: BTreeSet<&u64> = shown.keys().chain(truth.keys()).collect();
    let compare = |cookie: &u64| {
        let (shown, truth) = (certain(shown.get(cookie)), certain(truth.get(cookie)));
        (shown != truth).then(|| format!("socket {cookie}: shown {shown:?}, held by {truth:?}"))
    };
    cookies.into_iter().filter_map(compare).collect()
}

fn full_scan() -> Vec<Socket> {
    sockets::list(&Request { detail: Detail::Full, ..Request::default() }).unwrap().sockets
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    rounds: usize,
    pub(crate) certain: usize,
    pub(crate) uncertain: usize,
}

/// Looks while the tree runs and while it stands still, for so long.
fn compare_for(time: Duration, seed: u64, limit: Option<usize>) -> Seen {
    compare_by(Ports::new(None).limited(limit), time, seed)
}

/// The same with this collector.
pub(crate) fn compare_by(mut ports: Ports, time: Duration, seed: u64) -> Seen {
    let tree = Tree::new(seed);
    let mut seen = Seen::default();
    let until = Instant::now() + time;
    // On a busy machine a round takes long.
    while Instant::now() < until || seen.rounds < 5 {
        for _ in 0..2 {
            ports.look().unwrap();
            thread::sleep(Duration::from_millis(30));
        }
        tree.stop();
        let pids = tree.pids();
        let mut truth = full_scan();
        // The first of these looks knows the tree as it was when it ran, the later ones trust
        // what stands still.
        for look in 0.. {
            let (table, _) = ports.look().unwrap();
            let mut faults = faults_of(&table, &truth, &pids);
            if !faults.is_empty() {
                // The kernel does not stand still: it may have reset a connection meanwhile.
                truth = full_scan();
                faults = faults_of(&table, &truth, &pids);
            }
            let unverified = table.unverified.len();
            assert!(
                faults.is_empty(),
                "seed {seed}, look {look}, {unverified} unverified: {faults:#?}"
            );
            let is_certain = !table.unverified.iter().any(|u| pids.contains(&u.process.pid));
            seen.certain += usize::from(is_certain);
            seen.uncertain += usize::from(!is_certain);
            // Who shares a table is looked at every time, and may use up what there is time for.
            if look > 1 && (is_certain || look > 12) {
                break;
            }
            thread::sleep(Duration::from_millis(60));
        }
        seen.rounds += 1;
        tree.go_on();
    }
    seen
}

pub(crate) fn seed() -> u64 {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    seed.as_nanos() as u64 % 1_000_000
}

#[test]
fn no_owner_is_wrong_when_there_is_time_to_look() {
    in_namespace(|| {
        let seed = seed();
        let seen = compare_for(Duration::from_secs(5), seed, Some(20_000));
        eprintln!("seed {seed}: {seen:?}");
        assert!(seen.uncertain == 0, "{seen:?}");
    });
}

#[test]
fn no_owner_is_wrong_or_else_it_is_named_as_uncertain() {
    in_namespace(|| {
        let seed = seed();
        let seen = compare_for(Duration::from_secs(5), seed, Some(20));
        eprintln!("seed {seed}: {seen:?}");
        assert!(seen.certain > 0 && seen.uncertain > 0, "{seen:?}");
    });
}

/// Resident memory in bytes, and open files.
fn footprint() -> (usize, usize) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    (pages * rustix::param::page_size(), fs::read_dir("/proc/self/fd").unwrap().count())
}

#[test]
fn what_comes_and_goes_leaves_nothing_behind() {
    in_namespace(|| {
        let seed = seed();
        let tree = Tree::new(seed);
        let mut ports = Ports::new(None).limited(Some(200));
        let mut look_often = |looks: usize| {
            let looks = (0..looks).map(|_| {
                thread::sleep(Duration::from_millis(5));
                ports.look().unwrap().0
            });
            looks.last().map(|table| table.ended.len()).unwrap()
        };
        let ended_before = look_often(100);
        let (memory_before, _) = footprint();
        let ended = look_often(400) - ended_before;
        let (memory, files) = footprint();
        let grown = memory.saturating_sub(memory_before);
        // The history is still filling up: no row of it is larger than this.
        let allowed = ended * 2_048 + (2 << 20);
        assert!(grown <= allowed, "seed {seed}: {grown} bytes more, {ended} rows ended");
        let processes = tree.pids().len();
        assert!(files <= processes + 60, "seed {seed}: {files} files, {processes} processes");
    });
}
