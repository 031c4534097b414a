//! The dialogs, drawn over the panes.

mod close;
mod columns;
mod kill;
mod lines;
mod picker;
mod why;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{chrome, is_danger};
use crate::query;
use crate::text::clean;
use crate::tui::app::App;
use crate::tui::dialog::Dialog;
use crate::tui::dialog::filters::FilterList;
use crate::tui::dialog::palette::Palette;
use crate::tui::geometry::{centred, inside};
use crate::tui::keymap::{self, Binding};
use crate::tui::pane::PaneId;
use crate::tui::panes::ports;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint;
use picker::Picker;

/// Widest that a dialog gets: longer lines are hard to read.
const WIDTH: u16 = 84;

/// A line of a dialog, in pieces.
pub(super) type Line = Vec<(String, Style)>;

/// A dialog at its present stage.
pub(super) struct Content {
    title: String,
    lines: Vec<Line>,
    keys: &'static str,
    /// The line of what is chosen.
    chosen: Option<usize>,
}

impl Content {
    fn plain(title: &str, lines: Vec<Line>, keys: &'static str) -> Self {
        Self { title: title.to_owned(), lines, keys, chosen: None }
    }
}

/// Draws the open dialog; returns where the cursor belongs.
pub(super) fn draw(app: &mut App, screen: Rect, buf: &mut Buffer) -> Option<Position> {
    let width = WIDTH.min(screen.width.saturating_sub(4));
    let columns = width.saturating_sub(4);
    let theme = app.theme;
    let dialog = app.dialog.as_ref()?;
    let picker = match dialog {
        Dialog::Palette(palette) => Some(palette_picker(palette)),
        Dialog::Filters(list) => Some(filter_picker(list)),
        _ => None,
    };
    if let Some(picker) = picker {
        return Some(picker.draw(screen, width, &theme, buf));
    }
    let now = app.world.now.at;
    let Content { title, lines, keys, chosen } = match dialog {
        Dialog::Help(pane) => Content::plain("Keys", help(*pane, &theme), "Esc close"),
        Dialog::Details => Content::plain("Details", details(app, columns, &theme), "Esc close"),
        Dialog::ActionLog => Content::plain("Actions", log(app, columns, &theme), "Esc close"),
        Dialog::Quit => Content::plain("Quit?", quit(&theme), "Enter quit anyway   Esc stay"),
        Dialog::Kill(dialog) => kill::content(dialog, app.world.now, columns, &theme),
        Dialog::Close(dialog) => close::content(dialog, now, columns, &theme),
        Dialog::Why(dialog) => why::content(dialog, columns, &theme),
        Dialog::Columns(dialog) => columns::content(dialog, &theme),
        Dialog::Palette(_) | Dialog::Filters(_) => return None,
    };
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).max(4);
    let frame = centred(screen, width, height.min(screen.height.saturating_sub(2)));
    let style = if is_danger(dialog) { theme.danger } else { theme.accent };
    window(buf, frame, &title, keys, style, &theme);
    let area = padded(frame);
    let chosen = chosen.filter(|_| app.dialog_follow);
    let shown = app.dialog_scroll.show(area, lines.len(), chosen);
    if shown.end < lines.len() {
        let room = chrome::title_room(paint::line(frame, usize::from(frame.height) - 1));
        let has_room = paint::width(keys) + paint::width("   ↓ more ") <= room.width;
        paint::left(buf, room, if has_room { " ↓ more " } else { "↓" }, theme.accent);
    }
    for (on_screen, index) in shown.enumerate() {
        let pieces = lines[index].iter().map(|(text, style)| (text.as_str().into(), *style));
        paint::spans(buf, paint::line(area, on_screen), pieces);
    }
    None
}

/// An empty window with its title above and its keys below.
fn window(buf: &mut Buffer, frame: Rect, title: &str, hints: &str, style: Style, theme: &Theme) {
    for y in frame.top()..frame.bottom() {
        for x in frame.left()..frame.right() {
            buf[(x, y)].reset();
        }
    }
    chrome::border(buf, frame, style);
    let top = chrome::title_room(paint::line(frame, 0));
    paint::left(buf, top, &format!(" {} ", clean(title)), style);
    let bottom =
        chrome::title_room(paint::line(frame, usize::from(frame.height).saturating_sub(1)));
    paint::right(buf, bottom, &format!(" {hints} "), theme.text);
}

fn padded(frame: Rect) -> Rect {
    let area = inside(frame);
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn palette_picker(palette: &Palette) -> Picker<'_> {
    let line = |binding: &&'static Binding| (binding.about.into(), keys(binding));
    Picker {
        title: "Palette",
        keys: "Enter run   Esc close",
        sign: ":",
        field: &palette.field,
        lines: palette.matches.iter().map(line).collect(),
        chosen: palette.chosen,
        empty: "  no command is called so",
    }
}

fn filter_picker(list: &FilterList) -> Picker<'_> {
    let line = |choice| (clean(&list.text(choice)).into_owned().into(), String::new());
    Picker {
        title: "Saved filters",
        keys: "Enter take it   Esc close",
        sign: "@",
        field: &list.field,
        lines: list.choices.iter().map(line).collect(),
        chosen: list.chosen,
        empty: list.hint(),
    }
}

fn keys(binding: &Binding) -> String {
    binding.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn help(pane: PaneId, theme: &Theme) -> Vec<Line> {
    let mut lines = Vec::new();
    for (section, bindings) in keymap::help(pane) {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.push(vec![(section.to_owned(), theme.heading)]);
        for binding in bindings.iter().filter(|binding| !binding.keys.is_empty()) {
            lines.push(vec![
                (format!("  {:<12}", keys(binding)), theme.accent),
                (binding.about.to_owned(), theme.text),
            ]);
        }
    }
    if pane == PaneId::Ports {
        lines.push(Vec::new());
        lines.push(vec![("Signs".to_owned(), theme.heading)]);
        let sign = |(sign, about): &(&str, &str)| {
            vec![(format!("  {sign:<12}"), theme.accent), ((*about).to_owned(), theme.text)]
        };
        lines.extend(keymap::SIGNS.iter().map(sign));
        lines.push(Vec::new());
        lines.push(vec![("Filter".to_owned(), theme.heading)]);
        lines.extend(query::help_text().lines().map(|line| vec![(line.to_owned(), theme.text)]));
    }
    lines
}

fn details(app: &App, columns: u16, theme: &Theme) -> Vec<Line> {
    let Some(selection) = &app.world.selection else {
        return vec![vec![("No row is selected.".to_owned(), theme.dim)]];
    };
    let table = app.world.ports.value();
    let listen = table.and_then(|table| table.listen_in(selection.row.key.netns));
    let mut lines = Vec::new();
    for (name, value) in ports::details(selection, listen, &app.world) {
        for (index, part) in paint::wrap(&value, columns.saturating_sub(12)).into_iter().enumerate()
        {
            let name = if index == 0 { name } else { "" };
            lines.push(vec![(format!("{name:<12}"), theme.heading), (part, theme.text)]);
        }
    }
    lines
}

fn log(app: &App, columns: u16, theme: &Theme) -> Vec<Line> {
    if app.log.entries.is_empty() {
        return vec![vec![("Nothing was done to this system yet.".to_owned(), theme.dim)]];
    }
    let mut lines = Vec::new();
    for entry in app.log.entries.iter().rev() {
        let at = entry.at.to_zoned(app.world.timezone.clone()).strftime("%H:%M:%S").to_string();
        let (sign, style) = if entry.ok { ("✓", theme.fresh) } else { ("✗", theme.danger) };
        for (index, part) in
            paint::wrap(&clean(&entry.text), columns.saturating_sub(11)).into_iter().enumerate()
        {
            let lead = if index == 0 { format!("{at} {sign} ") } else { " ".repeat(11) };
            lines.push(vec![(lead, style), (part, theme.text)]);
        }
        if let Some(command) = &entry.command {
            // Whole, however long: a command line that is cut does something else.
            for (index, part) in
                paint::wrap(&clean(command), columns.saturating_sub(13)).into_iter().enumerate()
            {
                let lead = if index == 0 { "           $ " } else { "             " };
                lines.push(vec![(format!("{lead}{part}"), theme.dim)]);
            }
        }
    }
    if app.log.forgotten > 0 {
        lines.push(vec![(format!("{} earlier ones are forgotten", app.log.forgotten), theme.dim)]);
    }
    lines
}

fn quit(theme: &Theme) -> Vec<Line> {
    vec![
        vec![("An action is still running. It may be left half done.".to_owned(), theme.text)],
        vec![("Its outcome would be known to nobody.".to_owned(), theme.text)],
    ]
}
