//! What text is compared with: a part of it, the whole of it, or a regular expression. All
//! without regard to case and without building strings.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// A compiled regular expression may take this many bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// A test of text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pattern {
    /// Holds this.
    Part(Needle),
    /// Is this.
    Whole(Needle),
    /// Holds a match.
    Regex(Expression),
}

/// Text folded to lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needle {
    folded: Box<str>,
    has_blank: bool,
}

/// A regular expression that ignores case. Equal by its source.
#[derive(Clone, Debug)]
pub(super) struct Expression(Regex);

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Pattern {
    pub(super) fn part(text: &str) -> Self {
        Self::Part(Needle::new(text))
    }

    pub(super) fn whole(text: &str) -> Self {
        Self::Whole(Needle::new(text))
    }

    /// Compiles `source`; the error says in one sentence what is wrong with it.
    pub(super) fn regex(source: &str) -> Result<Self, String> {
        RegexBuilder::new(source)
            .case_insensitive(true)
            .size_limit(MAX_REGEX_BYTES)
            .build()
            .map(|regex| Self::Regex(Expression(regex)))
            .map_err(|error| complaint(&error))
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Part(needle) => needle.is_part_of(text),
            Self::Whole(needle) => needle.is_whole_of(text),
            Self::Regex(Expression(regex)) => regex.is_match(text),
        }
    }

    /// Whether a match can reach over the blank between two arguments of a command line.
    pub(super) fn spans_words(&self) -> bool {
        match self {
            Self::Part(needle) => needle.has_blank,
            Self::Whole(_) | Self::Regex(_) => true,
        }
    }

    /// Whether no text could fail.
    pub(super) fn matches_any_text(&self) -> bool {
        const PROBES: [&str; 5] = ["", "0", "x", "~", "a b/c.d:e_f-1"];
        matches!(self, Self::Regex(_)) && PROBES.iter().all(|probe| self.matches(probe))
    }
}

impl Needle {
    fn new(text: &str) -> Self {
        let folded: String = text.chars().flat_map(char::to_lowercase).collect();
        Self { has_blank: folded.contains(char::is_whitespace), folded: folded.into() }
    }

    /// The text in lower case.
    pub(super) fn text(&self) -> &str {
        &self.folded
    }

    fn is_part_of(&self, text: &str) -> bool {
        if self.folded.is_ascii() {
            return holds_ascii(text.as_bytes(), self.folded.as_bytes());
        }
        text.char_indices().any(|(at, _)| self.begins(&text[at..]).is_some())
    }

    fn is_whole_of(&self, text: &str) -> bool {
        if self.folded.is_ascii() {
            return text.eq_ignore_ascii_case(&self.folded);
        }
        self.begins(text).is_some_and(|mut left| left.next().is_none())
    }

    /// What follows the needle in the folded text, if that begins with it.
    fn begins<'a>(&self, text: &'a str) -> Option<impl Iterator<Item = char> + use<'a>> {
        let mut folded = text.chars().flat_map(char::to_lowercase);
        self.folded.chars().all(|c| folded.next() == Some(c)).then_some(folded)
    }
}

/// Whether `text` holds `needle`, which is ASCII in lower case and not empty.
fn holds_ascii(text: &[u8], needle: &[u8]) -> bool {
    let Some((&first, others)) = needle.split_first() else { return true };
    let Some(last) = text.len().checked_sub(needle.len()) else { return false };
    text[..=last].iter().enumerate().any(|(at, byte)| {
        byte.to_ascii_lowercase() == first
            && text[at + 1..at + needle.len()].eq_ignore_ascii_case(others)
    })
}

fn complaint(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "this regular expression is too large".into(),
        // The crate draws the place over several lines and says what is wrong in the last.
        _ => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            format!("this regular expression cannot be read: {reason}")
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(needle) => write_text(&needle.folded, f),
            Self::Whole(needle) => {
                f.write_str("=")?;
                write_text(&needle.folded, f)
            }
            Self::Regex(Expression(regex)) => write_regex(regex.as_str(), f),
        }
    }
}

/// A value of a key: bare where that reads the same, else quoted.
pub(super) fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_plain(text) { f.write_str(text) } else { write_quoted(text, f) }
}

/// Displays text as a value of a key.
pub(super) struct TextValue<'a>(pub(super) &'a str);

impl fmt::Display for TextValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_text(self.0, f)
    }
}

/// Between quotes, with what would end them guarded.
pub(super) fn write_quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

/// Whether bare text has no character that means something to the language or a shell.
pub(super) fn is_plain(text: &str) -> bool {
    // A leading hyphen would make an option of it on a command line.
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '%'))
}

fn write_regex(source: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("/")?;
    let mut guarded = false;
    for c in source.chars() {
        if c == '/' && !guarded {
            f.write_str("\\")?;
        }
        guarded = c == '\\' && !guarded;
        write!(f, "{c}")?;
    }
    f.write_str("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_any_case() {
        let part = |needle: &str, text: &str| Pattern::part(needle).matches(text);
        assert!(part("Nginx", "the NGINX worker"));
        assert!(part("x", "X"));
        assert!(part("ab", "aab"));
        assert!(!part("abc", "ab"));
        assert!(!part("a", ""));
        assert!(part("ÜBER", "hinüber"));
        assert!(part("日本", "x日本y"));
        assert!(!part("日本", "日"));
    }

    #[test]
    fn the_whole_must_be_the_same() {
        assert!(Pattern::whole("Root").matches("root"));
        assert!(!Pattern::whole("root").matches("rootless"));
        assert!(Pattern::whole("Ä").matches("ä"));
        assert!(!Pattern::whole("ä").matches("äa"));
    }

    #[test]
    fn a_bad_regular_expression_is_named_in_one_line() {
        let complaint = Pattern::regex("a(b").unwrap_err();
        assert!(complaint.contains("unclosed group"), "{complaint}");
        assert!(!complaint.contains('\n'));
        assert!(Pattern::regex("(a{1000}){1000}").unwrap_err().contains("too large"));
    }
}
