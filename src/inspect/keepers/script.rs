//! Scripts that start a program again and again.

use super::World;
use super::lineage::{self, Member, Script};
use super::program::elsewhere;
use crate::model::keeper::TERM;

/// Whether a process runs a script with a loop in it, and so may start again what it has started:
/// another program, since a worker of its own is nothing that it loops for. A guess by words, told as
/// such.
pub(super) fn is_loop(member: &Member, holder: &Member, world: &World<'_>) -> bool {
    if lineage::is_same_program(member, holder) {
        return false;
    }
    text(member, world).is_some_and(|text| has_loop(&text, member.is_shell()))
}

/// What an interpreter runs, where that may be read from here.
fn text(member: &Member, world: &World<'_>) -> Option<String> {
    match member.script()? {
        Script::Text(text) => Some(text.to_owned()),
        Script::File(path) if elsewhere(member, world).is_none() => {
            (world.read)(&member.absolute(path)?).into_iter().next()
        }
        Script::File(_) => None,
    }
}

/// Whether a shell has a trap for TERM that does not leave the script, and so goes on in it. A guess
/// by words, too.
pub(super) fn goes_on_after_term(member: &Member, world: &World<'_>) -> bool {
    // bash has a handler for TERM where it has a trap for EXIT alone, and ends after that.
    let is_trapped = member.is_shell() && member.standing.handles(TERM) == Some(true);
    is_trapped && text(member, world).is_some_and(|text| traps_without_exit(&text))
}

/// Whether a script has traps for TERM, none of which exits: by itself, or by a function that it
/// calls.
fn traps_without_exit(text: &str) -> bool {
    let mut actions = traps(text).filter(|(action, signals)| {
        let mut names = signals.split_whitespace();
        *action != "-" && names.any(|name| matches!(name.trim_start_matches("SIG"), "TERM" | "15"))
    });
    let mut exits = actions.by_ref().map(|(action, _)| {
        let function = action.split_whitespace().next().and_then(|name| body(text, name));
        has_exit(action) || function.is_some_and(has_exit)
    });
    exits.next().is_some_and(|first| !first) && !exits.any(|exits| exits)
}

/// The traps of a shell's script: what is done, and the names of the signals.
fn traps(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_word = |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let starts = text.match_indices("trap ").filter(move |(at, _)| is_word(*at));
    starts.filter_map(|(at, word)| {
        let rest = text[at + word.len()..].trim_start();
        let (action, after) = match rest.chars().next()? {
            quote @ ('\'' | '"') => rest[1..].split_once(quote)?,
            _ => rest.split_once(char::is_whitespace)?,
        };
        Some((action, after.split(['\n', ';', '&', '|', '}']).next().unwrap_or_default()))
    })
}

/// What a function of a shell's script does.
fn body<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let at = [format!("{name}()"), format!("{name} ()"), format!("function {name}")];
    let start = at.iter().find_map(|head| text.find(head.as_str()))?;
    text[start..].split('}').next()
}

fn has_exit(code: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "exit")
}

fn has_loop(text: &str, is_shell: bool) -> bool {
    let code: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with(['#', '/'])).collect();
    let words: Vec<&str> =
        code.iter().flat_map(|line| line.split(|c: char| !c.is_alphanumeric())).collect();
    let has_any = |known: &[&str]| words.iter().any(|word| known.contains(word));
    if is_shell {
        let begins_anew = |line: &&str| line.contains("exec") && line.contains("$0");
        return has_any(&["while", "until", "for", "respawn", "restart"])
            || code.iter().any(begins_anew);
    }
    // Other languages have loops for much else.
    let starts = has_any(&["subprocess", "Popen", "spawn", "system", "fork", "exec", "execFile"]);
    let endless = |line: &&str| line.replace(' ', "").contains("for(;;)");
    let loops = has_any(&["while", "until", "loop", "itertools", "respawn", "restart"])
        || code.iter().any(endless);
    // What only passes the end of its child on ends itself then.
    let is_told = |line: &&str| [".on(", ".once("].iter().any(|on| line.contains(on));
    let ended = |line: &&str| ["exit", "close"].iter().any(|event| line.contains(event));
    let on_end = code.iter().any(|line| is_told(line) && ended(line) && !line.contains("process."));
    starts && (loops || on_end && has_any(&["setTimeout", "setInterval", "start", "run"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_known_by_its_words() {
        for text in ["while :; do x; done", "for i in 1 2; do x; done", "x\nsleep 3\nexec \"$0\""] {
            assert!(has_loop(text, true), "{text}");
        }
        assert!(!has_loop("# while it runs\nexec x \"$1\"", true));
        for text in [
            "for _ in itertools.count():\n    subprocess.run(x)",
            "for (;;) { system(\"x\"); }",
            "const start = () => spawn('x').on('exit', () => setTimeout(start, 3000));",
        ] {
            assert!(has_loop(text, false), "{text}");
        }
        for text in [
            "while True: pass",
            "for port in ports: subprocess.Popen(x)",
            "const run = spawn('x');\nrun.on('exit', code => process.exit(code));",
        ] {
            assert!(!has_loop(text, false), "{text}");
        }
    }

    #[test]
    fn a_trap_that_does_not_exit_goes_on() {
        for (script, goes_on) in [
            ("trap 'echo no' TERM; while :; do x; done", true),
            ("trap : SIGTERM INT\nwhile :; do x; done", true),
            ("trap \"echo $$; true\" 15", true),
            ("trap 'kill $child; exit 0' TERM", false),
            ("leave() { kill $child\nexit 1\n}\ntrap leave INT TERM", false),
            ("stay() { echo\n}\ntrap stay TERM\nexit", true),
            ("trap 'rm -f $file' EXIT", false),
            ("trap 'echo' INT; trap 'exit 3' TERM", false),
            ("trap - TERM", false),
            ("while :; do x; done", false),
        ] {
            assert_eq!(traps_without_exit(script), goes_on, "{script}");
        }
    }
}
