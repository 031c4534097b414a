//! Parents whose whole purpose is to start their child again.

use super::words;
use crate::model::action::{Supervisor, SupervisorKind};
use crate::model::owner::Process;

/// How one turns to such a parent.
enum Turn {
    /// A command and the directory of the service, the parent's own argument.
    Service(&'static [&'static str]),
    /// A command that lists what it runs, by the names that stop it.
    List(&'static [&'static str]),
    /// It has no command: it is ended itself.
    End,
}

/// Programs that restart what they have started, by the name of their process (15 bytes at
/// most, as the kernel keeps it).
const PROGRAMS: [(&str, Turn); 13] = [
    ("runsv", Turn::Service(&["sv", "down"])),
    ("s6-supervise", Turn::Service(&["s6-svc", "-d"])),
    ("supervise", Turn::Service(&["svc", "-d"])),
    ("supervisord", Turn::List(&["supervisorctl", "status"])),
    ("circusd", Turn::List(&["circusctl", "status"])),
    ("nodemon", Turn::End),
    ("watchexec", Turn::End),
    ("cargo-watch", Turn::End),
    ("entr", Turn::End),
    ("air", Turn::End),
    ("reflex", Turn::End),
    ("forever", Turn::End),
    ("autossh", Turn::End),
];

/// Whether a process of this name restarts its children.
pub fn is_restarter(name: &str) -> bool {
    turn(name).is_some()
}

/// The parent of process `pid` as its supervisor, if that is what it is for.
pub fn of_parent(pid: u32, parent: &Process) -> Option<Supervisor> {
    let called = parent.names().find(|name| is_restarter(name))?;
    let command = match turn(called)? {
        Turn::List(command) => words(command),
        Turn::End => words(&["sockpit", "kill", &format!("pid:{}", parent.pid)]),
        Turn::Service(command) => {
            // These programs know no `--`: what looks like an option is no service.
            let service = parent.cmdline.get(1).filter(|service| !service.starts_with('-'));
            let service: &[&str] = &[service.map_or("SERVICE", |service| service)];
            words(&[command, service].concat())
        }
    };
    let name = format!("{called} {}", parent.pid);
    Some(Supervisor { pid, kind: SupervisorKind::Parent, name, command, word: None })
}

fn turn(name: &str) -> Option<&'static Turn> {
    // The name that pm2's daemon gives itself holds its version.
    const PM2: Turn = Turn::List(&["pm2", "list"]);
    if name.starts_with("PM2 v") {
        return Some(&PM2);
    }
    PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, turn)| turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_turned_to_in_its_own_way() {
        let command = |name: &str, cmdline: &[&str]| {
            let cmdline = cmdline.iter().map(|&word| word.into()).collect();
            let parent = Process { cmdline, ..Process::named(40, 1, name) };
            of_parent(50, &parent).map(|found| found.command.join(" "))
        };
        assert_eq!(command("runsv", &["runsv", "web"]).as_deref(), Some("sv down web"));
        assert_eq!(command("runsv", &["runsv", "-x"]).as_deref(), Some("sv down SERVICE"));
        assert_eq!(command("nodemon", &[]).as_deref(), Some("sockpit kill pid:40"));
        assert_eq!(command("PM2 v5.3.0: God", &[]).as_deref(), Some("pm2 list"));
        assert_eq!(command("bash", &["bash"]), None);
        assert!(PROGRAMS.iter().all(|(name, _)| name.len() <= 15));
    }
}
