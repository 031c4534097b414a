//! Why the kernel drops packets and sends resets, from `assets/reference/reasons.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

/// A reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The kernel's name without its prefix: `NETFILTER_DROP`.
    pub name: String,
    /// What it means, as a clause.
    pub about: String,
}

#[derive(Deserialize)]
struct Reasons {
    reason: Vec<Reason>,
}

static REASONS: LazyLock<Reasons> = LazyLock::new(|| {
    let source = include_str!("../../assets/reference/reasons.toml");
    toml::from_str(source).expect("it is compiled in, and a test parses it")
});

/// All of them.
pub fn all() -> &'static [Reason] {
    &REASONS.reason
}

/// The reason of this name, in any case of letters; `None` for one that is newer than this list.
pub fn find(name: &str) -> Option<&'static Reason> {
    all().iter().find(|reason| reason.name.eq_ignore_ascii_case(name))
}

/// What a reason means, where that is known.
pub fn about(name: &str) -> Option<&'static str> {
    find(name).map(|reason| &*reason.about)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_reason_is_there_once_and_says_something() {
        let names: HashSet<&str> = all().iter().map(|reason| &*reason.name).collect();
        assert_eq!(names.len(), all().len());
        assert!(all().iter().all(|reason| !reason.about.is_empty()));
        assert!(about("netfilter_drop").unwrap().contains("firewall"));
        assert_eq!(about("NEWER_THAN_THIS"), None);
    }
}
