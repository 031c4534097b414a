//! Values of `/proc/sys/net` that are more than one number.

use std::ops::RangeInclusive;

/// Two numbers with white space between them.
pub fn pair(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_whitespace();
    let (first, last) = (words.next()?, words.next()?);
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// Numbers and ranges with commas between them: `8080,9000-9010`; an empty text is none.
pub fn ranges(text: &str) -> Option<Vec<RangeInclusive<u16>>> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            Some(first.parse().ok()?..=last.parse().ok()?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_spellings_are_read() {
        assert_eq!(pair("32768\t60999"), Some(32768..=60999));
        assert_eq!(pair("32768"), None);
        assert_eq!(ranges(""), Some(vec![]));
        assert_eq!(ranges("8080,9000-9010"), Some(vec![8080..=8080, 9000..=9010]));
        assert_eq!(ranges("8080,what"), None);
    }
}
