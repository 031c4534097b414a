//! A panic while a file is counted is how the counting ends: whoever waits for it must hear.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::FileError;

/// Does a step; a panic in it is an error.
pub(super) fn caught<T>(step: impl FnOnce() -> T) -> Result<T, FileError> {
    // Counts are whole between any two packets, and nothing else is used afterwards.
    catch_unwind(AssertUnwindSafe(step)).map_err(|panic| FileError::Fault(words(&*panic)))
}

/// What the panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it says nothing about itself").to_owned()
}
