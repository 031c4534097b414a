//! What the commands of a unit's own stop do to other units, and to itself (`ExecStop=`,
//! `ExecStopPost=`): as far as they call systemctl, or a script that does.

use super::{World, is_unit_name, show};
use crate::inspect::keepers::lineage::base;
use crate::model::keeper::Keeper;
use crate::wire::keepers::UnitShown;

/// What systemctl is asked to do to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Start,
    Stop,
    Restart,
}

/// Adds to a unit's keeper what its commands stop and start beside it.
pub(super) fn add(
    keeper: &mut Keeper,
    unit: &UnitShown,
    systemctl: &[String],
    world: &mut World<'_>,
) {
    let told = |commands: &[String], world: &World<'_>| -> Vec<(Asked, String)> {
        commands.iter().flat_map(|command| calls(&with_script(command, world))).collect()
    };
    let post = told(&unit.post_commands, world);
    let all = [told(&unit.stop_commands, world), post.clone()].concat();
    let is_start = |asked: Asked| asked != Asked::Stop;
    if all.iter().any(|(asked, name)| is_start(*asked) && *name == unit.id) {
        keeper.undone_by = Some(unit.id.clone());
    }
    // These are run as well when the process is ended without a stop.
    if post.iter().any(|(asked, name)| is_start(*asked) && *name == unit.id) {
        keeper.restarts = Some(true);
        let policy = keeper.policy.take().map_or(String::new(), |policy| format!("{policy}, but "));
        keeper.policy = Some(format!("{policy}its ExecStopPost= does"));
    }
    let others: Vec<&(Asked, String)> = all.iter().filter(|(_, name)| *name != unit.id).collect();
    let mut names: Vec<&str> = others.iter().map(|(_, name)| &**name).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return;
    }
    let shown = show(&names, systemctl, world).map_or_else(|_| Vec::new(), |(_, shown)| shown);
    let is_active = |name: &str| shown.iter().any(|it| it.id == name && it.is_active());
    for (asked, name) in others {
        match (asked, is_active(name)) {
            (Asked::Stop | Asked::Restart, true) => keeper.also(name.clone()),
            (Asked::Start | Asked::Restart, false) if !keeper.starts.contains(name) => {
                keeper.starts.push(name.clone());
            }
            _ => {}
        }
    }
}

/// A command as systemd shows it, with the text of the script that it runs.
fn with_script(command: &str, world: &World<'_>) -> String {
    let path = command.split_once("path=").and_then(|(_, rest)| rest.split_whitespace().next());
    let path = path.filter(|path| !matches!(base(path), "systemctl" | "sh" | "bash" | "dash"));
    let texts = path.map_or_else(Vec::new, |path| (world.read)(path));
    let script = texts.into_iter().find(|text| text.starts_with("#!")).unwrap_or_default();
    format!("{command}\n{script}")
}

/// What a text asks of systemctl, a unit at a time.
fn calls(text: &str) -> Vec<(Asked, String)> {
    let lines = text.split('\n').filter(|line| !line.trim_start().starts_with('#'));
    let statements = lines.flat_map(|line| line.split([';', '&', '|']));
    let mut found = Vec::new();
    for statement in statements {
        let quotes =
            |word: &str| word.trim_matches(['\'', '"', '`', '(', ')', '{', '}']).to_owned();
        let mut words = statement.split_whitespace().map(quotes);
        if !words.any(|word| base(&word) == "systemctl") {
            continue;
        }
        let mut words = words.filter(|word| !word.starts_with('-'));
        let asked = match words.next().as_deref() {
            Some("start") => Asked::Start,
            Some("stop" | "kill") => Asked::Stop,
            Some("restart" | "try-restart" | "reload-or-restart") => Asked::Restart,
            _ => continue,
        };
        let whole =
            |name: String| if name.contains('.') { name } else { format!("{name}.service") };
        found.extend(words.map(whole).filter(|it| is_unit_name(it)).map(|name| (asked, name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_systemctl_are_found() {
        let told = |text: &str| calls(text);
        let own = |asked, name: &str| (asked, name.to_owned());
        // systemd 252
        let shown = "{ path=/bin/systemctl ; argv[]=/bin/systemctl stop other.service ; \
                     ignore_errors=no ; start_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }";
        assert_eq!(told(shown), [own(Asked::Stop, "other.service")]);
        let shown =
            "{ path=/bin/sh ; argv[]=/bin/sh -c systemctl start --no-block a b.timer; true ; }";
        let both = [own(Asked::Start, "a.service"), own(Asked::Start, "b.timer")];
        assert_eq!(told(shown), both);
        let script = "#!/bin/sh\n# systemctl stop not.service\nif systemctl is-active x; then\n  \
                      /usr/bin/systemctl --no-block restart \"y\" || true\nfi\n";
        assert_eq!(told(script), [own(Asked::Restart, "y.service")]);
        assert!(told("echo stop a.service").is_empty());
    }
}
