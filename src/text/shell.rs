//! Command lines as they would be typed into a shell.

use super::clean;

/// Program and arguments in one line, each quoted where a shell would take it apart. Words are
/// cleaned first: what cannot be shown cannot be typed either.
pub fn line<W: AsRef<str>>(argv: &[W]) -> String {
    let words: Vec<String> = argv.iter().map(|word| quoted(&clean(word.as_ref()))).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@=,+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(line(&["sockpit", "kill", "8080/tcp"]), "sockpit kill 8080/tcp");
        assert_eq!(line(&["a b", "$(x)", "it's", ""]), r"'a b' '$(x)' 'it'\''s' ''");
        assert_eq!(
            line(&["systemctl", "stop", "--", "dev-a\\x2db.service"]),
            r"systemctl stop -- 'dev-a\x2db.service'"
        );
        assert!(!line(&["a\x1b[31m\nb"]).contains(['\x1b', '\n']));
    }
}
