//! What lies over the panes: help, palette, details, the kill plan, the action log.

pub mod kill;
pub mod palette;

use kill::{KillDialog, KillStage};
use palette::Palette;

use super::command::Command;
use super::pane::PaneId;
use super::widgets::field::Field;

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

impl Dialog {
    /// The text field that has the keyboard, if the dialog has one.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self {
            Self::Palette(palette) => Some(&mut palette.field),
            Self::Kill(kill) => kill.field(),
            Self::Help(_) | Self::Details | Self::ActionLog | Self::Quit => None,
        }
    }

    /// Whether [`Dialog::field`] is there.
    pub fn is_typing(&self) -> bool {
        match self {
            Self::Palette(_) => true,
            Self::Kill(kill) => matches!(kill.stage, KillStage::Protected { .. }),
            Self::Help(_) | Self::Details | Self::ActionLog | Self::Quit => false,
        }
    }

    /// The field has changed.
    pub fn field_changed(&mut self) {
        if let Self::Palette(palette) = self {
            palette.search();
        }
    }
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
