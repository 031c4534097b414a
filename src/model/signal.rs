//! The signals that end a process, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A signal whose default action ends a process (POSIX, `signal.h`).
///
/// Those that stop or continue a process are left out: they free no port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    /// Hang-up; many servers read their configuration again instead of ending.
    Hup,
    /// Interrupt, what Ctrl-C sends.
    Int,
    /// Quit, with a core dump.
    Quit,
    /// Abort, with a core dump.
    Abrt,
    /// The end that a process can neither catch nor ignore.
    Kill,
    /// The first of two for the program's own use.
    Usr1,
    /// The second of two for the program's own use.
    Usr2,
    /// A write to a pipe that nobody reads.
    Pipe,
    /// An alarm clock.
    Alrm,
    /// A request to end in good order.
    Term,
}

impl Signal {
    /// Every signal, in the order of its Linux number.
    pub const ALL: [Self; 10] = [
        Self::Hup,
        Self::Int,
        Self::Quit,
        Self::Abrt,
        Self::Kill,
        Self::Usr1,
        Self::Usr2,
        Self::Pipe,
        Self::Alrm,
        Self::Term,
    ];

    /// The name without `SIG`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hup => "HUP",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Abrt => "ABRT",
            Self::Kill => "KILL",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Pipe => "PIPE",
            Self::Alrm => "ALRM",
            Self::Term => "TERM",
        }
    }

    /// What a program usually makes of it, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Term => "asks the process to end cleanly",
            Self::Hup => "hang-up; many servers only read their configuration again",
            Self::Int => "what Ctrl-C sends",
            Self::Quit => "what Ctrl-\\ sends; it may leave a core dump",
            Self::Usr1 | Self::Usr2 => "for the program's own use; one that has none for it ends",
            Self::Abrt => "ends it with a core dump",
            Self::Pipe => "a write to a pipe without a reader; servers often ignore it",
            Self::Alrm => "an alarm clock",
            Self::Kill => "ends it at once, without a chance to tidy up",
        }
    }

    /// The names as a sentence lists them.
    pub fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Signal {
    type Err = ();

    /// Takes `TERM`, `SIGTERM` and any mixture of cases.
    fn from_str(text: &str) -> Result<Self, ()> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        Self::ALL.into_iter().find(|signal| signal.name() == name).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_with_and_without_their_prefix() {
        assert_eq!("TERM".parse(), Ok(Signal::Term));
        assert_eq!("SIGKILL".parse(), Ok(Signal::Kill));
        assert_eq!("sigusr1".parse(), Ok(Signal::Usr1));
        assert_eq!("STOP".parse::<Signal>(), Err(()));
        assert_eq!("".parse::<Signal>(), Err(()));
    }

    #[test]
    fn json_has_the_same_names() {
        for signal in Signal::ALL {
            assert_eq!(serde_json::to_string(&signal).unwrap(), format!("\"{signal}\""));
        }
    }
}
