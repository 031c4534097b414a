//! What process supervisors say of what they run.

use serde::Deserialize;

/// A program of supervisord's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// As `supervisorctl` takes it: `web`, `group:web`.
    pub name: String,
    /// Its process; `None` when it does not run.
    pub pid: Option<u32>,
}

/// Reads `supervisorctl status`: `NAME  RUNNING  pid 243, uptime 0:10:08`.
pub fn supervisord(text: &str) -> Vec<Program> {
    let program = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let state = words.next()?;
        let is_state = ["RUNNING", "STARTING", "STOPPING", "STOPPED", "BACKOFF", "EXITED", "FATAL"]
            .contains(&state);
        let pid = words.skip_while(|word| *word != "pid").nth(1);
        let pid = pid.and_then(|pid| pid.trim_end_matches(',').parse().ok());
        // A name that begins with a hyphen would be taken for an option.
        (is_state && !name.starts_with('-')).then(|| Program { name: name.to_owned(), pid })
    };
    text.lines().filter_map(program).collect()
}

/// Whether the status of a service (`sv status`, `s6-svstat`, `svstat`) is that of a process:
/// `run: DIR: (pid 219) 611s`, `up (pid 218) 610 seconds`, `DIR: up (pid 212) 611 seconds`.
pub fn is_of(text: &str, pids: &[u32]) -> Option<u32> {
    let told = text.split("(pid ").skip(1).filter_map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    });
    let mut told = told.filter(|pid| pids.contains(pid));
    told.next()
}

/// An application of pm2's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pm2App {
    /// `pm_id`, by which one instance is stopped.
    pub id: u64,
    /// Its name, which several instances may share.
    pub name: String,
    /// Its process; `None` when it does not run.
    pub pid: Option<u32>,
    /// Whether the daemon listens for it (`cluster_mode`).
    pub cluster: bool,
    /// Waited before it is started again, in milliseconds.
    pub restart_delay_ms: Option<u64>,
    /// Whether it is started again.
    pub autorestart: bool,
    /// Whether a stop ends all that descends from its process.
    pub ends_tree: bool,
    /// `online`, `stopped`, `waiting restart`, …
    pub status: String,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    pid: Option<u32>,
    name: String,
    pm_id: u64,
    #[serde(default)]
    pm2_env: ListedEnv,
}

#[derive(Default, Deserialize)]
struct ListedEnv {
    #[serde(default)]
    exec_mode: String,
    #[serde(default)]
    restart_delay: Option<u64>,
    #[serde(default)]
    autorestart: Option<bool>,
    #[serde(default)]
    treekill: Option<bool>,
    #[serde(default)]
    status: String,
}

/// Reads `pm2 jlist`: a JSON array, which may stand behind lines for people.
pub fn pm2(text: &str) -> Vec<Pm2App> {
    let starts = text.match_indices("[{").map(|(at, _)| at);
    let listed = starts
        .filter_map(|at| serde_json::from_str::<Vec<Listed>>(text[at..].trim_end()).ok())
        .next();
    let app = |one: Listed| Pm2App {
        id: one.pm_id,
        name: one.name,
        pid: one.pid.filter(|pid| *pid != 0),
        cluster: one.pm2_env.exec_mode == "cluster_mode",
        restart_delay_ms: one.pm2_env.restart_delay,
        autorestart: one.pm2_env.autorestart != Some(false),
        ends_tree: one.pm2_env.treekill != Some(false),
        status: one.pm2_env.status,
    };
    listed.unwrap_or_default().into_iter().map(app).collect()
}

/// The processes that `monit status` names, each with its pid; one that does not run has none.
pub fn monit(text: &str) -> Vec<Program> {
    let mut found: Vec<Program> = Vec::new();
    let mut is_process = false;
    for line in text.lines() {
        if !line.starts_with(' ') {
            let name = line.strip_prefix("Process '").and_then(|rest| rest.strip_suffix('\''));
            is_process = name.is_some();
            // A name that begins with a hyphen would be taken for an option.
            let name = name.filter(|name| !name.starts_with('-'));
            found.extend(name.map(|name| Program { name: name.to_owned(), pid: None }));
            is_process &= name.is_some();
        } else if is_process
            && let Some(pid) = line.trim().strip_prefix("pid ")
            && let Some(last) = found.last_mut()
        {
            last.pid = pid.trim().parse().ok();
        }
    }
    found
}

/// The name and the home directory in a line of `passwd(5)`.
pub fn passwd(text: &str) -> Option<(String, String)> {
    let mut fields = text.lines().next()?.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('-'))?;
    let home = fields.nth(4).filter(|home| home.starts_with('/'))?;
    Some((name.to_owned(), home.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supervisord_lists_its_programs() {
        // supervisor 4.2.5
        let text = "grp:other                        RUNNING   pid 242, uptime 0:10:08\n\
                    web                              RUNNING   pid 243, uptime 0:10:08\n\
                    off                              STOPPED   Not started\n\
                    bad                              BACKOFF   Exited too quickly\n\
                    -x                               RUNNING   pid 9, uptime 0:00:01\n\
                    unix:///run/s.sock refused connection\n";
        let programs = supervisord(text);
        let names: Vec<(&str, Option<u32>)> =
            programs.iter().map(|program| (&*program.name, program.pid)).collect();
        let expected = [("grp:other", Some(242)), ("web", Some(243)), ("off", None), ("bad", None)];
        assert_eq!(names, expected);
    }

    #[test]
    fn services_tell_their_process() {
        for text in [
            "run: /srv/rv/web: (pid 219) 611s\n",
            "up (pid 219) 610 seconds\n",
            "/srv/dt/web: up (pid 219) 611 seconds\n",
            "run: web: (pid 219) 5s; run: log: (pid 220) 5s",
        ] {
            assert_eq!(is_of(text, &[7, 219]), Some(219), "{text}");
            assert_eq!(is_of(text, &[21]), None, "{text}");
        }
        assert_eq!(is_of("down: web: 3s", &[3]), None);
    }

    #[test]
    fn monit_tells_of_processes_alone() {
        // monit 5.33.0
        let text = "Monit 5.33.0 uptime: 0m\n\nProcess 'web'\n  status                       OK\n  \
            pid                          812\n  parent pid                   1\n\nProcess 'off'\n  \
            status                       Does not exist\n\nSystem 'host'\n  pid                  7\n\
            Process '-x'\n  pid                          9\n";
        let told: Vec<(String, Option<u32>)> =
            monit(text).into_iter().map(|it| (it.name, it.pid)).collect();
        assert_eq!(told, [("web".to_owned(), Some(812)), ("off".to_owned(), None)]);
        assert!(monit("monit: the HTTP interface is not enabled\n").is_empty());
    }

    #[test]
    fn pm2_lists_its_applications_behind_whatever_it_says() {
        let text = "[PM2] Spawning PM2 daemon\n[{\"pid\":31,\"name\":\"web\",\"pm_id\":0,\
            \"pm2_env\":{\"exec_mode\":\"fork_mode\",\"autorestart\":true}},{\"pid\":0,\"name\":\
            \"c\",\"pm_id\":1,\"pm2_env\":{\"exec_mode\":\"cluster_mode\",\"restart_delay\":500}}]\n";
        let apps = pm2(text);
        assert_eq!((apps[0].id, apps[0].pid, apps[0].cluster), (0, Some(31), false));
        assert_eq!((apps[1].pid, apps[1].cluster), (None, true));
        assert_eq!(apps[1].restart_delay_ms, Some(500));
        assert!(pm2("[]").is_empty() && pm2("x").is_empty());
    }

    #[test]
    fn a_user_has_a_name_and_a_home() {
        let told = passwd("sup:x:2000:2000::/home/sup:/bin/bash\n");
        assert_eq!(told, Some(("sup".to_owned(), "/home/sup".to_owned())));
        assert_eq!(passwd(""), None);
    }
}
