//! A process and those that it descends from, with all that tells keepers.

use crate::model::keeper::Standing;
use crate::model::owner::Process;

/// More generations than this are not looked for.
const MOST_GENERATIONS: usize = 32;

/// A process, with its control groups and its standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub process: Process,
    /// The text of its `/proc/PID/cgroup`; empty where it may not be read.
    pub cgroups: String,
    /// Its namespaces, signals and directory.
    pub standing: Standing,
}

impl Member {
    /// `python3 4242`.
    pub(super) fn who(&self) -> String {
        format!("{} {}", self.process.name, self.process.pid)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Its arguments.
    fn arguments(&self) -> impl Iterator<Item = &str> {
        self.process.cmdline.iter().map(|argument| &**argument)
    }

    /// What an interpreter runs: the path of a script, or the text behind `-c`; `None` for other
    /// programs, and for a shell that somebody types into.
    pub(super) fn script(&self) -> Option<Script<'_>> {
        let mut arguments = self.arguments();
        let program = base(arguments.next()?);
        if !is_interpreter(program) {
            return None;
        }
        for argument in arguments.by_ref() {
            if matches!(argument, "-c" | "-e" | "--eval") {
                return arguments.next().map(Script::Text);
            }
            if !argument.starts_with('-') {
                return Some(Script::File(argument));
            }
            // `sh -ec TEXT`
            if is_shell(program) && !argument.starts_with("--") && argument.ends_with('c') {
                return arguments.next().map(Script::Text);
            }
        }
        None
    }

    /// Whether it is a shell.
    pub(super) fn is_shell(&self) -> bool {
        self.arguments().next().is_some_and(|program| is_shell(base(program)))
    }

    /// The base name of the program, and of the script where the program is an interpreter; each
    /// may be how such a process is known.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut arguments = self.process.cmdline.iter().map(|argument| &**argument);
        let mut names: Vec<&str> = self.process.names().collect();
        let Some(program) = arguments.next() else { return names };
        let program = base(program);
        names.push(program);
        if is_interpreter(program) {
            let script = arguments.find(|argument| !argument.starts_with('-'));
            names.extend(script.map(base));
        }
        names
    }

    /// The value of an option, as `-c VALUE`, `-cVALUE`, `--config VALUE` or `--config=VALUE`.
    pub(super) fn option(&self, short: &str, long: &str) -> Option<&str> {
        let mut arguments = self.process.cmdline.iter().map(|argument| &**argument).skip(1);
        while let Some(argument) = arguments.next() {
            if argument == short || argument == long {
                return arguments.next();
            }
            if let Some(value) = argument.strip_prefix(long).and_then(|it| it.strip_prefix('=')) {
                return Some(value);
            }
            let is_short = !argument.starts_with("--") && argument.starts_with(short);
            if is_short && argument.len() > short.len() {
                return Some(&argument[short.len()..]);
            }
        }
        None
    }

    /// A path among its arguments as it is meant: relative to its working directory.
    pub(super) fn absolute(&self, path: &str) -> Option<String> {
        if path.starts_with('/') {
            return Some(path.to_owned());
        }
        let cwd = self.standing.cwd.as_deref().filter(|cwd| cwd.starts_with('/'))?;
        let path = path.trim_start_matches("./");
        Some(format!("{}/{path}", cwd.trim_end_matches('/')))
    }
}

/// The part of a path behind its last slash.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What an interpreter was told to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script<'a> {
    /// A file, as its arguments name it.
    File(&'a str),
    /// The text itself.
    Text(&'a str),
}

/// Whether a program runs the script that its arguments name.
fn is_interpreter(program: &str) -> bool {
    let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    is_shell(program) || ["python", "node", "nodejs", "ruby", "perl", "bun", "deno"].contains(&bare)
}

fn is_shell(program: &str) -> bool {
    ["bash", "sh", "dash", "ash", "zsh", "ksh"].contains(&program.trim_start_matches('-'))
}

/// Whether two processes run the same program, as a master and its workers do; of interpreters the
/// same script.
pub(super) fn is_same_program(one: &Member, other: &Member) -> bool {
    one.process.name == other.process.name && one.script() == other.script()
}

/// The process and its ancestors, parent first, as far as they may be read.
pub(super) fn of(holder: Member, read: &dyn Fn(u32) -> Option<Member>) -> Vec<Member> {
    let mut chain = vec![holder];
    while chain.len() < MOST_GENERATIONS {
        let child = &chain[chain.len() - 1].process;
        let Some(parent) = child.ppid.filter(|pid| *pid != 0).and_then(read) else { break };
        // Whoever is younger than the child only has the parent's pid.
        if parent.process.start_time > child.start_time {
            break;
        }
        chain.push(parent);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(arguments: &[&str]) -> Member {
        let mut process = Process::named(7, 7, "x");
        process.cmdline = arguments.iter().map(|&argument| argument.into()).collect();
        let standing = Standing { cwd: Some("/srv/app".into()), ..Standing::default() };
        Member { process, cgroups: String::new(), standing }
    }

    #[test]
    fn a_script_is_known_behind_its_interpreter() {
        for (arguments, name) in [
            (&["/usr/bin/python3", "/usr/bin/supervisord", "-n"][..], "supervisord"),
            (&["/usr/bin/python3.11", "-u", "/usr/bin/supervisord"], "supervisord"),
            (&["node", "/usr/lib/node_modules/.bin/nodemon", "a.js"], "nodemon"),
            (&["/usr/bin/runsv", "web"], "runsv"),
        ] {
            assert!(member(arguments).names().contains(&name), "{arguments:?}");
        }
        assert!(!member(&["cat", "nodemon"]).names().contains(&"nodemon"));
        assert_eq!(member(&[]).names(), ["x"]);
    }

    #[test]
    fn what_an_interpreter_runs_is_told() {
        for (arguments, script) in [
            (
                &["/bin/sh", "-c", "while :; do x; done"][..],
                Some(Script::Text("while :; do x; done")),
            ),
            (&["bash", "-euc", "x"], Some(Script::Text("x"))),
            (&["bash", "-eu", "/srv/run"], Some(Script::File("/srv/run"))),
            (&["/usr/bin/python3", "-u", "loop.py", "-c"], Some(Script::File("loop.py"))),
            (&["-bash"], None),
            (&["bash", "--login"], None),
            (&["nginx", "-c", "/etc/nginx.conf"], None),
        ] {
            assert_eq!(member(arguments).script(), script, "{arguments:?}");
        }
        let worker =
            |arguments: &[&str]| is_same_program(&member(arguments), &member(&["python3", "a.py"]));
        assert!(worker(&["/usr/bin/python3", "a.py", "--worker"]) && !worker(&["python3", "b.py"]));
    }

    #[test]
    fn an_option_is_read_in_every_spelling() {
        for arguments in [
            &["d", "-n", "-c", "/etc/s.conf"][..],
            &["d", "-c/etc/s.conf"],
            &["d", "--configuration=/etc/s.conf"],
            &["d", "--configuration", "/etc/s.conf"],
        ] {
            let member = member(arguments);
            assert_eq!(member.option("-c", "--configuration"), Some("/etc/s.conf"));
        }
        assert_eq!(member(&["d", "-n"]).option("-c", "--configuration"), None);
    }

    #[test]
    fn a_path_is_meant_from_where_the_process_is() {
        let member = member(&[]);
        assert_eq!(member.absolute("./s.conf").as_deref(), Some("/srv/app/s.conf"));
        assert_eq!(member.absolute("/s.conf").as_deref(), Some("/s.conf"));
    }
}
