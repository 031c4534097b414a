//! What `doctor` found, in words: one line an ability, and below each gap what is lost and the
//! command that closes it.

use std::fmt::Write;

use super::{clean, shell};
use crate::model::health::HealthState;
use crate::model::machine::Ability;

/// All of it, as lines.
pub fn report(abilities: &[Ability]) -> String {
    let width = abilities.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for ability in abilities {
        let mark = match ability.state {
            HealthState::Ready => "ok",
            HealthState::Degraded => "part",
            HealthState::Unavailable => "no",
        };
        let name = ability.name.replace('_', " ");
        let reason = ability.reason.as_deref().unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark:<4}  {name:<width$}  {}", clean(reason));
        if let Some(effect) = &ability.effect {
            let _ = writeln!(text, "      {:width$}  lost: {}", "", clean(effect));
        }
        if let Some(remedy) = &ability.remedy {
            let line = shell::line(&remedy.argv);
            let _ = writeln!(text, "      {:width$}  {}:", "", clean(&remedy.text));
            let _ = writeln!(text, "      {:width$}  $ {line}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::why::Remedy;

    #[test]
    fn a_gap_says_what_is_lost_and_the_command_that_closes_it() {
        let ready = Ability {
            name: "kernel".to_owned(),
            state: HealthState::Ready,
            reason: Some("Linux 6.18".to_owned()),
            effect: None,
            remedy: None,
        };
        let argv = ["setcap", "cap_net_raw+ep", "/opt/sock pit"].map(str::to_owned).to_vec();
        let gap = Ability {
            name: "pid_namespace".to_owned(),
            state: HealthState::Unavailable,
            reason: Some("not\x1b[31m permitted".to_owned()),
            effect: Some("no packets".to_owned()),
            remedy: Some(Remedy { text: "as root".to_owned(), argv }),
        };
        let text = report(&[ready, gap]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ok    kernel         Linux 6.18");
        assert!(lines[1].starts_with("no    pid namespace  not"), "{text}");
        assert!(!text.contains('\x1b'));
        assert!(lines[2].ends_with("lost: no packets"), "{text}");
        assert!(lines[4].ends_with("$ setcap cap_net_raw+ep '/opt/sock pit'"), "{text}");
    }
}
