//! What a pane is: one view of the selected socket, with its own small state.

use std::net::IpAddr;
use std::time::Instant;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use super::command::PaneId;

use super::command::{Command, ExportFormat};
use super::dialog::Dialog;
use super::event::{Answer, RequestId};
use super::export::Export;
use super::remembered::View;
use super::theme::Theme;
use super::widgets::field::Field;
use super::widgets::scroll::Scroll;
use super::world::World;

pub use super::cx::Cx;

/// Where a pane draws: its inside, without the frame.
#[derive(Debug)]
pub struct Canvas<'a> {
    /// The screen.
    pub buf: &'a mut Buffer,
    /// The inside of the pane.
    pub area: Rect,
    /// The only state that drawing changes.
    pub scroll: &'a mut Scroll,
    /// Colours by role.
    pub theme: &'a Theme,
    /// Whether the pane has the focus.
    pub focused: bool,
    /// Where the terminal's cursor belongs, if a field is open.
    pub cursor: &'a mut Option<Position>,
}

/// What a pane made of a command.
#[derive(Debug)]
pub enum Response {
    /// It means nothing here.
    Ignored,
    /// Done.
    Done,
    /// A dialog shall open.
    Open(Box<dyn Dialog>),
}

impl Response {
    /// A dialog shall open.
    pub fn open(dialog: impl Dialog + 'static) -> Self {
        Self::Open(Box::new(dialog))
    }
}

/// A pane. The four of them are listed in [`super::panes::all`].
pub trait Pane: std::fmt::Debug {
    /// Which one.
    fn id(&self) -> PaneId;

    /// Takes up the view of an earlier run.
    fn recall(&mut self, _view: &View) {}

    /// Adds what shall be remembered of the pane.
    fn remember(&self, _view: &mut View) {}

    /// What it is about right now, for the right end of its title; inside it is so wide.
    fn subject(&self, world: &World, width: u16) -> String;

    /// What its tab says while the pane itself is not on screen.
    fn badge(&self, _world: &World) -> Option<String> {
        None
    }

    /// The line under its cursor, counted from 0, and how many there are. Without a cursor
    /// what is on screen is told by where it is scrolled to.
    fn place(&self) -> Option<(usize, usize)> {
        None
    }

    /// Draws the inside. Nothing but `canvas.scroll` may change.
    fn draw(&self, world: &World, canvas: Canvas<'_>);

    /// Obeys a command.
    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response;

    /// The wheel was turned over the pane, by so many lines downwards.
    fn wheel(&mut self, lines: isize, scroll: &mut Scroll, _cx: &mut Cx<'_>) {
        scroll.by(lines);
    }

    /// A click inside, in screen coordinates.
    fn click(&mut self, _at: Position, _scroll: &mut Scroll, _cx: &mut Cx<'_>) {}

    /// Moves the cursor to a point, and does nothing else there.
    fn point(&mut self, _at: Position, _scroll: &mut Scroll, _cx: &mut Cx<'_>) {}

    /// Whether a text field has the keyboard.
    fn is_typing(&self) -> bool {
        false
    }

    /// The text field that has the keyboard, if one is open.
    fn field(&mut self) -> Option<&mut Field> {
        None
    }

    /// A key, or a paste, has changed the open field.
    fn field_changed(&mut self, _cx: &mut Cx<'_>) {}

    /// A key that an open field has no use for (history with the arrows, for instance).
    fn field_key(&mut self, _key: KeyEvent, _cx: &mut Cx<'_>) {}

    /// The result of an earlier effect; each pane takes what it asked for.
    fn answer(&mut self, _id: RequestId, _answer: &mut Option<Answer>, _cx: &mut Cx<'_>) {}

    /// Time passed, a feed moved on, or the selection changed: do what is due.
    fn advance(&mut self, _cx: &mut Cx<'_>) {}

    /// When [`Pane::advance`] should be called at the latest.
    fn wake_at(&self, _world: &World) -> Option<Instant> {
        None
    }

    /// Addresses on screen that may have names, as the pane was drawn last.
    fn addresses(&self, _scroll: &Scroll) -> Vec<IpAddr> {
        Vec::new()
    }

    /// What is on screen, as a file.
    fn export(&self, _world: &World, _format: ExportFormat) -> Option<Export> {
        None
    }

    /// The selected row as one line of text.
    fn copy(&self, _world: &World) -> Option<String> {
        None
    }
}
