//! The signals that a program with a terminal must heed.

/// A signal, by what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C from elsewhere than the keyboard.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// SIGTSTP: give the terminal back and stop.
    Stop,
    /// SIGCONT: running again, perhaps on a terminal that others have used.
    Continue,
}

impl Signal {
    /// The exit code of a program that ended because of this signal: 128 and its number.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::HangUp => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
            // These two end nothing by themselves; the numbers are x86's and ARM's.
            Self::Continue => 146,
            Self::Stop => 148,
        }
    }
}
