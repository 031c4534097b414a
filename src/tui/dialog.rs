//! What lies over the panes: help, palette, details, the kill plan, the action log.

pub mod kill;
pub mod palette;

use kill::KillDialog;
use palette::Palette;

use super::command::Command;
use super::pane::PaneId;

/// The open dialog. Only one is open at a time.
#[derive(Debug)]
pub enum Dialog {
    /// The keys of a pane.
    Help(PaneId),
    /// All commands by name.
    Palette(Palette),
    /// Everything about the selected row.
    Details,
    /// A kill: its plan, its progress, its outcome.
    Kill(KillDialog),
    /// What was done to the system.
    ActionLog,
    /// Whether to quit while an action runs.
    Quit,
}

/// What a dialog made of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It stays open.
    Stay,
    /// It closes.
    Close,
    /// It closes and asks for this.
    Run(Command),
}
