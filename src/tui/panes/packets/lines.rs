//! The lines of Packets: totals, lists, losses.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::model::packets::{Count, Flow, FlowFocus, PacketCounts};
use crate::model::problem::problems as problems_of;
use crate::model::sample::Sample;
use crate::model::socket::Socket;
use crate::text::{clean, problem, units};
use crate::tui::label;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{self, Line};
use crate::tui::widgets::scroll::Scroll;
use crate::tui::world::World;

/// TCP's RST and FIN bits (RFC 9293, 3.1).
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;

/// From here on a gap in the capture is no mere change of its ring.
const NOTICED_GAP_MS: u64 = 1_000;

/// The counts of the sample before, and the seconds that were captured since; `None` where a gap
/// lies between.
pub(super) fn since_before(world: &World) -> Option<(&PacketCounts, f64)> {
    let (before, between) = world.packets.earlier()?;
    let gap = |counts: &PacketCounts| Duration::from_millis(counts.losses.gap_ms.unwrap_or(0));
    let missed = gap(world.packets.value()?).saturating_sub(gap(before));
    let captured = between.saturating_sub(missed);
    (missed < between / 10).then_some((before, captured.as_secs_f64()))
}

/// Why nothing is captured, and what would mend it. Returns the rest of the area.
pub(super) fn blocked(
    buf: &mut Buffer,
    area: Rect,
    theme: &Theme,
    sample: &Sample<PacketCounts>,
) -> Rect {
    let mut lines = Vec::new();
    for health in sample.troubles() {
        let reason = health.reason.as_deref().unwrap_or("not available");
        let text = format!("! {}: {}", health.source, clean(reason));
        lines.extend(paint::wrap(&text, area.width).into_iter().map(|line| (line, theme.danger)));
        if let Some(remedy) = &health.remedy {
            let remedy = paint::wrap(&clean(remedy), area.width);
            lines.extend(remedy.into_iter().map(|line| (line, theme.text)));
        }
    }
    lines.push(("Interface counters instead; v shows drops and resets:".to_owned(), theme.dim));
    for (index, (text, style)) in lines.iter().enumerate() {
        paint::left(buf, paint::line(area, index), text, *style);
    }
    let used = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    Rect { y: area.y + used, height: area.height - used, ..area }
}

/// `lost 0 kernel, 0 ring`, and whether anything was lost.
pub(super) fn losses(counts: &PacketCounts) -> (String, bool) {
    let losses = &counts.losses;
    let known = |n: Option<u64>| n.map_or(units::UNKNOWN.to_owned(), units::count);
    let mut text = format!("lost {} kernel, {} ring", known(losses.kernel), known(losses.ring));
    let others = [
        (losses.truncated, "cut short"),
        (losses.undecoded, "undecoded"),
        (losses.flow_table, "without a flow"),
    ];
    for (number, name) in others.into_iter().filter(|(number, _)| *number > 0) {
        text.push_str(&format!(", {} {name}", units::count(number)));
    }
    let gap_ms = losses.gap_ms.unwrap_or(0);
    if gap_ms > 0 {
        let gap = units::duration(Duration::from_millis(gap_ms));
        text.push_str(&format!(", {gap} not captured"));
    }
    // The ring is changed within milliseconds; what is longer has lost something.
    let is_bad = losses.kernel.unwrap_or(0) + losses.ring.unwrap_or(0) + losses.flow_table > 0
        || gap_ms >= NOTICED_GAP_MS;
    (text, is_bad)
}

/// `9,211 packets 8.10 MB  syn 41 …`.
pub(super) fn totals<'a>(
    counts: &PacketCounts,
    world: &World,
    theme: &Theme,
) -> Vec<(Cow<'a, str>, Style)> {
    let flags = &counts.tcp_flags;
    let retransmits = retransmits(world);
    vec![
        (amount(counts.total).into(), theme.text),
        (
            format!(
                "  syn {} syn-ack {} fin {}",
                units::count(flags.syn),
                units::count(flags.syn_ack),
                units::count(flags.fin)
            )
            .into(),
            theme.dim,
        ),
        (
            format!(" rst {}", units::count(flags.rst)).into(),
            if flags.rst > 0 { theme.warning } else { theme.dim },
        ),
        (retransmits.into(), theme.dim),
    ]
}

/// Retransmissions of the selected connection: the kernel counts those itself.
fn retransmits(world: &World) -> String {
    let socket = world.selection.as_ref().map(|selection| &selection.row.socket);
    let tcp = socket.and_then(|socket| socket.tcp.as_ref());
    match tcp.and_then(|tcp| tcp.retransmits) {
        Some(retransmits) if retransmits > 0 => {
            format!("  selected: {} retransmitted", units::count(retransmits.into()))
        }
        _ => String::new(),
    }
}

/// What the selected socket's flows amount to.
pub(super) fn selected<'a>(
    counts: &PacketCounts,
    focus: Option<&FlowFocus>,
    theme: &Theme,
) -> Vec<(Cow<'a, str>, Style)> {
    let Some(focus) = focus else { return Vec::new() };
    let mut sum = Count::default();
    let mut flows = 0;
    for flow in counts.flows.iter().filter(|flow| focus.matches(&flow.key())) {
        flows += 1;
        sum.packets += flow.count.packets;
        sum.bytes += flow.count.bytes;
    }
    let text = match flows {
        0 => "no packet of it seen".to_owned(),
        1 => amount(sum),
        flows => format!("{} in {flows} flows", amount(sum)),
    };
    vec![("selected ".into(), theme.heading), (text.into(), theme.text)]
}

/// Why nothing is counted of a socket of another network namespace.
pub(super) fn elsewhere<'a>(socket: &Socket, theme: &Theme) -> Vec<(Cow<'a, str>, Style)> {
    let text = format!("is in network namespace {}: not captured here", label::netns(socket));
    vec![("selected ".into(), theme.heading), (text.into(), theme.dim)]
}

fn amount(count: Count) -> String {
    format!("{} {}", units::counted(count.packets, "packet"), units::bytes(count.bytes))
}

/// Protocols with their rates since the sample before.
pub(super) fn protocols(world: &World, theme: &Theme) -> Vec<Line> {
    let mut lines = vec![heading("protocol    packets     bytes   /s", theme)];
    let Some(counts) = world.packets.value() else { return lines };
    for protocol in &counts.protocols {
        let rate = since_before(world).map(|(before, seconds)| {
            let old = before.protocols.iter().find(|old| old.name == protocol.name);
            let old = old.map(|old| old.count).unwrap_or_default();
            protocol.count.since(old).packets as f64 / seconds
        });
        let rate = rate.map_or(units::UNKNOWN.to_owned(), |rate| format!("{rate:.0}"));
        let Count { packets, bytes } = protocol.count;
        let (packets, bytes) = (units::count(packets), units::bytes(bytes));
        let name = clean(&protocol.name);
        lines.push(vec![(format!("{name:<8} {packets:>10} {bytes:>9} {rate:>4}"), theme.text)]);
    }
    lines
}

/// The most telling TCP flag of a flow.
pub(super) fn flag(flow: &Flow, theme: &Theme) -> (&'static str, Style) {
    let seen = flow.flags_a_to_b | flow.flags_b_to_a;
    match seen {
        _ if seen & RST != 0 => ("RST", theme.danger),
        _ if seen & FIN != 0 => ("FIN", theme.dim),
        SYN => ("SYN", theme.warning),
        0 => ("", theme.dim),
        _ => ("open", theme.dim),
    }
}

/// Names that DNS was asked for, below what it answered.
pub(super) fn dns(counts: &PacketCounts, theme: &Theme) -> Vec<Line> {
    let dns = &counts.dns;
    let mut lines = vec![heading(" queries  answers failures name", theme)];
    for name in &dns.names {
        let numbers = [name.queries, name.answers, name.failures].map(units::count);
        let [queries, answers, failures] = numbers;
        let style = if name.failures > 0 { theme.warning } else { theme.text };
        let text = format!("{queries:>8} {answers:>8} {failures:>8} {}", clean(&name.name));
        lines.push(vec![(text, style)]);
    }
    lines
}

/// What is wrong, the worst first.
pub(super) fn problems(counts: &PacketCounts, theme: &Theme) -> Vec<Line> {
    let mut lines = vec![heading("problem", theme)];
    for one in problems_of(counts) {
        lines.push(vec![
            (format!("{}  ", problem::sentence(&one)), theme.warning),
            (format!("{} {}", one.protocol, problem::ends(&one)), theme.text),
        ]);
    }
    lines
}

/// Interfaces with their rates and errors.
pub(super) fn interfaces(world: &World, theme: &Theme) -> Vec<Line> {
    let mut lines = vec![heading("interface        received          sent  errors", theme)];
    let Some(interfaces) = world.interfaces.value() else {
        lines.push(vec![("not read yet".to_owned(), theme.dim)]);
        return lines;
    };
    for interface in &interfaces.list {
        let rate = |read: fn(&crate::model::interface::Interface) -> u64| {
            let (before, between) = world.interfaces.earlier()?;
            let old = before.list.iter().find(|old| old.name == interface.name)?;
            Some(read(interface).saturating_sub(read(old)) as f64 / between.as_secs_f64())
        };
        let show =
            |rate: Option<f64>| rate.map_or(units::UNKNOWN.to_owned(), units::bytes_per_second);
        let (received, sent) = (show(rate(|i| i.rx_bytes)), show(rate(|i| i.tx_bytes)));
        let errors = interface.rx_errors + interface.tx_errors;
        let name = clean(&interface.name);
        let name = paint::fit(&name, 12);
        let style = if errors > 0 { theme.warning } else { theme.text };
        lines.push(vec![
            (format!("{name:<12} {received:>12} {sent:>13} "), theme.text),
            (format!("{:>7}", units::count(errors)), style),
        ]);
    }
    lines
}

/// Lines from the top of an area, as many as fit.
pub(super) fn draw_lines(buf: &mut Buffer, area: Rect, lines: &[Line]) {
    for (index, line) in lines.iter().take(usize::from(area.height)).enumerate() {
        paint::pieces(buf, paint::line(area, index), line);
    }
}

/// A heading that stays, and a list below it that scrolls.
pub(super) fn draw_list(buf: &mut Buffer, area: Rect, scroll: &mut Scroll, list: &[Line]) {
    let Some((heading, rows)) = list.split_first() else { return };
    draw_lines(buf, paint::line(area, 0), std::slice::from_ref(heading));
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let shown = scroll.show(body, rows.len(), None);
    draw_lines(buf, body, &rows[shown]);
}

pub(super) fn heading(text: &str, theme: &Theme) -> Line {
    vec![(text.to_owned(), theme.heading)]
}
