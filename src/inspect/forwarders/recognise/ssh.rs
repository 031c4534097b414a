//! `ssh` as a client that listens (ssh(1)), and the server's process of one session.

use super::{Held, Told};
use crate::model::forwarder::ForwarderKind;

/// Options of ssh(1) that take a value, in the same word or the next.
const WITH_VALUE: &str = "BbcDEeFIiJLlmOoPpQRSWw";

/// What a client passes the port on to. Its configuration may have forwards that its arguments
/// do not show: then only the server is known.
pub(super) fn client(title: &str, arguments: &[&str], held: Held) -> Told {
    let mut told = Told::new(ForwarderKind::SshClient);
    // A master for several connections gives itself a title: `ssh: /run/user/1000/ctl [mux]`.
    if let Some(path) = title.strip_prefix("ssh: ").and_then(|rest| rest.strip_suffix(" [mux]")) {
        told.via = Some(path.to_owned());
        return told;
    }
    let options = options(arguments);
    told.via = options.destination.map(str::to_owned);
    for (option, value) in options.values {
        let (option, value) = match option {
            'o' => match configured(value) {
                Some(found) => found,
                None => continue,
            },
            other => (other, value.to_owned()),
        };
        let parts = split(&value);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (option, parts.as_slice()) {
            ('L', [from, host, port] | [_, from, host, port]) if is(from, held) => {
                return told.leading_to(host, port.parse().ok());
            }
            // To a Unix socket on the server.
            ('L', [from, path] | [_, from, path]) if is(from, held) => {
                return told.leading_to(path, None);
            }
            ('D', [from] | [_, from]) if is(from, held) => {
                return told.leading_to("whatever its SOCKS clients ask for", None);
            }
            _ => {}
        }
    }
    told
}

fn is(port: &str, held: Held) -> bool {
    !held.udp && port.parse() == Ok(held.port)
}

/// `-o LocalForward=8080 db:80`, as `-L 8080:db:80`.
fn configured(value: &str) -> Option<(char, String)> {
    let (name, rest) = value.split_once(['=', ' '])?;
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(":");
    match name.trim().to_ascii_lowercase().as_str() {
        "localforward" => Some(('L', rest)),
        "dynamicforward" => Some(('D', rest)),
        _ => None,
    }
}

struct Options<'a> {
    values: Vec<(char, &'a str)>,
    destination: Option<&'a str>,
}

/// Options with values up to the end of options, and the destination.
fn options<'a>(arguments: &[&'a str]) -> Options<'a> {
    let mut found = Options { values: Vec::new(), destination: None };
    let mut words = arguments.iter().copied();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            // What follows a second word is the command to be run there.
            if found.destination.is_some() {
                break;
            }
            found.destination = Some(word);
            continue;
        };
        if letters == "-" {
            found.destination = found.destination.or_else(|| words.next());
            break;
        }
        for (at, letter) in letters.char_indices() {
            if WITH_VALUE.contains(letter) {
                let rest = &letters[at + letter.len_utf8()..];
                let value = if rest.is_empty() { words.next() } else { Some(rest) };
                found.values.extend(value.map(|value| (letter, value)));
                break;
            }
        }
    }
    found
}

/// At colons, and at slashes as ssh permits for IPv6; not within brackets.
fn split(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_within = false;
    for letter in value.chars() {
        match letter {
            '[' => is_within = true,
            ']' => is_within = false,
            ':' if !is_within => parts.push(String::new()),
            other => parts.last_mut().expect("there is one from the start").push(other),
        }
    }
    parts
}

/// The server's process of one session, by the title that it gives itself: `sshd: bob@pts/0`,
/// `sshd-session: bob@notty`, `sshd: bob [priv]`. The one that takes connections is none:
/// `sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups`.
pub(super) fn session(title: &str) -> Option<Told> {
    let who = title.strip_prefix("sshd: ").or_else(|| title.strip_prefix("sshd-session: "))?;
    if who.contains("[listener]") || who.starts_with('/') || who.starts_with("unknown") {
        return None;
    }
    let who = who.trim_end().trim_end_matches(" [priv]").trim_end_matches(" [net]");
    let mut told = Told::new(ForwarderKind::SshSession);
    told.via = Some(who.to_owned()).filter(|who| !who.is_empty());
    Some(told)
}
