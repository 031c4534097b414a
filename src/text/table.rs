//! Aligned columns for a plain terminal or a pipe.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

/// A table that is measured once and written in one pass. No decoration: the header and
/// the cells, two spaces apart, the last column unpadded.
#[derive(Debug)]
pub struct Table {
    header: Vec<Column>,
    cells: Vec<String>,
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
        Self { header, cells: Vec::new() }
    }

    /// Adds a row of exactly as many cells as there are columns; text from outside must
    /// have been cleaned.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        let before = self.cells.len();
        self.cells.extend(row);
        debug_assert_eq!(self.cells.len() - before, self.header.len());
    }

    /// Whether no row was added.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Writes header and rows.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let widths = self.widths();
        let titles: Vec<String> =
            self.header.iter().map(|column| column.title.to_owned()).collect();
        self.write_row(&titles, &widths, out)?;
        for row in self.cells.chunks(self.header.len().max(1)) {
            self.write_row(row, &widths, out)?;
        }
        Ok(())
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> =
            self.header.iter().map(|column| column.title.width()).collect();
        for row in self.cells.chunks(self.header.len().max(1)) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        widths
    }

    fn write_row(&self, row: &[String], widths: &[usize], out: &mut impl Write) -> io::Result<()> {
        for (index, (cell, column)) in row.iter().zip(&self.header).enumerate() {
            let last = index + 1 == row.len();
            let gap = widths[index] - cell.width();
            if column.right {
                write!(out, "{:gap$}{cell}", "")?;
            } else if last {
                write!(out, "{cell}")?;
            } else {
                write!(out, "{cell}{:gap$}", "")?;
            }
            if !last {
                write!(out, "  ")?;
            }
        }
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_display_width() {
        let mut table =
            Table::new(vec![Column::left("NAME"), Column::right("N"), Column::left("X")]);
        table.push(["日本".into(), "1".into(), "a".into()]);
        table.push(["longer".into(), "123".into(), "b".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "NAME      N  X\n日本      1  a\nlonger  123  b\n");
    }
}
