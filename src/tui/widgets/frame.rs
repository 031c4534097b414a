//! Frames, and the text that stands in their edges.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A thin frame with round corners.
pub fn border(buf: &mut Buffer, area: Rect, style: Style) {
    if area.width < 2 || area.height < 2 {
        return;
    }
    let (left, right) = (area.x, area.right() - 1);
    let (top, bottom) = (area.y, area.bottom() - 1);
    for x in left + 1..right {
        buf[(x, top)].set_char('─').set_style(style);
        buf[(x, bottom)].set_char('─').set_style(style);
    }
    for y in top + 1..bottom {
        buf[(left, y)].set_char('│').set_style(style);
        buf[(right, y)].set_char('│').set_style(style);
    }
    for (x, y, corner) in
        [(left, top, '╭'), (right, top, '╮'), (left, bottom, '╰'), (right, bottom, '╯')]
    {
        buf[(x, y)].set_char(corner).set_style(style);
    }
}

/// The part of a frame's edge that may hold text: a bit of the edge remains at both ends.
pub fn title_room(line: Rect) -> Rect {
    Rect { x: line.x + 2, width: line.width.saturating_sub(4), ..line }
}

/// The part of a line behind its first `columns`.
pub fn shift(line: Rect, columns: u16) -> Rect {
    let columns = columns.min(line.width);
    Rect { x: line.x + columns, width: line.width - columns, ..line }
}
