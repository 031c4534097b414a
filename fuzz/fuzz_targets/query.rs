//! Any text is a query or an error within it; a query's own text is that query; completing
//! at any place never fails.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockpit::query::{Query, complete};

fuzz_target!(|text: &str| {
    let length = text.chars().count();
    match Query::parse(text) {
        Ok(query) => {
            assert_eq!(Query::parse(&query.to_string()), Ok(query.clone()));
            let _ = query.matches_everything();
        }
        Err(error) => {
            assert!((1..=length + 1).contains(&error.column));
            assert!(!error.to_string().contains(char::is_control));
        }
    }
    for offer in complete(text, length / 2) {
        assert!(offer.replaces.end <= length);
    }
});
