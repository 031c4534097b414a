//! Running a program of the system: one that only root can have put there, with nothing of
//! sockpit's own surroundings, and within limits.

use std::env;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::sys::error::{Error, Result};
pub use crate::sys::portable::command::{Limits, Ran};

/// Where programs are looked for. No environment variable has a say.
const DIRECTORIES: [&str; 6] =
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/local/bin"];
/// What the program itself finds others by.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// How often the program's end is looked for.
const PAUSE: Duration = Duration::from_millis(10);
/// How long output is waited for after the program's end: a child of its may hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A program that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    name: String,
    /// As it was found.
    path: PathBuf,
    /// Behind symbolic links: what is run.
    real: PathBuf,
}

impl Program {
    /// Finds a program by its name in the fixed directories. [`Error::Unsupported`] where it is
    /// in none of them, or somebody else than root could have changed it.
    pub fn find(name: &str) -> Result<Self> {
        Self::find_in(&DIRECTORIES.map(Path::new), name)
    }

    /// [`Program::find`] in other directories, under the same conditions.
    pub fn find_in(directories: &[&Path], name: &str) -> Result<Self> {
        let mut distrusted = None;
        for directory in directories {
            let path = directory.join(name);
            if !path.is_file() {
                continue;
            }
            match trusted(&path) {
                Ok(real) => return Ok(Self { name: name.to_owned(), path, real }),
                Err(why) => _ = distrusted.get_or_insert(why),
            }
        }
        let why = distrusted.unwrap_or_else(|| {
            let directories: Vec<_> =
                directories.iter().map(|directory| directory.display().to_string()).collect();
            format!("it is in none of {}", directories.join(", "))
        });
        Err(Error::unsupported(name, why))
    }

    /// The program that [`Program::find`] has found at this path before.
    pub fn at(path: &Path) -> Result<Self> {
        match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            (Some(directory), Some(name)) if DIRECTORIES.map(Path::new).contains(&directory) => {
                Self::find_in(&[directory], name)
            }
            _ => Err(Error::unsupported(
                path.display().to_string(),
                "it is in none of the directories that programs are run from",
            )),
        }
    }

    /// Where the program was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it in `/` with a clean environment, stdin closed, in a process group of its own, and
    /// ends that group when the time is over. `tick` is called again and again meanwhile, with
    /// the time since the start.
    pub fn run(
        &self,
        arguments: &[&str],
        limits: Limits,
        tick: &mut dyn FnMut(Duration),
    ) -> Result<Ran> {
        self.finish(self.command(arguments), None, limits, tick)
    }

    /// Runs it with `input` on stdin, and with these variables of sockpit's own environment.
    pub fn feed(
        &self,
        arguments: &[&str],
        input: &str,
        keep: &[&str],
        limits: Limits,
    ) -> Result<Ran> {
        let mut command = self.command(arguments);
        command.envs(keep.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command.stdin(Stdio::piped());
        self.finish(command, Some(input), limits, &mut |_| {})
    }

    fn finish(
        &self,
        mut command: Command,
        input: Option<&str>,
        limits: Limits,
        tick: &mut dyn FnMut(Duration),
    ) -> Result<Ran> {
        let failed = |error| Error::os(format!("run {}", self.name), error);
        let mut child = command.spawn().map_err(failed)?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input.map(str::to_owned)) {
            // What does not read to the end ends by the time limit, and this with it.
            thread::spawn(move || stdin.write_all(input.as_bytes()));
        }
        let stdout = drain(child.stdout.take(), limits.output_bytes);
        let stderr = drain(child.stderr.take(), limits.output_bytes);
        let status = wait(&mut child, limits.timeout, tick).map_err(failed)?;
        let words = |output: Receiver<Vec<u8>>| {
            let bytes = output.recv_timeout(LAST_WORDS).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ok(Ran {
            exit_code: status.and_then(|status| status.code()),
            timed_out: status.is_none(),
            stdout: words(stdout),
            stderr: words(stderr),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.real);
        // One program may go by several names, and tell by its name what it is.
        command.arg0(&self.name).args(arguments);
        command.env_clear().env("PATH", PATH).env("LC_ALL", "C");
        // Where a user's own systemd and podman listen.
        let runtime = format!("/run/user/{}", own_uid());
        if Path::new(&runtime).is_dir() {
            command.env("XDG_RUNTIME_DIR", runtime);
        }
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The user whose rights sockpit has.
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether this user may write to what is at a path, such as a daemon's socket; `None` where nothing
/// is there, or that may not be looked at.
pub fn may_write(path: &Path) -> Option<bool> {
    path.metadata().ok()?;
    let (access, flags) = (rustix::fs::Access::WRITE_OK, rustix::fs::AtFlags::EACCESS);
    Some(rustix::fs::accessat(rustix::fs::CWD, path, access, flags).is_ok())
}

/// Whether nobody but root can change this file, or put another one in its place.
pub fn is_trusted(path: &Path) -> bool {
    trusted(path).is_ok()
}

/// The real path of a file that nobody but root can have put there: it and every directory
/// above it belong to root, and no other user or group may write there. In a directory like
/// `/tmp` the sticky bit protects what is root's.
fn trusted(path: &Path) -> std::result::Result<PathBuf, String> {
    let real = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    for part in real.ancestors() {
        let metadata = part.metadata().map_err(|error| format!("{}: {error}", part.display()))?;
        let mode = metadata.mode();
        let others = mode & 0o002 != 0 || (mode & 0o020 != 0 && metadata.gid() != 0);
        let sticky = metadata.is_dir() && mode & 0o1000 != 0;
        if metadata.uid() != 0 || (others && !sticky) {
            return Err(format!("a user other than root can change {}", part.display()));
        }
    }
    Ok(real)
}

/// Reads to the end on a thread, so that the program never waits for a reader; keeps as much
/// as allowed.
fn drain(pipe: Option<impl Read + Send + 'static>, most: usize) -> Receiver<Vec<u8>> {
    let (tell, output) = mpsc::channel();
    let Some(mut pipe) = pipe else { return output };
    thread::spawn(move || {
        let mut kept = Vec::new();
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        // A failed read is the output's end.
        let _ = pipe.by_ref().take(most).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        let _ = tell.send(kept);
    });
    output
}

/// Waits for the end; `None` when the time was over first.
fn wait(
    child: &mut Child,
    timeout: Duration,
    tick: &mut dyn FnMut(Duration),
) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= timeout {
            end(child)?;
            return Ok(None);
        }
        tick(start.elapsed());
        thread::sleep(PAUSE);
    }
}

/// Ends the program and what it has started. It is not reaped yet, so that its pid, which is
/// its group's, can be nobody else's.
fn end(child: &mut Child) -> io::Result<()> {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        kill_process_group(group, Signal::KILL)?;
    }
    child.wait().map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const LIMITS: Limits = Limits { timeout: Duration::from_secs(20), output_bytes: 1_000 };

    fn shell() -> Program {
        Program::find("sh").unwrap()
    }

    fn run(script: &str, limits: Limits) -> Ran {
        shell().run(&["-c", script], limits, &mut |_| {}).unwrap()
    }

    #[test]
    fn a_program_runs_with_nothing_of_ours() {
        let ran = run("echo out; echo err >&2; env; cat; pwd; exit 7", LIMITS);
        assert_eq!((ran.exit_code, ran.timed_out), (Some(7), false));
        assert_eq!(ran.stderr, "err\n");
        assert!(ran.stdout.starts_with("out\n") && ran.stdout.ends_with("\n/\n"), "{ran:?}");
        let ours = std::env::vars().filter(|(name, _)| !["PATH", "LC_ALL"].contains(&&**name));
        for (name, _) in ours.filter(|(name, _)| !["PWD", "SHLVL", "_"].contains(&&**name)) {
            let leaked = ran.stdout.lines().any(|line| line.starts_with(&format!("{name}=")));
            assert!(!leaked || name == "XDG_RUNTIME_DIR", "{name}");
        }
    }

    #[test]
    fn what_is_fed_is_read_with_the_variables_that_are_kept() {
        let script = "cat; echo \"$HOME $CARGO_MANIFEST_DIR\"";
        let ran = shell().feed(&["-c", script], "text\n", &["CARGO_MANIFEST_DIR"], LIMITS).unwrap();
        let kept = env::var("CARGO_MANIFEST_DIR").unwrap();
        assert_eq!(ran.stdout, format!("text\n {kept}\n"));
    }

    #[test]
    fn output_is_bounded_and_never_blocks() {
        let ran = run("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done", LIMITS);
        assert_eq!((ran.exit_code, ran.stdout.len()), (Some(0), 1_000));
    }

    #[test]
    fn the_time_is_bounded_for_children_too() {
        let mut ticks = 0;
        let limits = Limits { timeout: Duration::from_millis(200), ..LIMITS };
        let ran =
            shell().run(&["-c", "sleep 600 & sleep 600"], limits, &mut |_| ticks += 1).unwrap();
        assert!(ran.timed_out && ran.exit_code.is_none() && ticks > 1, "{ran:?}");
    }

    #[test]
    fn only_what_root_alone_can_change_is_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("systemctl");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o757)).unwrap();
        let refused = Program::find_in(&[directory.path()], "systemctl").unwrap_err();
        assert!(refused.to_string().contains("other than root"), "{refused}");
        let absent = Program::find_in(&[directory.path()], "no-such-program").unwrap_err();
        assert!(absent.to_string().contains("in none of"), "{absent}");
        // A link leads to what it is a link to.
        let link = directory.path().join("docker");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Program::find_in(&[directory.path()], "docker").is_err());
        if own_uid() != 0 {
            return eprintln!("the rest did not run: only root can make a program of root's");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let found = Program::find_in(&[directory.path()], "docker").unwrap();
        assert_eq!((found.path(), &found.real), (&*link, &path.canonicalize().unwrap()));
        assert!(Program::at(&link).is_err(), "only the system's own directories");
        assert_eq!(Program::at(shell().path()).unwrap(), shell());
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(Program::find_in(&[directory.path()], "docker").is_err());
    }
}
