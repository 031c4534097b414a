//! What lies over the panes: help, palette, details, the kill plan, the action log.

pub mod close;
pub mod columns;
pub mod filters;
pub mod kill;
pub mod palette;
pub mod why;

use close::{CloseDialog, CloseStage};
use columns::ColumnsDialog;
use filters::FilterList;
use kill::{KillDialog, KillStage};
use palette::Palette;
use why::WhyDialog;

use super::command::{Command, Motion};
use super::event::{Answer, RequestId};
use super::pane::PaneId;
use super::widgets::field::Field;

/// The open dialog. Only one is open at a time.
#[derive(Debug)]
pub enum Dialog {
    /// The keys of a pane.
    Help(PaneId),
    /// All commands by name.
    Palette(Palette),
    /// The filters with a name.
    Filters(FilterList),
    /// Everything about the selected row.
    Details,
    /// A kill: its plan, its progress, its outcome.
    Kill(KillDialog),
    /// A close: its plan, its outcome.
    Close(CloseDialog),
    /// Why a port is busy.
    Why(WhyDialog),
    /// Which columns are shown.
    Columns(ColumnsDialog),
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
            Self::Filters(list) => Some(&mut list.field),
            Self::Kill(kill) => kill.field(),
            Self::Close(close) => close.field(),
            Self::Help(_)
            | Self::Details
            | Self::Why(_)
            | Self::Columns(_)
            | Self::ActionLog
            | Self::Quit => None,
        }
    }

    /// Whether [`Dialog::field`] is there.
    pub fn is_typing(&self) -> bool {
        match self {
            Self::Palette(_) | Self::Filters(_) => true,
            Self::Kill(kill) => matches!(kill.stage, KillStage::Again { .. }),
            Self::Close(close) => matches!(close.stage, CloseStage::Protected { .. }),
            Self::Help(_)
            | Self::Details
            | Self::Why(_)
            | Self::Columns(_)
            | Self::ActionLog
            | Self::Quit => false,
        }
    }

    /// Takes the answer that it waits for, if this is it.
    pub fn answer(&mut self, id: RequestId, answer: &Answer) {
        match self {
            Self::Kill(dialog) => dialog.answer(id, answer),
            Self::Close(dialog) => dialog.answer(id, answer),
            Self::Why(dialog) => dialog.answer(id, answer),
            _ => {}
        }
    }

    /// Whether it shows how the action with this id ends.
    pub fn is_running(&self, id: RequestId) -> bool {
        match self {
            Self::Kill(dialog) => dialog.is_running(id),
            Self::Close(dialog) => dialog.is_running(id),
            _ => false,
        }
    }

    /// The field has changed.
    pub fn field_changed(&mut self) {
        match self {
            Self::Palette(palette) => palette.search(),
            Self::Filters(list) => list.search(),
            _ => {}
        }
    }

    /// Moves the choice of a list below a field.
    pub fn choose(&mut self, motion: Motion) {
        match self {
            Self::Palette(palette) => palette.go(motion, 1),
            Self::Filters(list) => list.go(motion),
            _ => {}
        }
    }
}

/// What a dialog made of a command.
#[derive(Debug)]
pub enum Step {
    /// It stays open.
    Stay,
    /// It closes.
    Close,
    /// It closes and asks for this.
    Run(Command),
    /// Another one takes its place.
    Open(Box<Dialog>),
}
