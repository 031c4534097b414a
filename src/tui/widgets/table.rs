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
    /// Columns of the terminal: the fewest that make sense, what is enough mostly, what is
    /// enough for long content, and the most that are of use.
    pub widths: [u16; 4],
    /// Whether it is for numbers, which line up at the right.
    pub right: bool,
    /// Columns of a higher rank give way first when the terminal is narrow.
    pub rank: u8,
    /// Whether it is shown only where all columns have what is enough mostly.
    pub extra: bool,
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

/// What a line below the header is.
#[derive(Clone, Debug)]
pub enum Line<'a> {
    /// A row of cells in this style.
    Row(Style),
    /// Text over all columns, in pieces.
    Whole(Vec<(Cow<'a, str>, Style)>),
}

/// Chooses columns by rank while they fit, one space apart, and gives the rest of the width
/// to those that can use it, until all have enough, then until all have more.
pub fn fit<C: Copy>(columns: &[Column<C>], width: u16) -> Vec<Placed<C>> {
    let mut chosen: Vec<(&Column<C>, u16)> =
        choose(columns, width).into_iter().map(|column| (column, column.widths[0])).collect();
    let used: u16 = chosen.iter().map(|(_, width)| width + 1).sum();
    let mut spare = (width + 1).saturating_sub(used);
    for step in 1..4 {
        spare = grow(&mut chosen, step, spare);
    }
    let mut x = 0;
    let place = |(column, width): (&Column<C>, u16)| {
        let placed = Placed { id: column.id, title: column.title, x, width, right: column.right };
        x += width + 1;
        placed
    };
    chosen.into_iter().map(place).collect()
}

/// Gives out as much of `spare` as the columns can use at this step, always to the one that
/// lacks the greatest part of it. Returns what is left.
fn grow<C>(chosen: &mut [(&Column<C>, u16)], step: usize, mut spare: u16) -> u16 {
    while spare > 0 {
        let lacking = chosen.iter_mut().filter(|(column, width)| *width < column.widths[step]);
        let share = |width: u16, wanted: u16| u32::from(width) * 1_000 / u32::from(wanted);
        let next = lacking.min_by_key(|(column, width)| share(*width, column.widths[step]));
        let Some((_, width)) = next else { return spare };
        *width += 1;
        spare -= 1;
    }
    spare
}

fn choose<C>(columns: &[Column<C>], width: u16) -> Vec<&Column<C>> {
    let mut chosen: Vec<&Column<C>> = columns.iter().collect();
    let needs = |chosen: &[&Column<C>], step: usize| -> bool {
        let needed: u32 = chosen.iter().map(|column| u32::from(column.widths[step]) + 1).sum();
        needed > u32::from(width) + 1
    };
    let last = |chosen: &[&Column<C>], extra: bool| {
        let ranked = chosen.iter().enumerate().filter(|(_, column)| column.extra || !extra);
        ranked.max_by_key(|(_, column)| column.rank).map(|(index, _)| index)
    };
    while needs(&chosen, 1)
        && let Some(index) = last(&chosen, true)
    {
        chosen.remove(index);
    }
    while chosen.len() > 1
        && needs(&chosen, 0)
        && let Some(index) = last(&chosen, false)
    {
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
    /// Draws the header and the lines that fit. `title` may dress a column's title, `line`
    /// tells what a line is, `cell` what stands in a row's cells.
    pub fn draw<'c>(
        &self,
        buf: &mut Buffer,
        area: Rect,
        scroll: &mut Scroll,
        title: impl Fn(&Placed<C>) -> Cow<'static, str>,
        line: impl Fn(usize) -> Line<'c>,
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
            let place = paint::line(body, on_screen);
            match line(index) {
                Line::Row(style) => {
                    for column in self.columns {
                        let cell = cell(index, column.id, column.width);
                        write(buf, place, column, &cell.text, style.patch(cell.style));
                    }
                }
                Line::Whole(pieces) => {
                    paint::spans(buf, place, pieces);
                }
            }
            if let Some((_, selection)) = self.selected.filter(|(selected, _)| *selected == index) {
                buf.set_style(place, selection);
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

    const fn column(id: char, widths: [u16; 4], rank: u8) -> Column<char> {
        Column { id, title: "X", widths, right: false, rank, extra: rank > 2 }
    }

    const COLUMNS: [Column<char>; 4] = [
        column('a', [4, 4, 4, 4], 0),
        column('b', [5, 7, 20, 40], 1),
        column('c', [3, 3, 3, 3], 2),
        column('d', [4, 4, 8, 8], 3),
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
    }

    #[test]
    fn an_extra_column_comes_only_where_the_others_have_enough() {
        assert_eq!(widths(20), [('a', 0, 4), ('b', 5, 11), ('c', 17, 3)]);
        assert_eq!(widths(21), [('a', 0, 4), ('b', 5, 7), ('c', 13, 3), ('d', 17, 4)]);
        assert_eq!(widths(100), [('a', 0, 4), ('b', 5, 40), ('c', 46, 3), ('d', 50, 8)]);
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
                Line::Row(Style::new())
            },
            |index, _, _| Cell::plain(index.to_string()),
        );
        assert_eq!(asked.into_inner(), [498, 499, 500]);
    }
}
