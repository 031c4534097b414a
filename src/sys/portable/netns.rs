//! Network namespaces: other platforms than Linux have none.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use crate::sys::error::{Error, Result};

/// There is none to be told from another.
pub fn own() -> Option<u64> {
    None
}

/// A network namespace; there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// What would name it.
    pub inode: u64,
    /// What it would be called.
    pub name: Option<Arc<str>>,
    never: Infallible,
}

/// The namespaces that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// None.
    pub namespaces: Vec<Namespace>,
    /// Processes of which this user may not know in which namespace they are.
    pub unreadable: usize,
    /// Namespaces beyond those that are looked at.
    pub surplus: usize,
}

/// Always [`Error::Unsupported`].
pub fn all() -> Result<Found> {
    Err(no_such_thing())
}

/// Always [`Error::Unsupported`].
pub fn move_to(_door: &str) -> Result<()> {
    Err(no_such_thing())
}

fn no_such_thing() -> Error {
    Error::unsupported("another network namespace", "this platform has no such thing")
}

/// Always [`Error::Unsupported`].
pub fn named(_: &str) -> Result<Option<Namespace>> {
    Err(no_such_thing())
}

/// Always [`Error::Unsupported`].
pub fn within<T: Send>(_: u64, _: impl FnOnce() -> T + Send) -> Result<T> {
    Err(no_such_thing())
}

/// There are none to be entered.
pub fn enter_each<T: Send>(_: &[Namespace], _: impl Fn(&Namespace) -> T + Sync) -> Vec<Result<T>> {
    Vec::new()
}

impl Namespace {
    /// Cannot be reached: there is none.
    pub fn door(&self) -> Option<&Path> {
        match self.never {}
    }

    /// Cannot be reached: there is none.
    pub fn enter<T: Send>(&self, _: impl FnOnce() -> T + Send) -> Result<T> {
        match self.never {}
    }
}
