//! How a subcommand ends: the exit code, and the sentence that goes with it.

use std::fmt;
use std::io;

use crate::inspect::Error as SysError;
use crate::text;

/// The exit codes of every subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Yes, or done.
    Yes = 0,
    /// The answer is no, or the work is incomplete.
    No = 1,
    /// Wrong usage or unusable input.
    Usage = 2,
    /// Not permitted, or undecidable without more rights.
    NotPermitted = 3,
}

/// An end that needs a word: one sentence for stderr, and the exit code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    sentence: String,
    quiet: bool,
}

impl Failure {
    /// The answer is no.
    pub fn no(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::No, sentence: sentence.into(), quiet: false }
    }

    /// Wrong usage or unusable input.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, sentence: sentence.into(), quiet: false }
    }

    /// More rights are needed.
    pub fn not_permitted(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::NotPermitted, sentence: sentence.into(), quiet: false }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether nothing should be printed: the reader has gone, which is no failure of ours.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::clean(&self.sentence))
    }
}

/// Writing to stdout failed: a closed pipe ends quietly, anything else is said.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::Yes, sentence: String::new(), quiet: true };
        }
        Self::no(format!("cannot write the output: {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

impl From<SysError> for Failure {
    fn from(error: SysError) -> Self {
        match error {
            SysError::NotPermitted { .. } => Self::not_permitted(error.to_string()),
            _ => Self::no(error.to_string()),
        }
    }
}
