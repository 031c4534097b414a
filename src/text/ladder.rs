//! A flow's life drawn between its two ends.

use std::net::SocketAddr;

use super::{clean, units};
use crate::model::ladder::{Ladder, Step};
use crate::model::packets::FlowEnd;

/// Cells of a line before the first end.
const MARGIN: usize = 16;

/// The lines of a ladder that is so many cells wide.
pub fn lines(ladder: &Ladder, width: usize) -> String {
    let (first, second) = (end(ladder.first), end(ladder.second));
    let mut text = format!("{} {first} - {second}\n", clean(&ladder.protocol));
    for step in &ladder.steps {
        text += &line(step, width);
    }
    if ladder.left_out > 0 {
        text += &format!("{:>14}  … {} more packets\n", "", units::count(ladder.left_out));
    }
    text
}

fn end(end: FlowEnd) -> String {
    match end.port {
        0 => end.addr.to_string(),
        port => SocketAddr::new(end.addr, port).to_string(),
    }
}

fn line(step: &Step, width: usize) -> String {
    let at = step.offset_ns.map_or(units::UNKNOWN.to_owned(), |ns| {
        format!("{}.{:03} ms", ns / 1_000_000, (ns / 1_000 % 1_000).abs())
    });
    let mut what = clean(&step.text).into_owned();
    if step.text == "data" || step.packets > 1 {
        let packets = if step.packets == 1 { "packet" } else { "packets" };
        what +=
            &format!(", {} {packets}, {}", units::count(step.packets), units::bytes(step.payload));
    }
    if step.again > 0 {
        what += &format!(" ({} sent again)", units::count(step.again));
    }
    let between = width.saturating_sub(MARGIN + 2);
    let room = between.saturating_sub(what.chars().count() + 4);
    let rail = "-".repeat(room.max(1));
    if step.from_first {
        format!("{at:>14}  |- {what} {rail}>|\n")
    } else {
        format!("{at:>14}  |<{rail} {what} -|\n")
    }
}
