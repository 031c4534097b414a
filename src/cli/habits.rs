//! Habits of other tools' users: what they type, and what it is here.

use std::ffi::OsString;

/// The longest period that is taken for one without `=`; what is longer may be a port.
const LONGEST_LOOSE_WATCH: f64 = 60.0;

/// Turns `--watch 2` into `--watch=2`, as `watch -n 2` and `ping -i 2` are written. An error
/// where the number may be a port as well.
pub(super) fn with_watch(args: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let mut joined: Vec<OsString> = Vec::with_capacity(args.len());
    for arg in args {
        let follows = joined.len() > 1 && joined.last().is_some_and(|last| last == "--watch");
        let number = arg.to_str().and_then(|text| Some((text, text.parse::<f64>().ok()?)));
        match number {
            Some((text, seconds)) if follows && seconds <= LONGEST_LOOSE_WATCH => {
                joined.pop();
                joined.push(format!("--watch={text}").into());
            }
            Some((text, _)) if follows => {
                return Err(format!(
                    "`--watch {text}` could mean seconds or a port: write --watch={text}, or \
                     --watch port:{text}"
                ));
            }
            _ => joined.push(arg),
        }
    }
    Ok(joined)
}

/// What would be right in place of arguments that were refused, if it is a known habit.
pub(super) fn hint(args: &[String]) -> Option<String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["kill", rest @ ..] => of_kill(rest),
        ["probe", rest @ ..] => of_probe(rest),
        ["ports", rest @ ..] => of_netstat(rest),
        [first, ..] if first.starts_with('-') => of_netstat(&words),
        _ => None,
    }
}

/// `kill -9 8080`, `kill -TERM 8080`.
fn of_kill(words: &[&str]) -> Option<String> {
    let signal = words.iter().find_map(|word| {
        let name = word.strip_prefix("-s").unwrap_or(word.strip_prefix('-')?);
        let name = name.strip_prefix("SIG").unwrap_or(name);
        Some(match name {
            "9" | "KILL" => "KILL",
            "15" | "TERM" => "TERM",
            "1" | "HUP" => "HUP",
            "2" | "INT" => "INT",
            "3" | "QUIT" => "QUIT",
            _ => return None,
        })
    })?;
    let targets: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let force = if signal == "KILL" { " --force" } else { "" };
    Some(format!("sockpit kill {} --signal {signal}{force}", targets.join(" ")))
}

/// `probe HOST -p PORT`, as nmap and ssh have it.
fn of_probe(words: &[&str]) -> Option<String> {
    let at = words.iter().position(|word| word.starts_with("-p"))?;
    let port = match words[at].strip_prefix("-p")? {
        "" => words.get(at + 1)?,
        attached => attached,
    };
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    if !is_port(port) {
        return None;
    }
    let host = words.iter().find(|word| !word.starts_with('-') && !is_port(word))?;
    Some(format!("sockpit probe {host}:{port}"))
}

/// `-tulpn` and the like, as netstat and ss have them.
fn of_netstat(words: &[&str]) -> Option<String> {
    let letters = words.iter().find_map(|word| {
        let letters = word.strip_prefix('-')?;
        let is_known = |letter: char| "tulpnaxe46".contains(letter);
        (!letters.is_empty() && letters.chars().all(is_known)).then_some(letters)
    })?;
    if letters == "n" {
        return Some(
            "sockpit ports (numbers are shown as they are; --resolve asks for names)".into(),
        );
    }
    let has = |letter: char| letters.contains(letter);
    let mut query = Vec::new();
    match (has('t'), has('u')) {
        (true, true) => query.push("proto:tcp,udp"),
        (true, false) => query.push("proto:tcp"),
        (false, true) => query.push("proto:udp"),
        (false, false) if has('x') => query.push("family:unix"),
        (false, false) => {}
    }
    match (has('4'), has('6')) {
        (true, false) => query.push("family:ipv4"),
        (false, true) => query.push("family:ipv6"),
        _ => {}
    }
    if has('l') {
        query.push("state:listen,unconnected");
    }
    let query = query.join(" ");
    Some(format!("sockpit ports {query}").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        hint(&words)
    }

    #[test]
    fn what_other_tools_take_leads_to_what_is_right_here() {
        for (typed, right) in [
            ("kill -9 8080", "sockpit kill 8080 --signal KILL --force"),
            ("kill -SIGHUP 8080 53/udp", "sockpit kill 8080 53/udp --signal HUP"),
            ("probe example.org -p 443", "sockpit probe example.org:443"),
            ("probe -p443 example.org", "sockpit probe example.org:443"),
            ("ports -tulpn", "sockpit ports proto:tcp,udp state:listen,unconnected"),
            ("-tlpn", "sockpit ports proto:tcp state:listen,unconnected"),
            ("ports -x", "sockpit ports family:unix"),
            ("ports -an", "sockpit ports"),
            ("ports -4t", "sockpit ports proto:tcp family:ipv4"),
        ] {
            assert_eq!(of(typed).as_deref(), Some(right), "{typed}");
        }
        assert!(of("ports -n").unwrap().contains("--resolve"));
        for other in ["ports --jason", "kill --frce 8080", "probe x -p y", "why -q", "ports x"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn the_queries_that_are_named_can_be_read() {
        for words in ["proto:tcp,udp state:listen,unconnected", "family:unix", "family:ipv4"] {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            let saved = crate::query::Saved::default();
            assert!(crate::query::Query::parse_args_with(&words, &saved).is_ok(), "{words:?}");
        }
    }

    #[test]
    fn a_number_after_watch_is_seconds_unless_it_may_be_a_port() {
        let with = |line: &str| {
            let words = line.split(' ').map(OsString::from).collect();
            with_watch(words).map(|words| words.join(" ".as_ref()).into_string().unwrap())
        };
        let same = ["sockpit ports --watch", "sockpit ports --watch=2 8080", "sockpit ports 1"];
        for line in same {
            assert_eq!(with(line).as_deref(), Ok(line));
        }
        assert_eq!(with("sockpit ports --watch 1").as_deref(), Ok("sockpit ports --watch=1"));
        let line = "sockpit ports --watch 0.5 port:80";
        assert_eq!(with(line).as_deref(), Ok("sockpit ports --watch=0.5 port:80"));
        assert!(with("sockpit ports --watch 8080").unwrap_err().contains("port:8080"));
    }
}
