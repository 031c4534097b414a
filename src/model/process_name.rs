//! What to call a process.
//!
//! The kernel calls it by its main thread: the first 15 bytes of the file that it was started
//! from, for a script those of the script. Some programs rename that thread (node: "MainThread"),
//! and then say nothing of what they are. So the kernel's name counts for as long as it is that of
//! a file which the process was started by, and is told whole; else the program's own name does.
//! A title that a program wrote for itself begins with what it was called by: Debian's redis-server is
//! a link to redis-check-rdb, and "redis-server 127.0.0.1:6379" is all that says so.

/// The kernel's `TASK_COMM_LEN`, without the NUL.
const COMM_LEN: usize = 15;

/// The name of the program that a process runs: `comm` is what the kernel calls it, `exe` the
/// path of its program, `arguments` its command line, each as far as it is known.
pub fn of(comm: &str, exe: Option<&str>, arguments: &[Box<str>]) -> Box<str> {
    let exe = exe.map(|exe| base(exe.strip_suffix(" (deleted)").unwrap_or(exe)));
    let called = arguments.first().map(|first| base(first));
    let script = arguments.get(1).map(|second| base(second));
    let is_it = |name: &&str| truncated(name) == comm.as_bytes();
    let titled = called.map(first_word);
    let started_by = [called, exe, script, titled].into_iter().flatten().find(is_it);
    if let Some(name) = started_by {
        return name.into();
    }
    // python3 is a link to python3.11: what it was called by says as much, in fewer letters.
    let own = match (exe, called) {
        (Some(exe), Some(called)) if !called.is_empty() && exe.starts_with(called) => called,
        (Some(exe), _) => exe,
        (None, Some(called)) if !called.is_empty() && !called.contains(' ') => called,
        _ => comm,
    };
    own.into()
}

/// Whether `holds` is true of any name that a process goes by: its program, what it was called
/// by, and what its main thread calls itself.
pub fn any(process: &super::owner::Process, holds: impl Fn(&str) -> bool) -> bool {
    holds(&process.name)
        || process.comm.as_deref().is_some_and(&holds)
        || process.cmdline.first().is_some_and(|called| holds(base(called)))
}

/// The last part of a path. A title that a program wrote for itself is none.
fn base(path: &str) -> &str {
    if path.contains(' ') && !path.starts_with('/') {
        return path;
    }
    path.rsplit('/').next().unwrap_or(path)
}

/// `nginx: worker process` is titled nginx.
fn first_word(title: &str) -> &str {
    title.split([' ', ':']).next().unwrap_or(title)
}

fn truncated(name: &str) -> &[u8] {
    &name.as_bytes()[..name.len().min(COMM_LEN)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(comm: &str, exe: Option<&str>, arguments: &[&str]) -> String {
        let arguments: Vec<Box<str>> = arguments.iter().map(|&argument| argument.into()).collect();
        of(comm, exe, &arguments).into()
    }

    #[test]
    fn a_renamed_main_thread_does_not_hide_the_program() {
        let node = Some("/usr/bin/node");
        assert_eq!(name("MainThread", node, &["node", "server.js"]), "node");
        assert_eq!(name("MainThread", Some("/usr/bin/python3.11"), &["python3", "x"]), "python3");
        assert_eq!(name("MainThread", None, &["/usr/bin/node", "server.js"]), "node");
        assert_eq!(name("worker", Some("/opt/app/server (deleted)"), &["app: worker 3"]), "server");
    }

    #[test]
    fn the_file_that_it_was_started_by_is_told_whole() {
        let long = "a very long program name.bin";
        let path = format!("/tmp/{long}");
        assert_eq!(name("a very long pro", Some(&path), &[&path, "-m"]), long);
        // A script has its own name, and not that of what reads it.
        let python = Some("/usr/bin/python3.11");
        assert_eq!(name("certbot", python, &["/usr/bin/python3", "/usr/bin/certbot"]), "certbot");
        assert_eq!(name("sh", Some("/bin/busybox"), &["sh", "-c", "x"]), "sh");
        assert_eq!(name("nginx", Some("/usr/sbin/nginx"), &["nginx: worker process"]), "nginx");
        assert_eq!(name("sshd", Some("/usr/sbin/sshd"), &["sshd: root@pts/0"]), "sshd");
    }

    #[test]
    fn a_title_tells_what_a_link_was_called() {
        let redis = Some("/usr/bin/redis-check-rdb");
        assert_eq!(name("redis-server", redis, &["redis-server *:6379"]), "redis-server");
        assert_eq!(
            name("redis-server", redis, &["/usr/bin/redis-server ::1:6379"]),
            "redis-server"
        );
        let python = Some("/usr/bin/python3.11");
        assert_eq!(name("gunicorn", python, &["gunicorn: master [shop]"]), "gunicorn");
        assert_eq!(name("MainThread", redis, &["redis-server *:6379"]), "redis-check-rdb");
    }

    #[test]
    fn where_nothing_else_is_known_the_kernels_name_has_to_do() {
        assert_eq!(name("kthreadd", None, &[]), "kthreadd");
        assert_eq!(name("postgres", None, &["postgres: writer "]), "postgres");
        assert_eq!(name("x", None, &[""]), "x");
    }
}
