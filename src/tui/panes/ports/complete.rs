//! What Tab makes of a half-typed filter: its last word becomes the key, or the value, that
//! begins with it.

use crate::model::owner::OwnershipKind;
use crate::model::socket::State;
use crate::query::{KEYS, Saved};

/// Protocols by the names that filters know.
const PROTOCOLS: [&str; 8] = ["tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "raw", "icmp"];

/// The completed filter; `None` where nothing begins as typed.
pub(super) fn complete(text: &str, saved: &Saved) -> Option<String> {
    let start = text.rfind([' ', '(', '!', ',']).map_or(0, |at| at + 1);
    // In a list of values the key stands before the first of them.
    let word_start = text.rfind([' ', '(', '!']).map_or(0, |at| at + 1);
    let word = &text[word_start..];
    // Saved filters may also stand in a list, with commas between.
    if text[start..].starts_with('@') {
        let typed = &text[start + 1..];
        let mut names = saved.iter().map(|(name, _)| name);
        let name = names.find(|name| name.len() > typed.len() && name.starts_with(typed))?;
        return Some(format!("{}@{name}", &text[..start]));
    }
    let completed = match word.split_once(':') {
        Some((key, values)) => {
            let typed = values.rsplit(',').next().unwrap_or(values);
            let value = values_of(key).find(|value| is_longer(value, typed))?;
            let kept = text.len() - typed.len();
            format!("{}{value}", &text[..kept])
        }
        None => {
            let key = KEYS.iter().find(|known| known.key.starts_with(word))?.key;
            format!("{}{key}:", &text[..start])
        }
    };
    Some(completed)
}

fn is_longer(value: &str, typed: &str) -> bool {
    value.len() > typed.len() && value.starts_with(&typed.to_ascii_lowercase())
}

fn values_of(key: &str) -> Box<dyn Iterator<Item = String>> {
    match key {
        "state" => Box::new(State::ALL.into_iter().map(|state| state.name().to_ascii_lowercase())),
        "owner" => Box::new(OwnershipKind::ALL.into_iter().map(|kind| kind.name().to_owned())),
        "proto" => Box::new(PROTOCOLS.into_iter().map(str::to_owned)),
        "family" => Box::new(["ipv4", "ipv6", "unix"].into_iter().map(str::to_owned)),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    fn completed(text: &str) -> String {
        complete(text, &Saved::default()).unwrap_or_else(|| "nothing".to_owned())
    }

    #[test]
    fn keys_and_known_values_are_completed_where_the_cursor_is() {
        assert_eq!(completed("sta"), "state:");
        assert_eq!(completed("port:80 !na"), "port:80 !name:");
        assert_eq!(completed("state:li"), "state:listen");
        assert_eq!(completed("state:listen,est"), "state:listen,established");
        assert_eq!(completed("(owner:h"), "(owner:hidden");
        assert_eq!(completed("zz"), "nothing");
        assert_eq!(completed("name:ng"), "nothing");
    }

    #[test]
    fn saved_filters_are_completed_by_their_names() {
        let saved = Saved::new([("web", "port:80"), ("work", "port:81")]).unwrap();
        let completed = |text: &str| complete(text, &saved);
        assert_eq!(completed("port:1 (@w").as_deref(), Some("port:1 (@web"));
        assert_eq!(completed("22,@wo").as_deref(), Some("22,@work"));
        assert_eq!(completed("@x"), None);
    }

    #[test]
    fn every_value_that_is_offered_can_be_asked_for() {
        for key in ["state", "owner", "proto", "family"] {
            for value in values_of(key) {
                let text = format!("{key}:{value}");
                assert!(Query::parse(&text).is_ok(), "{text} is no query");
            }
        }
    }
}
