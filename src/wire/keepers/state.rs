//! How a keeper's instance does, in what the keeper prints of it.

use super::container::container;
use super::status::{pm2, supervisord};
use super::systemd::units;

/// The state of what a keeper keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being started, or waits to be; in the keeper's words.
    Starting(String),
    /// It runs, with this first process; `None` where there is none.
    Runs(Option<u32>),
    /// It does not run, and is not meant to.
    Down,
}

/// `systemctl show` of one unit. `None` for what is no answer.
pub fn unit_state(text: &str) -> Option<State> {
    let unit = units(text).into_iter().next()?;
    let words = || unit.sub_state.clone();
    match &*unit.active_state {
        "activating" | "reloading" | "refreshing" => Some(State::Starting(words())),
        // What it does next is known when it has stopped.
        "deactivating" => Some(State::Starting(words())),
        "active" => Some(State::Runs(unit.main_pid)),
        "inactive" | "failed" | "maintenance" => Some(State::Down),
        _ => None,
    }
}

/// `sv status`, `s6-svstat` or `svstat` of one service directory.
pub fn service_state(text: &str) -> Option<State> {
    // What stands behind a semicolon is the service's own logger.
    let line = text.lines().next()?.split(';').next()?;
    let line = line.trim();
    if line.starts_with("fail:") || line.starts_with("warning:") || line.contains("fatal:") {
        return None;
    }
    let pid = line.split("(pid ").nth(1).and_then(|rest| rest.split(')').next()?.parse().ok());
    // s6 says what is wanted where it differs from what is; runit says `finish` and `down`.
    let word = |word: &str| line.split([' ', ':', ',']).any(|it| it == word);
    if word("finish") {
        let wanted = !line.contains("want down");
        return Some(if wanted { State::Starting("finish".to_owned()) } else { State::Down });
    }
    if word("down") && pid.is_none() {
        let wanted = line.contains("want up");
        return Some(if wanted {
            State::Starting("down, want up".to_owned())
        } else {
            State::Down
        });
    }
    pid.map(|pid| State::Runs(Some(pid)))
}

/// `supervisorctl status NAME`.
pub fn supervisord_state(text: &str) -> Option<State> {
    let program = supervisord(text).into_iter().next()?;
    let state = text.split_whitespace().nth(1)?;
    match state {
        "STARTING" if program.pid.is_none() => Some(State::Starting(state.to_owned())),
        "BACKOFF" | "STOPPING" => Some(State::Starting(state.to_owned())),
        "RUNNING" | "STARTING" => Some(State::Runs(program.pid)),
        _ => Some(State::Down),
    }
}

/// `pm2 jlist`, of the instance with this name.
pub fn pm2_state(text: &str, name: &str) -> Option<State> {
    let apps: Vec<_> = pm2(text).into_iter().filter(|app| app.name == name).collect();
    let waiting = apps.iter().find(|app| matches!(&*app.status, "launching" | "waiting restart"));
    match (waiting, &*apps) {
        (Some(app), _) => Some(State::Starting(app.status.clone())),
        (None, []) => None,
        (None, apps) => {
            let newest = apps.iter().filter_map(|app| app.pid).max();
            Some(newest.map_or(State::Down, |pid| State::Runs(Some(pid))))
        }
    }
}

/// `inspect` of one container.
pub fn container_state(text: &str) -> Option<State> {
    let shown = container(text).ok()?;
    Some(match (shown.restarting, shown.running) {
        (true, _) => State::Starting("restarting".to_owned()),
        (false, true) => State::Runs(shown.pid),
        (false, false) => State::Down,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starting(words: &str) -> Option<State> {
        Some(State::Starting(words.to_owned()))
    }

    #[test]
    fn a_unit_tells_what_it_does() {
        let told = |active: &str, sub: &str| {
            unit_state(&format!("Id=a.service\nMainPID=7\nActiveState={active}\nSubState={sub}\n"))
        };
        assert_eq!(told("activating", "auto-restart"), starting("auto-restart"));
        assert_eq!(told("activating", "start-pre"), starting("start-pre"));
        assert_eq!(told("active", "running"), Some(State::Runs(Some(7))));
        assert_eq!(told("failed", "failed"), Some(State::Down));
        assert_eq!(unit_state(""), None);
    }

    #[test]
    fn a_service_directory_tells_what_it_does() {
        // runit 2.1.2 and s6 2.11
        for (text, state) in [
            ("run: /srv/web: (pid 173) 1s", Some(State::Runs(Some(173)))),
            ("run: /srv/web: (pid 197) 1s, want down", Some(State::Runs(Some(197)))),
            ("finish: /srv/web: (pid 182) 2s", starting("finish")),
            ("finish: /srv/web: (pid 182) 2s, want down", Some(State::Down)),
            ("down: /srv/web: 1s, normally up, want up", starting("down, want up")),
            ("down: /srv/web: 1s, normally up", Some(State::Down)),
            ("down: /srv/web: 1s; run: log: (pid 9) 5s", Some(State::Down)),
            ("up (pid 169) 1 seconds", Some(State::Runs(Some(169)))),
            ("down (signal SIGTERM) 0 seconds, normally up, want up", starting("down, want up")),
            ("down (exitcode 0) 3 seconds, normally up", Some(State::Down)),
            ("/srv/web: up (pid 212) 611 seconds", Some(State::Runs(Some(212)))),
            ("warning: /srv/web: unable to open supervise/ok: access denied", None),
            ("", None),
        ] {
            assert_eq!(service_state(text), state, "{text}");
        }
    }

    #[test]
    fn supervisord_and_pm2_tell_what_they_do() {
        for (text, state) in [
            ("web  RUNNING   pid 243, uptime 0:10:08", Some(State::Runs(Some(243)))),
            ("web  BACKOFF   Exited too quickly", starting("BACKOFF")),
            ("web  STARTING  ", starting("STARTING")),
            ("web  EXITED    Nov 29 06:11 PM", Some(State::Down)),
            ("unix:///run/s.sock refused connection", None),
        ] {
            assert_eq!(supervisord_state(text), state, "{text}");
        }
        let told = |pid: u32, status: &str| {
            let text = format!(
                r#"[{{"pid":{pid},"name":"a","pm_id":0,"pm2_env":{{"status":"{status}"}}}}]"#
            );
            pm2_state(&text, "a")
        };
        assert_eq!(told(0, "waiting restart"), starting("waiting restart"));
        assert_eq!(told(31, "online"), Some(State::Runs(Some(31))));
        assert_eq!(told(0, "stopped"), Some(State::Down));
        assert_eq!(pm2_state("[]", "a"), None);
    }
}
