//! The reference pages of `assets/reference/`, the error numbers, and what Winsock has beside the
//! options of the catalogue.

use std::sync::LazyLock;

use serde::Deserialize;

/// A page. Its file has a title after `#`, other names after `also:`, and its sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: &'static str,
    /// RFCs and manual pages.
    pub source: &'static str,
    /// The text.
    pub text: &'static str,
    also: &'static str,
}

/// An error number on Linux and in Winsock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorNumber {
    /// Its name in C.
    pub name: String,
    /// The number on Linux; negative ones are those of getaddrinfo(3).
    pub linux: Option<i32>,
    /// Its name in Winsock.
    pub wsa: String,
    /// The number in Winsock.
    pub winsock: i32,
    /// What causes it.
    pub about: String,
}

/// An option that only Winsock has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WinsockOption {
    /// Its name.
    pub name: String,
    /// What does its job on Linux.
    pub nearest: String,
    /// What it does.
    pub about: String,
}

#[derive(Deserialize)]
struct Errors {
    error: Vec<ErrorNumber>,
}

#[derive(Deserialize)]
struct Options {
    option: Vec<WinsockOption>,
}

static ERRORS: LazyLock<Errors> = LazyLock::new(|| {
    let source = include_str!("../../assets/reference/errors.toml");
    toml::from_str(source).expect("it is compiled in, and a test parses it")
});

static OPTIONS: LazyLock<Options> = LazyLock::new(|| {
    let source = include_str!("../../assets/reference/winsock.toml");
    toml::from_str(source).expect("it is compiled in, and a test parses it")
});

/// In the order in which they are listed.
const FILES: [&str; 14] = [
    include_str!("../../assets/reference/tcp-states.md"),
    include_str!("../../assets/reference/time-wait.md"),
    include_str!("../../assets/reference/close.md"),
    include_str!("../../assets/reference/keepalive.md"),
    include_str!("../../assets/reference/buffers.md"),
    include_str!("../../assets/reference/families.md"),
    include_str!("../../assets/reference/special-addresses.md"),
    include_str!("../../assets/reference/byte-order.md"),
    include_str!("../../assets/reference/headers.md"),
    include_str!("../../assets/reference/io-models.md"),
    include_str!("../../assets/reference/choosing-io.md"),
    include_str!("../../assets/reference/winsock-versions.md"),
    include_str!("../../assets/reference/older-windows.md"),
    include_str!("../../assets/reference/opts-set.md"),
];

/// Every page.
pub fn pages() -> impl Iterator<Item = Page> {
    FILES.iter().map(|file| parse(file))
}

/// The page with this title or one of its other names, in any case, with `-` and `_` for blanks.
pub fn page(topic: &str) -> Option<Page> {
    let topic = folded(topic);
    pages().find(|page| page.names().any(|name| folded(name) == topic))
}

/// The error number with this name or number, Linux's or Winsock's.
pub fn error(topic: &str) -> Option<&'static ErrorNumber> {
    let number = topic.parse().ok();
    ERRORS.error.iter().find(|error| {
        error.name.eq_ignore_ascii_case(topic)
            || error.wsa.eq_ignore_ascii_case(topic)
            || number.is_some_and(|number| error.linux == Some(number) || error.winsock == number)
            || topic.eq_ignore_ascii_case("EWOULDBLOCK") && error.name == "EAGAIN"
    })
}

/// Every error number.
pub fn errors() -> &'static [ErrorNumber] {
    &ERRORS.error
}

/// What only Winsock has.
pub fn winsock_options() -> &'static [WinsockOption] {
    &OPTIONS.option
}

impl Page {
    /// Its title and its other names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.title).chain(self.also.split(',').map(str::trim))
    }
}

fn folded(name: &str) -> String {
    name.chars()
        .map(|c| if matches!(c, '-' | '_') { ' ' } else { c.to_ascii_lowercase() })
        .collect()
}

fn parse(file: &'static str) -> Page {
    let (head, text) = file.split_once("\n\n").unwrap_or((file, ""));
    let mut page = Page { title: "", source: "", text: text.trim_end(), also: "" };
    for line in head.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            page.title = title;
        } else if let Some(also) = line.strip_prefix("also: ") {
            page.also = also;
        } else if let Some(source) = line.strip_prefix("source: ") {
            page.source = source;
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_page_has_a_title_a_source_and_fits_a_terminal() {
        let mut names = HashMap::new();
        for page in pages() {
            assert!(!page.title.is_empty() && !page.text.is_empty(), "{page:?}");
            assert!(page.source.len() > 8, "{} has no source", page.title);
            for name in page.names() {
                assert!(!name.is_empty(), "{}", page.title);
                let other = names.insert(folded(name), page.title).unwrap_or(page.title);
                assert_eq!(other, page.title, "{name} leads to two pages");
            }
            for line in page.text.lines() {
                assert!(line.chars().count() <= 104, "{}: {line}", page.title);
            }
        }
    }

    #[test]
    fn errors_are_found_by_every_name_and_number() {
        for topic in ["ECONNRESET", "WSAECONNRESET", "104", "10054", "wsaeconnreset"] {
            assert_eq!(error(topic).map(|error| &*error.name), Some("ECONNRESET"), "{topic}");
        }
        assert_eq!(error("WSAEWOULDBLOCK").map(|error| error.winsock), Some(10_035));
        assert!(error("ENOSUCH").is_none());
        assert!(winsock_options().iter().any(|option| option.name == "SO_EXCLUSIVEADDRUSE"));
    }
}
