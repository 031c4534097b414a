//! Aligned columns for a plain terminal or a pipe.

use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

/// A table that is measured as it is filled and written in one pass. No decoration: the
/// header and the cells, two spaces apart, the last column unpadded. All cells share one
/// string, so that a long table costs no allocation a cell.
#[derive(Debug)]
pub struct Table {
    header: Vec<Column>,
    text: String,
    /// For each cell where it ends in `text`, and its width on screen.
    cells: Vec<(usize, usize)>,
    widths: Vec<usize>,
}

/// A column's head and side.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What stands above it.
    pub title: &'static str,
    /// Whether numbers line up at the right.
    pub right: bool,
}

impl Column {
    /// A column of words.
    pub const fn left(title: &'static str) -> Self {
        Self { title, right: false }
    }

    /// A column of numbers.
    pub const fn right(title: &'static str) -> Self {
        Self { title, right: true }
    }
}

impl Table {
    /// An empty table.
    pub fn new(header: Vec<Column>) -> Self {
        let widths = header.iter().map(|column| width(column.title)).collect();
        Self { header, text: String::new(), cells: Vec::new(), widths }
    }

    /// Adds a row of exactly as many cells as there are columns; text from outside must
    /// have been cleaned.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        let before = self.cells.len();
        for cell in row {
            self.push_cell(cell);
        }
        debug_assert_eq!(self.cells.len() - before, self.header.len());
    }

    /// Adds the next cell of the current row, or the first one of a new row.
    pub fn push_cell(&mut self, cell: impl Display) {
        let start = self.text.len();
        // Writing to a string cannot fail; a Display that fails has written what it could.
        let _ = write!(self.text, "{cell}");
        let cell_width = width(&self.text[start..]);
        let column = self.cells.len() % self.widths.len().max(1);
        if let Some(widest) = self.widths.get_mut(column) {
            *widest = cell_width.max(*widest);
        }
        self.cells.push((self.text.len(), cell_width));
    }

    /// Whether no row was added.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Writes header and rows.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_header(out)?;
        self.write_rows(out)
    }

    /// Writes the header.
    pub fn write_header(&self, out: &mut impl Write) -> io::Result<()> {
        let titles = self.header.iter().map(|column| (column.title, width(column.title)));
        self.write_row(titles, out)
    }

    /// Writes the rows.
    pub fn write_rows(&self, out: &mut impl Write) -> io::Result<()> {
        let mut start = 0;
        for row in self.cells.chunks(self.header.len().max(1)) {
            let cells = row.iter().map(|&(end, width)| {
                let cell = &self.text[start..end];
                start = end;
                (cell, width)
            });
            self.write_row(cells, out)?;
        }
        Ok(())
    }

    fn write_row<'a>(
        &self,
        row: impl Iterator<Item = (&'a str, usize)>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let last = self.header.len().saturating_sub(1);
        for (index, (cell, width)) in row.enumerate() {
            let gap = self.widths[index] - width;
            if self.header[index].right {
                pad(gap, out)?;
                out.write_all(cell.as_bytes())?;
            } else {
                out.write_all(cell.as_bytes())?;
                pad(if index == last { 0 } else { gap }, out)?;
            }
            if index != last {
                out.write_all(b"  ")?;
            }
        }
        out.write_all(b"\n")
    }
}

fn pad(count: usize, out: &mut impl Write) -> io::Result<()> {
    const SPACES: [u8; 64] = [b' '; 64];
    let mut left = count;
    while left > 0 {
        let now = left.min(SPACES.len());
        out.write_all(&SPACES[..now])?;
        left -= now;
    }
    Ok(())
}

/// Columns on screen. Cleaned text has no control characters, so ASCII is one each.
fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_display_width() {
        let mut table =
            Table::new(vec![Column::left("NAME"), Column::right("N"), Column::left("X")]);
        table.push(["日本".into(), "1".into(), "a".into()]);
        table.push_cell("longer");
        table.push_cell(123);
        table.push_cell('b');
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "NAME      N  X\n日本      1  a\nlonger  123  b\n");
    }
}
