//! Scripts that start a program again and again.

use super::World;
use super::lineage::{self, Member, Script};
use super::program::elsewhere;

/// Whether a process runs a script with a loop in it, and so may start again what it has started:
/// another program, since a worker of its own is nothing that it loops for. A guess by words, told as
/// such.
pub(super) fn is_loop(member: &Member, holder: &Member, world: &World<'_>) -> bool {
    if lineage::is_same_program(member, holder) {
        return false;
    }
    let is_shell = member.is_shell();
    let has_loop = |text: &str| {
        let code = text.lines().filter(|line| !line.trim_start().starts_with(['#', '/']));
        let words: Vec<&str> =
            code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric())).collect();
        let has_any = |known: &[&str]| words.iter().any(|word| known.contains(word));
        // Other languages have loops for much else.
        let starts = is_shell || has_any(&["subprocess", "Popen", "spawn", "system", "fork"]);
        starts && has_any(&["while", "until", "respawn", "restart"])
    };
    match member.script() {
        Some(Script::Text(text)) => has_loop(text),
        Some(Script::File(path)) if elsewhere(member, world).is_none() => member
            .absolute(path)
            .is_some_and(|path| (world.read)(&path).iter().any(|text| has_loop(text))),
        _ => false,
    }
}
