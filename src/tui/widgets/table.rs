//! A table of which only the visible rows exist: its cost does not grow with its length.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::cut::Cut;
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
    /// enough for long content, and the most that are of use. Which columns are shown follows
    /// from these alone, so that it does not change while rows come and go.
    pub widths: [u16; 4],
    /// Whether it is for numbers, which line up at the right.
    pub right: bool,
    /// Columns of a higher rank give way first when the terminal is narrow.
    pub rank: u8,
    /// Whether it is shown only where all columns have what is enough mostly.
    pub extra: bool,
    /// Whether long texts are cut where they do not differ, else at their end; see [`Cut`].
    pub cut: bool,
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
    /// See [`Column::cut`].
    pub cut: bool,
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

/// Chooses columns by rank while they fit, one space apart, and shares the width out by what
/// their content `needs`: nothing is cut in one column while another has blanks to spare, and
/// what is short not for the sake of what is long. What is left makes the columns as wide as they
/// mostly are, so that they seldom move.
pub fn fit<C: Copy>(columns: &[Column<C>], width: u16, needs: impl Fn(C) -> u16) -> Vec<Placed<C>> {
    let chosen = choose(columns, width);
    let needed: Vec<u16> = chosen
        .iter()
        .map(|column| needs(column.id).max(paint::width(column.title)).min(column.widths[3]))
        .collect();
    let least = chosen.iter().zip(&needed).map(|(column, needed)| column.widths[0].min(*needed));
    let mut widths: Vec<u16> = least.collect();
    let used: u16 = widths.iter().map(|width| width + 1).sum();
    let mut spare = (width + 1).saturating_sub(used);
    // What is short is shown whole before what is long shares the rest.
    spare = fill(&mut widths, &chosen, &needed, spare);
    spare = grow(&mut widths, &needed, spare);
    for step in 1..3 {
        let wished: Vec<u16> = chosen.iter().map(|column| column.widths[step]).collect();
        spare = grow(&mut widths, &wished, spare);
    }
    let mut x = 0;
    let place = |(column, width): (&Column<C>, u16)| {
        let Column { id, title, right, cut, .. } = *column;
        let placed = Placed { id, title, x, width, right, cut };
        x += width + 1;
        placed
    };
    chosen.into_iter().zip(widths).map(place).collect()
}

/// The columns for which there is no room.
pub fn left_out<C>(columns: &[Column<C>], width: u16) -> Vec<&Column<C>> {
    let chosen = choose(columns, width);
    let is_chosen = |column: &&Column<C>| chosen.iter().any(|other| std::ptr::eq(*other, *column));
    columns.iter().filter(|column| !is_chosen(column)).collect()
}

/// Gives the columns what is enough mostly, as far as they need it, those that want least first.
/// Returns what is left.
fn fill<C>(widths: &mut [u16], columns: &[&Column<C>], needed: &[u16], mut spare: u16) -> u16 {
    let wants = columns.iter().zip(needed).map(|(column, needed)| column.widths[1].min(*needed));
    let mut order: Vec<(&mut u16, u16)> = widths.iter_mut().zip(wants).collect();
    order.sort_by_key(|(_, wanted)| *wanted);
    for (width, wanted) in order {
        let more = wanted.saturating_sub(*width).min(spare);
        *width += more;
        spare -= more;
    }
    spare
}

/// Gives out as much of `spare` as the columns can use, always to the one that lacks the
/// greatest part of what it wants. Returns what is left.
fn grow(widths: &mut [u16], wanted: &[u16], mut spare: u16) -> u16 {
    while spare > 0 {
        let lacking = widths.iter_mut().zip(wanted).filter(|(width, wanted)| **width < **wanted);
        let share = |width: u16, wanted: u16| u32::from(width) * 1_000 / u32::from(wanted);
        let next = lacking.min_by_key(|(width, wanted)| share(**width, **wanted));
        let Some((width, _)) = next else { return spare };
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

/// The columns that are shown for these rows; see [`fit`].
pub fn placed<'c, C: Copy>(
    columns: &[Column<C>],
    width: u16,
    rows: &[usize],
    cell: impl Fn(usize, C, u16) -> Cell<'c>,
) -> Vec<Placed<C>> {
    let need = |id, row: &usize| paint::width(&cell(*row, id, u16::MAX).text);
    fit(columns, width, |id| rows.iter().map(|row| need(id, row)).max().unwrap_or(0))
}

/// What a table shows.
pub struct Table<'a, C> {
    /// The columns that may be shown.
    pub columns: &'a [Column<C>],
    /// Rows in all.
    pub len: usize,
    /// The row that must be on screen, and its style.
    pub selected: Option<(usize, Style)>,
    /// Style of the header.
    pub heading: Style,
}

impl<C: Copy> Table<'_, C> {
    /// Draws the header and the lines that fit. `title` may dress a column's title, `line`
    /// tells what a line is, `cell` what stands in a row's cells in so many columns.
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
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let shown = scroll.show(body, self.len, self.selected.map(|(index, _)| index));
        let lines: Vec<(usize, Line<'c>)> = shown.map(|index| (index, line(index))).collect();
        let is_row = |line: &Line<'_>| matches!(line, Line::Row(_));
        let rows: Vec<usize> =
            lines.iter().filter(|(_, line)| is_row(line)).map(|(index, _)| *index).collect();
        for column in placed(self.columns, area.width, &rows, &cell) {
            write(buf, header, &column, &title(&column), self.heading);
            let texts = |index: &usize| cell(*index, column.id, column.width);
            let cut = if column.cut {
                let cells: Vec<Cell<'c>> = rows.iter().map(texts).collect();
                Some(Cut::of(cells.iter().map(|cell| &*cell.text), column.width))
            } else {
                None
            };
            for (on_screen, (index, line)) in lines.iter().enumerate() {
                let Line::Row(style) = line else { continue };
                let Cell { mut text, style: own } = texts(index);
                if let Some(cut) = cut {
                    text = cut.apply(text.into_owned(), column.width).into();
                }
                write(buf, paint::line(body, on_screen), &column, &text, style.patch(own));
            }
        }
        for (on_screen, (index, line)) in lines.into_iter().enumerate() {
            let place = paint::line(body, on_screen);
            if let Line::Whole(pieces) = line {
                paint::spans(buf, place, pieces);
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
        Column { id, title: "X", widths, right: false, rank, extra: rank > 2, cut: false }
    }

    const COLUMNS: [Column<char>; 4] = [
        column('a', [4, 4, 4, 4], 0),
        column('b', [5, 7, 20, 40], 1),
        column('c', [3, 3, 3, 3], 2),
        column('d', [4, 4, 8, 8], 3),
    ];

    fn widths(width: u16, needs: impl Fn(char) -> u16) -> Vec<(char, u16, u16)> {
        fit(&COLUMNS, width, needs).into_iter().map(|p| (p.id, p.x, p.width)).collect()
    }

    #[test]
    fn columns_share_the_width_and_the_least_important_gives_way() {
        let all = |_| 40;
        assert_eq!(widths(14, all), [('a', 0, 4), ('b', 5, 5), ('c', 11, 3)]);
        assert_eq!(widths(18, all), [('a', 0, 4), ('b', 5, 9), ('c', 15, 3)]);
        assert_eq!(widths(13, all), [('a', 0, 4), ('b', 5, 8)]);
        assert_eq!(widths(2, all), [('a', 0, 4)]);
    }

    #[test]
    fn an_extra_column_comes_only_where_the_others_have_enough() {
        let all = |_| 40;
        assert_eq!(widths(20, all), [('a', 0, 4), ('b', 5, 11), ('c', 17, 3)]);
        assert_eq!(widths(21, all), [('a', 0, 4), ('b', 5, 7), ('c', 13, 3), ('d', 17, 4)]);
        assert_eq!(widths(100, all), [('a', 0, 4), ('b', 5, 40), ('c', 46, 3), ('d', 50, 8)]);
    }

    #[test]
    fn what_finds_no_room_can_be_told() {
        let left = |width| left_out(&COLUMNS, width).iter().map(|c| c.id).collect::<String>();
        assert_eq!([left(100), left(20), left(13), left(2)], ["", "d", "cd", "bcd"]);
    }

    #[test]
    fn nothing_is_cut_while_another_column_has_blanks() {
        // d wants all it can get, b needs little: at 25 there are blanks enough for d.
        let needs = |id| if id == 'b' { 2 } else { 40 };
        assert_eq!(widths(25, needs), [('a', 0, 4), ('b', 5, 7), ('c', 13, 3), ('d', 17, 8)]);
        assert_eq!(widths(22, needs), [('a', 0, 4), ('b', 5, 4), ('c', 10, 3), ('d', 14, 8)]);
    }

    #[test]
    fn a_short_text_is_whole_before_a_long_one_shares_the_rest() {
        let columns = [column('a', [5, 9, 20, 40], 0), column('b', [5, 9, 20, 40], 1)];
        let needs = |id| if id == 'a' { 6 } else { 40 };
        let widths =
            |width| fit(&columns, width, needs).iter().map(|p| p.width).collect::<Vec<_>>();
        assert_eq!([widths(12), widths(16), widths(30)], [[6, 5], [6, 9], [6, 23]]);
    }

    #[test]
    fn only_visible_rows_are_asked_for() {
        let asked = std::cell::RefCell::new(Vec::new());
        let area = Rect::new(0, 0, 20, 4);
        let mut scroll = Scroll::default();
        let table = Table {
            columns: &COLUMNS,
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
