//! A terminal's screen as an SVG picture.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// The size of a cell, in the picture's units; about that of a monospaced font at [`FONT_SIZE`].
const CELL: (f32, f32) = (8.4, 18.0);
const FONT_SIZE: f32 = 14.0;
/// Where a line of text stands in its row of cells.
const BASELINE: f32 = 13.5;
const MARGIN: f32 = 12.0;

/// The two colours of a terminal that no program has set.
pub(crate) struct Ground {
    pub(crate) text: &'static str,
    pub(crate) background: &'static str,
}

/// How a run of cells looks.
#[derive(PartialEq, Eq)]
struct Style {
    text: String,
    background: Option<String>,
    bold: bool,
    underlined: bool,
}

/// Cells side by side that look alike.
struct Run {
    column: u16,
    cells: u16,
    text: String,
    style: Style,
}

/// Draws the screen. `title` is what a reader is told who does not see the picture.
pub(crate) fn draw(screen: &Screen, ground: &Ground, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (f32::from(columns) * CELL.0, f32::from(rows) * CELL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.1} {:.1}\" role=\"img\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"{FONT_SIZE}\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\" xml:space=\"preserve\">\n",
        width + 2.0 * MARGIN,
        height + 2.0 * MARGIN,
        escape(title),
        ground.background,
    );
    for row in 0..rows {
        for run in runs(screen, row, columns, ground) {
            draw_run(&mut svg, &run, f32::from(row) * CELL.1);
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn runs(screen: &Screen, row: u16, columns: u16, ground: &Ground) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let cell = screen.cell(row, column).expect("the cell is on the screen");
        let style = style(cell, ground);
        let contents = if cell.has_contents() { cell.contents() } else { " " };
        match runs.last_mut() {
            Some(run) if run.style == style => {
                run.text.push_str(contents);
                run.cells += 1;
            }
            _ => runs.push(Run { column, cells: 1, text: contents.to_owned(), style }),
        }
    }
    runs
}

fn style(cell: &Cell, ground: &Ground) -> Style {
    let text = colour(cell.fgcolor());
    let background = colour(cell.bgcolor());
    let (text, background) = if cell.inverse() {
        (
            background.unwrap_or_else(|| ground.background.to_owned()),
            Some(text.unwrap_or_else(|| ground.text.to_owned())),
        )
    } else {
        (text.unwrap_or_else(|| ground.text.to_owned()), background)
    };
    Style { text, background, bold: cell.bold(), underlined: cell.underline() }
}

fn draw_run(svg: &mut String, run: &Run, top: f32) {
    let left = f32::from(run.column) * CELL.0;
    let width = f32::from(run.cells) * CELL.0;
    if let Some(background) = &run.style.background {
        writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" \
             fill=\"{background}\"/>",
            CELL.1
        )
        .unwrap();
    }
    if run.text.trim().is_empty() {
        return;
    }
    let weight = if run.style.bold { " font-weight=\"bold\"" } else { "" };
    let line = if run.style.underlined { " text-decoration=\"underline\"" } else { "" };
    // The length keeps the columns in line whatever font the reader has.
    writeln!(
        svg,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" fill=\"{}\"{weight}{line}>{}\
         </text>",
        top + BASELINE,
        run.style.text,
        escape(&run.text)
    )
    .unwrap();
}

/// A colour as SVG names it; `None` for the terminal's own.
fn colour(colour: Color) -> Option<String> {
    let (red, green, blue) = match colour {
        Color::Default => return None,
        Color::Rgb(red, green, blue) => (red, green, blue),
        Color::Idx(index) => indexed(index),
    };
    Some(format!("#{red:02x}{green:02x}{blue:02x}"))
}

/// A colour of xterm's table of 256.
fn indexed(index: u8) -> (u8, u8, u8) {
    const FIRST_16: [(u8, u8, u8); 16] = [
        (0, 0, 0),
        (205, 0, 0),
        (0, 205, 0),
        (205, 205, 0),
        (0, 0, 238),
        (205, 0, 205),
        (0, 205, 205),
        (229, 229, 229),
        (127, 127, 127),
        (255, 0, 0),
        (0, 255, 0),
        (255, 255, 0),
        (92, 92, 255),
        (255, 0, 255),
        (0, 255, 255),
        (255, 255, 255),
    ];
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match index {
        0..16 => FIRST_16[usize::from(index)],
        16..232 => {
            let index = index - 16;
            (level(index / 36), level(index / 6 % 6), level(index % 6))
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
