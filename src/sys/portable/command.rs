//! Running a program of the system: not where it cannot be told who could have changed it.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use crate::sys::error::{Error, Result};

/// What a program may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it may take.
    pub timeout: Duration,
    /// How much of its output is kept, of each of the two.
    pub output_bytes: usize,
}

/// What came of a program. Its words are uncleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// Whether it was ended since its time was over.
    pub timed_out: bool,
    /// What it said, as far as it was kept.
    pub stdout: String,
    /// What it complained of, as far as that was kept.
    pub stderr: String,
}

/// Who may write somewhere cannot be told here yet.
pub fn may_write(_path: &Path) -> Option<bool> {
    None
}

/// Who may have changed a file cannot be told here yet.
pub fn is_trusted(_path: &Path) -> bool {
    false
}

/// A program that may be run. Cannot be found here: see [`Program::find`].
#[derive(Clone, Debug)]
pub struct Program {
    never: Infallible,
}

impl Program {
    /// [`Error::Unsupported`]: nothing here tells yet whom a program can be trusted from.
    pub fn find(name: &str) -> Result<Self> {
        Self::find_in(&[], name)
    }

    /// [`Error::Unsupported`], too.
    pub fn find_in(_directories: &[&Path], name: &str) -> Result<Self> {
        let why = "this platform cannot tell yet who may have changed a program";
        Err(Error::unsupported(format!("running {name}"), why))
    }

    /// [`Error::Unsupported`], too.
    pub fn at(path: &Path) -> Result<Self> {
        Self::find_in(&[], &path.display().to_string())
    }

    /// Where the program was found.
    pub fn path(&self) -> &Path {
        match self.never {}
    }

    /// Runs it with `input` on stdin.
    pub fn feed(
        &self,
        _arguments: &[&str],
        _input: &str,
        _keep: &[&str],
        _limits: Limits,
    ) -> Result<Ran> {
        match self.never {}
    }

    /// Runs it.
    pub fn run(
        &self,
        _arguments: &[&str],
        _limits: Limits,
        _tick: &mut dyn FnMut(Duration),
    ) -> Result<Ran> {
        match self.never {}
    }
}

/// No user of this platform has a number.
pub fn own_uid() -> u32 {
    u32::MAX
}
