//! Frames, tabs and the footer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text::{clean, units};
use crate::tui::app::{App, Slot};
use crate::tui::geometry;
use crate::tui::hints;
use crate::tui::keymap::Context;
use crate::tui::pane::{Pane, PaneId};
use crate::tui::theme::Theme;
use crate::tui::widgets::frame::{border, shift, title_room};
use crate::tui::widgets::paint;

/// A pane's frame: its number and name at the left, its subject at the right, and below,
/// while it has the focus, its keys.
pub(super) fn frame(
    buf: &mut Buffer,
    area: Rect,
    pane: &dyn Pane,
    subject: &str,
    focused: bool,
    keys: Option<Context>,
    theme: &Theme,
) {
    let style = if focused { theme.accent } else { theme.frame };
    border(buf, area, style);
    let title = format!("{} {}", pane.id().index() + 1, pane.id().name());
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
        reminders(buf, hints::line(pane, area), context, theme);
    }
}

/// Where a list is scrolled to: `row 12 of 340` on the lower edge, and a bar on the right one
/// while not all of it is on screen.
pub(super) fn whereabouts(
    buf: &mut Buffer,
    frame: Rect,
    slot: &Slot,
    focused: bool,
    theme: &Theme,
) {
    let scroll = &slot.scroll;
    let (page, len) = (scroll.page(), scroll.len);
    let style = if focused { theme.accent } else { theme.frame };
    let count = |n: usize| units::count(n as u64);
    let text = match hints::row(&*slot.pane) {
        Some(text) => text,
        None if page > 0 && len > page => {
            let last = (scroll.offset + page).min(len);
            format!(" {}-{} of {} ", count(scroll.offset + 1), count(last), count(len))
        }
        _ => return,
    };
    let bottom = title_room(paint::line(frame, usize::from(frame.height).saturating_sub(1)));
    let used = paint::width(&text);
    // What stands there already is worth more: keys, and the tab of another pane.
    let is_free = |x| buf[(x, bottom.y)].symbol() == "─";
    if used <= bottom.width && (bottom.right() - used..bottom.right()).all(is_free) {
        paint::right(buf, bottom, &text, theme.text);
    }
    if len > page && page > 0 {
        let (first, bar) = thumb(scroll.offset, page, len, scroll.body.height);
        for y in first..first + bar {
            buf[(frame.right() - 1, scroll.body.y + y)].set_char('┃').set_style(style);
        }
    }
}

/// The lines of a scroll bar that stand for what is on screen: the first, and how many.
fn thumb(offset: usize, page: usize, len: usize, height: u16) -> (u16, u16) {
    let lines = usize::from(height);
    let bar = (lines * page / len).clamp(1, lines.max(1));
    let last = len - page;
    // At the ends only where the list is at its ends.
    let free = lines - bar;
    let first = match offset {
        0 => 0,
        offset if offset >= last => free,
        offset => {
            (free * offset / last).clamp(1.min(free), free.saturating_sub(1).max(1.min(free)))
        }
    };
    (u16::try_from(first).unwrap_or(0), u16::try_from(bar).unwrap_or(1))
}

/// ` K kill  Enter details `.
fn reminders(buf: &mut Buffer, line: Rect, context: Context, theme: &Theme) {
    for hint in hints::places(context, line) {
        let (key, word) = (format!(" {}", hint.key), format!(" {} ", hint.word));
        paint::spans(buf, hint.place, [(key.into(), theme.accent), (word.into(), theme.text)]);
    }
}

/// The tab of a pane that has no room, on the frame of another: ` 4 Tester: OK `.
pub(super) fn hidden_tab(app: &App, pane: PaneId, place: Rect, buf: &mut Buffer) {
    let slot = &app.slots[pane.index()];
    let badge = slot.pane.badge(&app.world).map(|badge| format!(": {}", clean(&badge)));
    let text = format!(" {} {}{} ", pane.index() + 1, pane.name(), badge.unwrap_or_default());
    paint::right(buf, place, &text, app.theme.text);
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
        let place = geometry::tab(line, pane);
        let used = paint::left(buf, place, &text, style);
        if pane == PaneId::Tester
            && let Some(badge) = app.slots[pane.index()].pane.badge(&app.world)
        {
            paint::left(buf, shift(place, used + 1), &clean(&badge), app.theme.dim);
        }
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
    paint::right(buf, line, &app.failures(), app.theme.danger);
    if let Some(line) = app.reminders(line) {
        reminders(buf, line, everywhere, &app.theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scroll_bar_is_at_an_end_only_where_the_list_is() {
        assert_eq!(thumb(0, 10, 100, 10), (0, 1));
        assert_eq!(thumb(1, 10, 100, 10), (1, 1));
        assert_eq!(thumb(89, 10, 100, 10), (8, 1));
        assert_eq!(thumb(90, 10, 100, 10), (9, 1));
        assert_eq!(thumb(3, 10, 20, 10), (1, 5));
        assert_eq!(thumb(1, 10, 11, 10), (1, 9));
        assert_eq!(thumb(500_000, 10, 1_000_000, 10), (4, 1));
        assert_eq!(thumb(1, 1, 3, 1), (0, 1));
    }
}
