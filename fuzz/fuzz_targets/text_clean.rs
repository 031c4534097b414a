//! Cleaned text is one bounded line that changes nothing about a terminal, and cleaning it again
//! changes nothing about it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockpit::text;

fuzz_target!(|bytes: &[u8]| {
    let shown = text::clean::clean_bytes(bytes);
    assert!(shown.chars().count() <= text::clean::MAX_CHARS);
    assert!(!shown.chars().any(char::is_control));
    assert_eq!(text::clean(&shown), shown);
});
