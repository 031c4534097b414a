//! Ports on screen.

use std::borrow::Cow;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::{self, Col, RowContext};
use super::header;
use super::state::Ports;
use crate::text::{clean, units};
use crate::tui::arrange::{Arranged, Line, RowView, Sort};
use crate::tui::pane::Canvas;
use crate::tui::theme::Theme;
use crate::tui::widgets::message;
use crate::tui::widgets::paint;
use crate::tui::widgets::scroll::Scroll;
use crate::tui::widgets::table::{self, Table};
use crate::tui::world::World;

/// What Ports is about right now.
pub(super) fn subject(ports: &Ports, world: &World, width: u16) -> String {
    let mut parts = Vec::new();
    if world.all_netns {
        parts.push("all network namespaces".to_owned());
    }
    if !world.marks.is_empty() {
        parts.push(format!("{} marked", world.marks.len()));
    }
    if ports.sort == (Sort { by: None, reverse: true }) {
        parts.push("reversed".to_owned());
    }
    if !world.bell.is_empty() {
        parts.push(format!("♪ {}", world.bell.len()));
    }
    if let Some(group) = ports.group {
        parts.push(format!("by {}", group.name()));
    }
    if ports.successor.is_some() {
        parts.push("the port is held again: Enter follows".to_owned());
    }
    if let Some(listing) = &ports.listing {
        let arranged = listing.arranged();
        if ports.beside > 0 {
            parts.push(format!("and {}", flows(ports.beside)));
        }
        if !ports.filter.text.trim().is_empty() {
            parts.push(format!("/{}", clean(ports.filter.text.trim())));
            parts.push(format!(
                "{} of {}",
                units::count(arranged.matched as u64),
                units::count(arranged.shown.sockets as u64)
            ));
        }
        if arranged.left_out > 0 {
            parts.push(format!("u: {} local hidden", units::count(arranged.left_out as u64)));
        }
        if arranged.undecided > 0 {
            parts.push(format!("{} undecided", arranged.undecided));
        }
    }
    if let Some(left) = left_out(world, width) {
        parts.push(left);
    }
    if world.ports.sample.stale {
        parts.push("stale".to_owned());
    }
    parts.join(" ─ ")
}

/// Columns that are on and find no room: `no room for RTT, AGE`.
fn left_out(world: &World, width: u16) -> Option<String> {
    const NAMED: usize = 3;
    let columns = columns::table(world.columns.as_deref(), world.shows_namespaces());
    let left: Vec<&str> = table::left_out(&columns, width).iter().map(|left| left.title).collect();
    match left.len() {
        0 => None,
        1..=NAMED => Some(format!("no room for {}", left.join(", "))),
        more => Some(format!("no room for {more} columns")),
    }
}

/// Draws the inside.
pub(super) fn draw(ports: &Ports, world: &World, canvas: Canvas<'_>) {
    let Canvas { buf, area, scroll, theme, focused, cursor } = canvas;
    let area = ports.filter.draw(buf, area, theme, cursor);
    let sample = &world.ports.sample;
    let Some(listing) = &ports.listing else {
        return message::no_value(buf, area, theme, sample, "Reading this machine's sockets …");
    };
    let area = message::troubles(buf, area, theme, sample);
    if listing.is_empty() {
        let text = empty_text(ports, listing.arranged());
        return message::centred(buf, area, &[(text, theme.dim)]);
    }
    let columns = columns::table(world.columns.as_deref(), world.shows_namespaces());
    let line = |index| listing.line(index).expect("the table asks only for lines that exist");
    let selection = if focused { theme.selection } else { theme.resting };
    let table = Table {
        columns: &columns,
        len: listing.len(),
        selected: ports.cursor.map(|cursor| (cursor, selection)),
        heading: theme.heading,
    };
    // The first line will be taken by the header of its group.
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let first = scroll.show(body, listing.len(), ports.cursor).start;
    if ports.cursor == Some(first) && sticky(ports, first).is_some() {
        scroll.offset -= 1;
    }
    let header = |group, selected| header::line(group, &ports.folds, selected, theme);
    table.draw(
        buf,
        area,
        scroll,
        |column| title(ports, column),
        |index| match line(index) {
            Line::Row(view) => table::Line::Row(columns::row_style(view, theme)),
            Line::Header(group) => table::Line::Whole(header(group, ports.cursor == Some(index))),
        },
        |index, col, width| cell(ports, world, theme, index, col, width),
    );
    if let Some(above) = sticky(ports, scroll.offset)
        && let Line::Header(group) = line(above)
    {
        let place = paint::line(body, 0);
        buf.set_style(place, Style::reset());
        paint::left(buf, place, &" ".repeat(place.width.into()), theme.text);
        paint::spans(buf, place, header(group, false));
    }
}

/// The header that belongs above the first line on screen, where that is a row of its group: it
/// takes that line's place.
pub(super) fn sticky(ports: &Ports, first: usize) -> Option<usize> {
    let listing = ports.listing.as_ref()?;
    match listing.line(first)? {
        Line::Row(_) => listing.above(first),
        Line::Header(_) => None,
    }
}

fn cell<'a>(
    ports: &'a Ports,
    world: &World,
    theme: &Theme,
    index: usize,
    col: Col,
    width: u16,
) -> table::Cell<'a> {
    let Some(Line::Row(view)) = ports.listing.as_ref().and_then(|listing| listing.line(index))
    else {
        return table::Cell::plain("");
    };
    let context = RowContext {
        now: world.shown_at(),
        names: world.names,
        hosts: world.names.then_some(&world.hosts),
        selected: ports.cursor == Some(index),
        marked: world.marks.contains(&view.row.key),
        rings: world.bell.knows(&view.row.socket),
        unverified: is_unverified(view, world),
        theme,
    };
    columns::cell(view, col, width, &context)
}

/// The columns as they were drawn last.
pub(super) fn placed(ports: &Ports, world: &World, scroll: &Scroll) -> Vec<table::Placed<Col>> {
    let columns = columns::table(world.columns.as_deref(), world.shows_namespaces());
    let lines = scroll.offset..scroll.len.min(scroll.offset + scroll.page());
    let is_row = |index: &usize| {
        let line = ports.listing.as_ref().and_then(|listing| listing.line(*index));
        matches!(line, Some(Line::Row(_)))
    };
    let rows: Vec<usize> = lines.filter(is_row).collect();
    let theme = Theme::default();
    table::placed(&columns, scroll.body.width, &rows, |index, col, width| {
        cell(ports, world, &theme, index, col, width)
    })
}

fn title(ports: &Ports, column: &table::Placed<Col>) -> Cow<'static, str> {
    let title = column.title;
    if ports.sort.by.is_none_or(|by| column.id != Col::Of(by)) {
        return title.into();
    }
    // The arrow is worth more than the last letter.
    let room = usize::from(column.width.saturating_sub(1));
    let title = title.get(..room).unwrap_or(title);
    format!("{title}{}", if ports.sort.reverse { '▼' } else { '▲' }).into()
}

/// What the filter means and no row can show.
fn flows(count: usize) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} UDP flow{s} of sockets without a peer: 2 has them")
}

fn empty_text(ports: &Ports, arranged: &Arranged) -> String {
    match (arranged.total(), ports.filter.text.trim()) {
        (0, _) => "No sockets here. N shows those of other network namespaces.".to_owned(),
        (_, "") if arranged.left_out > 0 => {
            "UNIX and netlink sockets alone: u shows them.".to_owned()
        }
        (total, "") => format!("None of {total} sockets can be shown."),
        (total, text) => {
            let more = match ports.beside {
                0 => String::new(),
                count => format!(", but {}", flows(count)),
            };
            let text = clean(text);
            format!("None of {total} sockets matches {text}{more}. Esc clears the filter.")
        }
    }
}

/// Whether a live row names an owner that may hold it no more.
fn is_unverified(view: RowView<'_>, world: &World) -> bool {
    let table = world.ports.value().filter(|_| view.ended_at.is_none());
    table.is_some_and(|table| table.owners_as_of(&view.row.socket).is_some())
}
