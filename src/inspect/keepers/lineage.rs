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

/// Whether a program runs the script that its arguments name.
fn is_interpreter(program: &str) -> bool {
    let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    ["python", "node", "nodejs", "ruby", "perl", "bash", "sh", "dash", "bun", "deno"]
        .contains(&bare)
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
