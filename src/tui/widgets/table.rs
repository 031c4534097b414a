//! A table of which only the visible rows exist: its cost does not grow with its length.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::paint;
use super::scroll::Scroll;

/// A column that may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Column<C> {
    /// Which.
    pub id: C,
    /// What stands above it.
    pub title: &'static str,
    /// Fewest columns of the terminal that make sense.
    pub min: u16,
    /// Most that are of use.
    pub max: u16,
    /// Whether it is for numbers, which line up at the right.
    pub right: bool,
    /// Columns of a higher rank give way first when the terminal is narrow.
    pub rank: u8,
}

/// A column with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<C> {
    /// Which.
    pub id: C,
    /// What stands above it.
    pub title: &'static str,
    /// Distance from the table's left end.
    pub x: u16,
    /// Columns of the terminal.
    pub width: u16,
    /// Whether its cells line up at the right.
    pub right: bool,
}

/// What stands in one cell, cleaned.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Its style, over the row's.
    pub style: Style,
}

impl<'a> Cell<'a> {
    /// A cell in a style.
    pub fn new(text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    /// A cell in the row's own style.
    pub fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(text, Style::new())
    }
}

/// Chooses columns by rank while they fit, one space apart, and gives the rest of the width
/// to those that can use it, evenly.
pub fn fit<C: Copy>(columns: &[Column<C>], width: u16) -> Vec<Placed<C>> {
    let mut chosen = choose(columns, width);
    let used: u16 = chosen.iter().map(|(_, width)| width + 1).sum();
    let mut spare = (width + 1).saturating_sub(used);
    while spare > 0 {
        let mut grown = false;
        for (column, width) in &mut chosen {
            if spare > 0 && *width < column.max {
                *width += 1;
                spare -= 1;
                grown = true;
            }
        }
        if !grown {
            break;
        }
    }
    let mut x = 0;
    let place = |(column, width): (&Column<C>, u16)| {
        let placed = Placed { id: column.id, title: column.title, x, width, right: column.right };
        x += width + 1;
        placed
    };
    chosen.into_iter().map(place).collect()
}

fn choose<C>(columns: &[Column<C>], width: u16) -> Vec<(&Column<C>, u16)> {
    let mut chosen: Vec<(&Column<C>, u16)> =
        columns.iter().map(|column| (column, column.min)).collect();
    let needed = |chosen: &[(&Column<C>, u16)]| -> u32 {
        chosen.iter().map(|(_, width)| u32::from(*width) + 1).sum()
    };
    while chosen.len() > 1 && needed(&chosen) > u32::from(width) + 1 {
        let least = chosen.iter().enumerate().max_by_key(|(_, (column, _))| column.rank);
        let Some((index, _)) = least else { break };
        chosen.remove(index);
    }
    chosen
}

/// The column under a point of the header line.
pub fn column_at<C: Copy>(placed: &[Placed<C>], header: Rect, at: Position) -> Option<C> {
    if !header.contains(at) {
        return None;
    }
    let x = at.x - header.x;
    placed.iter().find(|column| (column.x..=column.x + column.width).contains(&x)).map(|c| c.id)
}

/// What a table shows.
pub struct Table<'a, C> {
    /// The columns in their places, see [`fit`].
    pub columns: &'a [Placed<C>],
    /// Rows in all.
    pub len: usize,
    /// The row that must be on screen, and its style.
    pub selected: Option<(usize, Style)>,
    /// Style of the header.
    pub heading: Style,
}

impl<C: Copy> Table<'_, C> {
    /// Draws the header and the rows that fit. `title` may dress a column's title,
    /// `row` gives a row's style, `cell` what stands in it.
    pub fn draw<'c>(
        &self,
        buf: &mut Buffer,
        area: Rect,
        scroll: &mut Scroll,
        title: impl Fn(&Placed<C>) -> Cow<'static, str>,
        row: impl Fn(usize) -> Style,
        cell: impl Fn(usize, C, u16) -> Cell<'c>,
    ) {
        if area.height == 0 {
            return;
        }
        let header = paint::line(area, 0);
        for column in self.columns {
            write(buf, header, column, &title(column), self.heading);
        }
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let shown = scroll.show(body, self.len, self.selected.map(|(index, _)| index));
        for (on_screen, index) in shown.enumerate() {
            let line = paint::line(body, on_screen);
            let style = row(index);
            let selected = self.selected.filter(|(selected, _)| *selected == index);
            for column in self.columns {
                let cell = cell(index, column.id, column.width);
                write(buf, line, column, &cell.text, style.patch(cell.style));
            }
            if let Some((_, selection)) = selected {
                buf.set_style(line, selection);
            }
        }
    }
}

fn write<C>(buf: &mut Buffer, line: Rect, column: &Placed<C>, text: &str, style: Style) {
    let room = line.width.saturating_sub(column.x);
    let place = Rect { x: line.x + column.x, width: column.width.min(room), ..line };
    if column.right {
        paint::right(buf, place, text, style);
    } else {
        paint::left(buf, place, text, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column<char>; 3] = [
        Column { id: 'a', title: "A", min: 4, max: 4, right: false, rank: 0 },
        Column { id: 'b', title: "B", min: 5, max: 20, right: false, rank: 1 },
        Column { id: 'c', title: "C", min: 3, max: 3, right: true, rank: 2 },
    ];

    fn widths(width: u16) -> Vec<(char, u16, u16)> {
        fit(&COLUMNS, width).into_iter().map(|p| (p.id, p.x, p.width)).collect()
    }

    #[test]
    fn columns_share_the_width_and_the_least_important_gives_way() {
        assert_eq!(widths(14), [('a', 0, 4), ('b', 5, 5), ('c', 11, 3)]);
        assert_eq!(widths(18), [('a', 0, 4), ('b', 5, 9), ('c', 15, 3)]);
        assert_eq!(widths(13), [('a', 0, 4), ('b', 5, 8)]);
        assert_eq!(widths(2), [('a', 0, 4)]);
        assert_eq!(widths(100), [('a', 0, 4), ('b', 5, 20), ('c', 26, 3)]);
    }

    #[test]
    fn only_visible_rows_are_asked_for() {
        let asked = std::cell::RefCell::new(Vec::new());
        let area = Rect::new(0, 0, 20, 4);
        let mut scroll = Scroll::default();
        let placed = fit(&COLUMNS, 20);
        let table = Table {
            columns: &placed,
            len: 1_000_000,
            selected: Some((500, Style::new())),
            heading: Style::new(),
        };
        table.draw(
            &mut Buffer::empty(area),
            area,
            &mut scroll,
            |column| column.title.into(),
            |index| {
                asked.borrow_mut().push(index);
                Style::new()
            },
            |index, _, _| Cell::plain(index.to_string()),
        );
        assert_eq!(asked.into_inner(), [498, 499, 500]);
    }
}
