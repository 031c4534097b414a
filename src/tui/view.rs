//! The whole screen, drawn from the state. Nothing but scroll states changes here.

mod chrome;
mod header;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::app::App;
use super::geometry::{self, Geometry, SMALLEST};
use super::keymap::Context;
use super::pane::{Canvas, PaneId};
use super::widgets::message;

/// Draws a frame.
pub fn draw(app: &mut App, frame: &mut Frame<'_>) {
    let area = frame.area();
    if let Some(cursor) = render(app, area, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws into a buffer; returns where the cursor belongs while text is being typed.
pub fn render(app: &mut App, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let Some(geometry) = Geometry::new(area, app.arrangement()) else {
        too_small(app, area, buf);
        return None;
    };
    let context = app.context();
    header::draw(app, geometry.header, buf);
    if let Some(tabs) = geometry.tabs {
        chrome::tabs(app, tabs, buf);
    }
    let mut cursor = None;
    for (pane, frame) in &geometry.panes {
        draw_pane(app, *pane, *frame, context, buf, &mut cursor);
    }
    if let Some((pane, tab)) = geometry.hidden {
        chrome::hidden_tab(app, pane, tab, buf);
    }
    chrome::footer(app, geometry.footer, context, buf);
    if let Some(dialog) = &mut app.dialog {
        cursor = dialog.draw(&app.world, &app.log, &app.theme, area, buf);
    }
    cursor
}

fn draw_pane(
    app: &mut App,
    pane: PaneId,
    frame: Rect,
    context: Context,
    buf: &mut Buffer,
    cursor: &mut Option<Position>,
) {
    let focused = app.focus == pane;
    let slot = &mut app.slots[pane.index()];
    let subject = slot.pane.subject(&app.world, geometry::inside(frame).width);
    let hints = if focused && context == Context::Pane(pane) { Some(context) } else { None };
    chrome::frame(buf, frame, &*slot.pane, &subject, focused, hints, &app.theme);
    let canvas = Canvas {
        buf,
        area: geometry::inside(frame),
        scroll: &mut slot.scroll,
        theme: &app.theme,
        focused,
        cursor,
    };
    slot.pane.draw(&app.world, canvas);
    chrome::whereabouts(buf, frame, slot, focused, &app.theme);
}

fn too_small(app: &App, area: Rect, buf: &mut Buffer) {
    let (width, height) = SMALLEST;
    let text = format!(
        "sockpit needs {width}x{height} cells to be of use; this terminal has {}x{}. Please enlarge it.",
        area.width, area.height
    );
    message::centred(buf, area, &[(text, app.theme.text)]);
}
