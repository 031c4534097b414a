//! Ports on screen.

use std::borrow::Cow;

use super::columns::{self, Col, RowContext};
use super::header;
use super::{Ports, placed};
use crate::text::{clean, units};
use crate::tui::arrange::{Arranged, Line, RowView, Sort};
use crate::tui::pane::Canvas;
use crate::tui::widgets::message;
use crate::tui::widgets::table::{self, Table};
use crate::tui::world::World;

/// What Ports is about right now.
pub(super) fn subject(ports: &Ports, world: &World) -> String {
    let mut parts = Vec::new();
    if world.all_netns {
        parts.push("all network namespaces".to_owned());
    }
    if !world.marks.is_empty() {
        parts.push(format!("{} marked", world.marks.len()));
    }
    if let Some(group) = ports.group {
        parts.push(format!("by {}", group.name()));
    }
    if let Some(listing) = &ports.listing {
        let arranged = listing.arranged();
        if !ports.filter.text.trim().is_empty() {
            parts.push(format!("/{}", clean(ports.filter.text.trim())));
            parts.push(format!("{} of {}", arranged.matched, arranged.total()));
        }
        if arranged.left_out > 0 {
            parts.push(format!("u: {} local hidden", units::count(arranged.left_out as u64)));
        }
        if arranged.undecided > 0 {
            parts.push(format!("{} undecided", arranged.undecided));
        }
    }
    if world.ports.sample.stale {
        parts.push("stale".to_owned());
    }
    parts.join(" ─ ")
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
    let context = |index: usize, view: RowView<'_>| RowContext {
        now: world.now.wall,
        names: world.names,
        hosts: world.names.then_some(&world.hosts),
        selected: ports.cursor == Some(index),
        marked: world.marks.contains(&view.row.key),
        unverified: is_unverified(view, world),
        theme,
    };
    let line = |index| listing.line(index).expect("the table asks only for lines that exist");
    let placed = placed(world, area.width);
    let selection = if focused { theme.selection } else { theme.resting };
    let table = Table {
        columns: &placed,
        len: listing.len(),
        selected: ports.cursor.map(|cursor| (cursor, selection)),
        heading: theme.heading,
    };
    table.draw(
        buf,
        area,
        scroll,
        |column| title(ports, column.id, column.title),
        |index| match line(index) {
            Line::Row(view) => table::Line::Row(columns::row_style(view, theme)),
            Line::Header(group) => {
                let selected = ports.cursor == Some(index);
                let pieces = header::line(group, &ports.folds, selected, world.names, theme);
                table::Line::Whole(pieces)
            }
        },
        |index, col, width| match line(index) {
            Line::Row(view) => columns::cell(view, col, width, &context(index, view)),
            Line::Header(_) => table::Cell::plain(""),
        },
    );
}

fn title(ports: &Ports, col: Col, title: &'static str) -> Cow<'static, str> {
    if col != Col::Of(ports.sort.by) || ports.sort == Sort::default() {
        return title.into();
    }
    format!("{title}{}", if ports.sort.reverse { '▼' } else { '▲' }).into()
}

fn empty_text(ports: &Ports, arranged: &Arranged) -> String {
    match (arranged.total(), ports.filter.text.trim()) {
        (0, _) => "No sockets here.".to_owned(),
        (_, "") if arranged.left_out > 0 => {
            "UNIX and netlink sockets alone: u shows them.".to_owned()
        }
        (total, "") => format!("None of {total} sockets can be shown."),
        (total, text) => format!("None of {total} sockets matches {}", clean(text)),
    }
}

/// Whether a live row names an owner that may hold it no more.
fn is_unverified(view: RowView<'_>, world: &World) -> bool {
    let table = world.ports.value().filter(|_| view.ended_at.is_none());
    table.is_some_and(|table| table.owners_as_of(&view.row.socket).is_some())
}
