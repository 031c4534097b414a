//! What the tests share: namespaces of their own, and waiting with a deadline.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Set in the process that a test starts for itself, to the test's path.
const INSIDE: &str = "SOCKPIT_TEST_INSIDE";

/// Set where the tests are known to run as an ordinary user: tests that need the machine's own
/// root may then be skipped in CI, too.
const UNPRIVILEGED: &str = "SOCKPIT_TEST_UNPRIVILEGED";

/// Where `nft`, `ip` and `iptables` are; not in the `PATH` of an ordinary user.
const SYSTEM_PROGRAMS: &str = ":/usr/local/sbin:/usr/sbin:/sbin";

/// Runs `body` as root of a user, network, PID and mount namespace of its own, with `lo` up.
///
/// `body` is a closure written in the test itself: its type's name has the path that the test
/// harness knows the test by. A process with threads cannot enter a user namespace, so the test
/// binary starts itself again under `unshare` with that one test. Works without root. Where
/// namespaces are forbidden the test says that it did not run; under CI that is a failure.
///
/// The user namespace comes first and the others in a second step: what `/proc/net` has for
/// root alone would else belong to nobody, because the kernel gives it to the root of the
/// network's user namespace while that has no mapping yet.
pub(crate) fn in_namespace<F: FnOnce()>(body: F) {
    in_namespaces(&["--user", "--map-root-user", "unshare"], body);
}

/// [`in_namespace`] for what the kernel permits only to the machine's own root: the user
/// namespace stays the machine's.
pub(crate) fn in_namespace_of_root<F: FnOnce()>(body: F) {
    if env::var(INSIDE).is_ok() || needs_root() {
        in_namespaces(&[], body);
    }
}

fn in_namespaces<F: FnOnce()>(outer: &[&str], body: F) {
    let test = path_of::<F>();
    if env::var(INSIDE).is_ok_and(|inside| inside == test) {
        run(Command::new("ip").args(["link", "set", "lo", "up"]));
        return body();
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(outer).args(["--net", "--pid", "--fork", "--mount-proc", "--kill-child"]);
        command.env("PATH", program_path());
        command
    };
    let probe = unshare().arg("true").output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        return cannot_run(&format!("no namespace of its own: {probe:?}"));
    }
    // The usual lock of iptables-legacy may be created by the machine's own root alone.
    let xtables_lock = tempfile::NamedTempFile::new().unwrap();
    let output = unshare()
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, test)
        .env("XTABLES_LOCKFILE", xtables_lock.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test} failed inside its namespace:\n{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "{test} is not the test's path: nothing ran\n{stdout}");
    for skipped in stderr.lines().filter(|line| line.starts_with(&skipped(test))) {
        say(skipped);
    }
}

/// [`in_namespace`] for a test that runs these programs: where one is missing it says that it
/// did not run.
pub(crate) fn in_namespace_with<F: FnOnce()>(programs: &[&str], body: F) {
    if are_there(programs) {
        in_namespace(body);
    }
}

/// Whether these programs are there; where one is missing the test says that it did not run.
pub(crate) fn are_there(programs: &[&str]) -> bool {
    let is_there = |program: &&&str| {
        let mut command = Command::new(program);
        command.arg("--version").env("PATH", program_path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let missing = programs.iter().find(|program| !is_there(program));
    if let Some(program) = missing {
        cannot_run(&format!("no {program} (see .ci/install)"));
    }
    missing.is_none()
}

/// The path (`module::name`) of the test whose closure has this type.
fn path_of<F>() -> &'static str {
    let name = std::any::type_name::<F>();
    let (_crate, path) = name.split_once("::").expect("a closure is named by where it stands");
    path.strip_suffix("::{{closure}}").expect("the body is a closure of the test itself")
}

fn program_path() -> String {
    env::var("PATH").unwrap_or_default() + SYSTEM_PROGRAMS
}

/// Says that a test did not run; under CI that is a failure.
pub(crate) fn cannot_run(why: &str) {
    skip(why, env::var_os("CI").is_some());
}

/// Says that a test did not run because the root of a namespace of its own is not enough; under
/// CI that is a failure, but for the run as an ordinary user.
pub(crate) fn cannot_run_without_root(why: &str) {
    skip(why, env::var_os("CI").is_some() && env::var_os(UNPRIVILEGED).is_none());
}

/// The test harness names the thread of a test after it.
fn skip(why: &str, is_failure: bool) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(!is_failure, "{test} must run in CI, but: {why}");
    say(&format!("{}{why}", skipped(test)));
}

fn skipped(test: &str) -> String {
    format!("{test} did not run: ")
}

/// Prints a line that the test harness does not capture, as it does `eprintln!`.
fn say(line: &str) {
    let mut stderr = io::stderr();
    writeln!(stderr, "{line}").unwrap();
}

/// Whether the test is the machine's own root. Where it is not it says that it did not run; under
/// CI that is a failure, but for the run as an ordinary user.
pub(crate) fn needs_root() -> bool {
    let uid = run(Command::new("id").arg("-u"));
    let ids = fs::read_to_string("/proc/self/uid_map").unwrap();
    if uid.trim() == "0" && ids.split_whitespace().eq(["0", "0", "4294967295"]) {
        return true;
    }
    cannot_run_without_root("it needs root");
    false
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asks `ready` again and again until it answers; fails with `what` after ten seconds.
pub(crate) fn wait_for<T>(what: &str, ready: impl FnMut() -> Option<T>) -> T {
    wait_up_to(Duration::from_secs(10), what, ready)
}

/// [`wait_for`] what may take longer than the ten seconds that are enough for most.
pub(crate) fn wait_up_to<T>(
    limit: Duration,
    what: &str,
    mut ready: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ready() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// How many programs of this process are attached in the kernel: each is a descriptor of its own.
pub(crate) fn programs_of(pid: u32) -> usize {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains("bpf_link")).count()
}

/// A kernel that says of itself that it has no such tracepoint: another name of the same length
/// stands in the description of its types that this mount namespace sees, until this is dropped.
pub(crate) struct WithoutTracepoint {
    _types: tempfile::NamedTempFile,
}

const TYPES: &str = "/sys/kernel/btf/vmlinux";

impl WithoutTracepoint {
    pub(crate) fn named(tracepoint: &str) -> Self {
        let mut bytes = fs::read(TYPES).unwrap();
        let name = format!("\0btf_trace_{tracepoint}\0").into_bytes();
        let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
        bytes[at + 1] = b'x';
        let types = tempfile::NamedTempFile::new().unwrap();
        fs::write(types.path(), bytes).unwrap();
        run(Command::new("mount").arg("--bind").args([types.path(), TYPES.as_ref()]));
        Self { _types: types }
    }
}

impl Drop for WithoutTracepoint {
    fn drop(&mut self) {
        run(Command::new("umount").arg(TYPES));
    }
}

/// The sockpit binary under test.
pub(crate) fn sockpit() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sockpit"))
}

/// Runs sockpit on a terminal, answers its question, and returns the exit code.
pub(crate) fn answered(args: &[&str], answer: &str) -> u32 {
    answered_in_turn(args, &[("[y/N]", answer)])
}

/// Runs sockpit on a terminal, gives each answer once what stands before it was asked, and
/// returns the exit code.
pub(crate) fn answered_in_turn(args: &[&str], answers: &[(&str, &str)]) -> u32 {
    let pty = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).unwrap();
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_sockpit"));
    command.args(args);
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut screen = pty.master.try_clone_reader().unwrap();
    let mut keyboard = pty.master.take_writer().unwrap();
    let mut seen = String::new();
    for (question, answer) in answers {
        while !seen.contains(question) {
            let mut bytes = [0; 1024];
            let count = screen.read(&mut bytes).unwrap();
            assert!(count > 0, "not asked {question:?}: {seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        writeln!(keyboard, "{answer}").unwrap();
    }
    // Somebody has to read on, or the program's last lines would block it.
    std::thread::spawn(move || std::io::copy(&mut screen, &mut std::io::sink()));
    child.wait().unwrap().exit_code()
}
