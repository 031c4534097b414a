//! The first line: where, how much, how fast, and what cannot be seen.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::model::ephemeral::Fullest;
use crate::text::{clean, units};
use crate::tui::app::App;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint;
use crate::tui::world::World;

/// The period that users expect; a longer one is shown.
const ORDINARY_PERIOD: Duration = Duration::from_millis(2_000);

/// A piece of the header. Those of a higher rank give way first when the terminal is narrow.
struct Piece {
    text: String,
    style: Style,
    rank: u8,
}

/// Draws the header.
pub(super) fn draw(app: &App, line: Rect, buf: &mut Buffer) {
    let theme = &app.theme;
    let clock = clock(&app.world);
    let mut pieces = pieces(&app.world, theme);
    let room = line.width.saturating_sub(paint::width(&clock) + 2);
    while pieces.len() > 1 && total(&pieces) > room {
        let least = pieces.iter().enumerate().max_by_key(|(_, piece)| piece.rank);
        let Some((index, _)) = least else { break };
        pieces.remove(index);
    }
    let mut spans = vec![(" sockpit  ".into(), theme.accent)];
    for (index, piece) in pieces.into_iter().enumerate() {
        if index > 0 {
            spans.push((" ─ ".into(), theme.dim));
        }
        spans.push((piece.text.into(), piece.style));
    }
    paint::spans(buf, line, spans);
    paint::right(buf, line, &format!("{clock} "), theme.dim);
}

fn total(pieces: &[Piece]) -> u16 {
    10 + pieces.iter().map(|piece| paint::width(&piece.text) + 3).sum::<u16>()
}

fn pieces(world: &World, theme: &Theme) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut add = |rank, style, text: Option<String>| {
        pieces.extend(text.map(|text| Piece { text, style, rank }));
    };
    if world.is_frozen() {
        add(0, theme.warning, Some("FROZEN".to_owned()));
    }
    let table = world.ports.value();
    add(2, theme.heading, table.map(|table| clean(&table.host).into_owned()));
    add(1, theme.text, world.shown.map(|shown| plural(shown.sockets, "socket")));
    add(4, theme.text, world.shown.map(|shown| plural(shown.listeners, "listener")));
    let findings = world.shown.map(|shown| shown.findings).filter(|findings| *findings > 0);
    add(2, theme.warning, findings.map(|findings| plural(findings, "finding")));
    let turned_away = |per_s: f64| format!("listeners turn away {}/s!", rate(per_s));
    let nearly_full = |fullest: Fullest| {
        format!("outgoing ports to {} {} % used!", fullest.remote, fullest.percent)
    };
    add(1, theme.danger, table.and_then(|table| table.fullest).map(nearly_full));
    add(1, theme.danger, world.turned_away().map(turned_away));
    add(
        5,
        theme.text,
        world.traffic().map(|(sent, received)| {
            format!("▲ {} ▼ {}", units::bytes_per_second(sent), units::bytes_per_second(received))
        }),
    );
    let (capture, style) = capture(world, theme);
    add(6, style, capture);
    let privileged = table.map(|table| table.privileged);
    add(
        3,
        theme.text,
        privileged.map(|privileged| {
            if privileged { "rights: full" } else { "rights: partial (D)" }.to_owned()
        }),
    );
    let period = world.ports.sample.period;
    let stretched = period > ORDINARY_PERIOD;
    add(7, theme.warning, stretched.then(|| format!("every {:.1} s", period.as_secs_f64())));
    pieces
}

/// `0.5`, `12`: whole numbers where that is exact enough.
fn rate(per_s: f64) -> String {
    if per_s < 10.0 { format!("{per_s:.1}") } else { units::count(per_s.round() as u64) }
}

fn plural(number: usize, what: &str) -> String {
    let count = units::count(u64::try_from(number).unwrap_or(u64::MAX));
    format!("{count} {what}{}", if number == 1 { "" } else { "s" })
}

/// `capture eth0 ● 18,204 pkt, 0 lost`.
fn capture(world: &World, theme: &Theme) -> (Option<String>, Style) {
    let sample = &world.packets.sample;
    let Some(counts) = world.packets.value() else {
        let text = sample.troubles().next().map(|_| "no capture".to_owned());
        return (text, theme.warning);
    };
    let sign = if sample.paused { "paused" } else { "●" };
    let losses = &counts.losses;
    let lost = match (losses.kernel, losses.ring) {
        (None, None) => units::UNKNOWN.to_owned(),
        (kernel, ring) => units::count(kernel.unwrap_or(0) + ring.unwrap_or(0)),
    };
    let gap = losses.gap_ms.filter(|ms| *ms >= 1_000).map(Duration::from_millis);
    let gap = gap.map_or(String::new(), |gap| format!(", {} gap", units::duration(gap)));
    let style = if lost == "0" && gap.is_empty() { theme.text } else { theme.warning };
    let source = clean(&counts.source);
    let packets = units::count(counts.total.packets);
    (Some(format!("capture {source} {sign} {packets} pkt, {lost} lost{gap}")), style)
}

/// The moment that the table on screen was read.
fn clock(world: &World) -> String {
    let at = match world.ports.value() {
        Some(_) => world.ports.sample.taken_at,
        None => world.now.wall,
    };
    at.to_zoned(world.timezone.clone()).strftime("%H:%M:%S").to_string()
}
