//! Any text is a target to probe, or one clear sentence about what would be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockpit::probe::Target;

fuzz_target!(|text: &str| match text.parse::<Target>() {
    Ok(target) => assert_ne!(target.port(), Some(0)),
    Err(error) => assert!(!error.to_string().contains(char::is_control)),
});
