//! Text from outside, made fit for a terminal, a log, a clipboard or an error line.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// No cleaned text is longer than this many characters.
pub const MAX_CHARS: usize = 512;

/// One line without control, escape or direction-changing characters, at most
/// [`MAX_CHARS`] long. What is replaced becomes `�`, so that nothing vanishes silently.
///
/// Process names, command lines, unit names, banners, certificates, DNS answers and file
/// names all pass through here before they are shown.
pub fn clean(text: &str) -> Cow<'_, str> {
    clean_to(text, MAX_CHARS)
}

/// [`clean`] with another bound; a cut ends in `…`.
pub fn clean_to(text: &str, max_chars: usize) -> Cow<'_, str> {
    let harmless = text.chars().all(is_harmless);
    if harmless && text.len() <= max_chars {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(4 * max_chars));
    for (index, c) in text.chars().enumerate() {
        if index + 1 >= max_chars && text.chars().nth(max_chars).is_some() {
            out.push('…');
            break;
        }
        out.push(if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER });
    }
    Cow::Owned(out)
}

/// Bytes that should be UTF-8, made fit to be shown.
pub fn clean_bytes(bytes: &[u8]) -> String {
    clean(&String::from_utf8_lossy(bytes)).into_owned()
}

fn is_harmless(c: char) -> bool {
    !c.is_control() && !is_format_character(c) && c.width().is_some()
}

/// Characters that change how their neighbours are shown: direction marks and overrides,
/// zero-width ones, line separators, interlinear annotation, tags, private-use and
/// variation selectors (Unicode category Cf and its like).
fn is_format_character(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}'
        | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_borrowed() {
        assert!(matches!(clean("nginx: worker"), Cow::Borrowed(_)));
        assert_eq!(clean("naïve 日本"), "naïve 日本");
    }

    #[test]
    fn escape_sequences_and_direction_marks_lose_their_power() {
        assert_eq!(clean("a\x1b]0;x\x07b"), "a�]0;x�b");
        assert_eq!(clean("a\u{9b}31mb\u{202e}c\n"), "a�31mb�c�");
        assert_eq!(clean("x\u{200d}y\u{2066}z"), "x�y�z");
    }

    #[test]
    fn long_text_is_cut_with_a_sign() {
        let cut = clean_to("abcdef", 4);
        assert_eq!(cut, "abc…");
        assert_eq!(clean_to("abcd", 4), "abcd");
        assert_eq!(clean(&"é".repeat(5000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn invalid_utf8_is_shown_not_lost() {
        assert_eq!(clean_bytes(b"a\xffb"), "a\u{FFFD}b");
    }
}
