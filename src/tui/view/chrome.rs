//! Frames, tabs and the footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text::clean;
use crate::tui::app::App;
use crate::tui::geometry;
use crate::tui::keymap::Context;
use crate::tui::pane::PaneId;
use crate::tui::theme::Theme;
use crate::tui::widgets::frame::{border, shift, title_room};
use crate::tui::widgets::paint;

/// A pane's frame: its number and name at the left, its subject at the right, and below,
/// while it has the focus, its keys.
pub(super) fn frame(
    buf: &mut Buffer,
    area: Rect,
    pane: PaneId,
    subject: &str,
    focused: bool,
    keys: Option<Context>,
    theme: &Theme,
) {
    let style = if focused { theme.accent } else { theme.frame };
    border(buf, area, style);
    let title = format!("{} {}", pane.index() + 1, pane.name());
    let top = paint::line(area, 0);
    let room = title_room(top);
    let mut used =
        paint::left(buf, room, &title, if focused { theme.accent } else { theme.heading });
    used += paint::left(buf, shift(room, used), " ", style);
    if !subject.is_empty() {
        let subject = format!(" {} ", clean(subject));
        paint::right(buf, shift(room, used + 1), &subject, theme.text);
    }
    if let Some(context) = keys {
        let bottom = title_room(paint::line(area, usize::from(area.height).saturating_sub(1)));
        hints(buf, bottom, context, theme);
    }
}

/// ` K kill  Enter details `: as many as fit whole.
fn hints(buf: &mut Buffer, mut line: Rect, context: Context, theme: &Theme) {
    for (key, word) in context.hints() {
        let (key, word) = (format!(" {key}"), format!(" {word} "));
        if paint::width(&key) + paint::width(&word) > line.width {
            return;
        }
        let used = paint::spans(buf, line, [(key.into(), theme.accent), (word.into(), theme.text)]);
        line = shift(line, used);
    }
}

/// The line of tabs; the focused one is in brackets, so that no colour is needed to see it.
pub(super) fn tabs(app: &App, line: Rect, buf: &mut Buffer) {
    for pane in PaneId::ALL {
        let (open, close, style) = if app.focus == pane {
            ('[', ']', app.theme.accent)
        } else {
            (' ', ' ', app.theme.text)
        };
        let text = format!("{open}{} {}{close}", pane.index() + 1, pane.name());
        paint::left(buf, geometry::tab(line, pane), &text, style);
    }
    if app.zoom {
        paint::right(buf, line, "zoomed ", app.theme.dim);
    }
}

/// The last line: a notice while there is one, else the keys that hold everywhere.
pub(super) fn footer(app: &App, line: Rect, context: Context, buf: &mut Buffer) {
    if let Some(notice) = &app.world.notice {
        let (sign, style) =
            if notice.is_trouble { ("!", app.theme.danger) } else { ("✓", app.theme.fresh) };
        paint::left(buf, line, &format!(" {sign} {}", clean(&notice.text)), style);
        return;
    }
    let everywhere = match context {
        Context::Pane(_) => Context::Global,
        other => other,
    };
    let failed = match app.log.unseen_failures {
        0 => String::new(),
        1 => " ! 1 action failed: L ".to_owned(),
        several => format!(" ! {several} actions failed: L "),
    };
    let used = paint::right(buf, line, &failed, app.theme.danger);
    let line = Rect { width: line.width - used.min(line.width), ..line };
    hints(buf, line, everywhere, &app.theme);
}
