//! Everything that a stage found, fact by fact, by the names that JSON has for them.

use serde_json::Value;

use crate::model::probe::Stage;
use crate::text::clean::clean_to;

/// More facts than this are no reading.
const MOST: usize = 200;
/// As much of a fact as is shown.
const CHARS: usize = 400;

/// `("version", "TLSv1.3")`, `("peer 1 subject", "CN=…")`, in order; what is not known is left out.
pub fn facts(stage: &Stage) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let value = serde_json::to_value(&stage.detail).unwrap_or(Value::Null);
    collect("", value.get("detail").unwrap_or(&Value::Null), &mut facts);
    facts
}

fn collect(name: &str, value: &Value, facts: &mut Vec<(String, String)>) {
    let inner = |part: &str| match name {
        "" => part.replace('_', " "),
        _ => format!("{name} {}", part.replace('_', " ")),
    };
    match value {
        _ if facts.len() >= MOST => {}
        Value::Null => {}
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect(&inner(key), value, facts));
        }
        Value::Array(list) if list.iter().all(|it| !it.is_object() && !it.is_array()) => {
            let words: Vec<String> = list.iter().map(word).collect();
            if !words.is_empty() {
                facts.push((name.to_owned(), clean_to(&words.join(", "), CHARS).into_owned()));
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                collect(&inner(&(index + 1).to_string()), value, facts);
            }
        }
        plain => facts
            .push((clean_to(name, CHARS).into_owned(), clean_to(&word(plain), CHARS).into_owned())),
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::{Certificate, Detail, TlsDetail};

    #[test]
    fn each_fact_has_its_name_and_the_unknown_is_left_out() {
        let own = Certificate {
            subject: "CN=a\x1b[2J".to_owned(),
            names: vec!["a.example".to_owned(), "b.example".to_owned()],
            days_left: Some(3),
            ..Certificate::default()
        };
        let detail = TlsDetail {
            version: Some("TLSv1.3".to_owned()),
            peer: vec![own],
            ..TlsDetail::default()
        };
        let stage = Stage { detail: Detail::Tls(Box::new(detail)), ok: true, duration_us: 1 };
        let facts = facts(&stage);
        let of = |name: &str| facts.iter().find(|(it, _)| it == name).map(|(_, value)| &value[..]);
        assert_eq!(of("version"), Some("TLSv1.3"));
        assert_eq!(of("peer 1 names"), Some("a.example, b.example"));
        assert_eq!(of("peer 1 days left"), Some("3"));
        assert_eq!(of("client certificate asked"), Some("no"));
        assert_eq!(of("alpn"), None);
        assert!(!of("peer 1 subject").unwrap().contains('\x1b'));
    }
}
