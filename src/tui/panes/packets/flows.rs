//! The list of flows: what belongs to the selected socket first, the rest as it is sorted.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::model::packets::{Count, Flow, FlowFocus, FlowKey, PacketCounts};
use crate::text::address::flow_end;
use crate::text::{clean, flow as flow_text, units};
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{self, Line};
use crate::tui::world::World;

use super::lines::{flag, heading, since_before};

/// What the rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Packets,
    Bytes,
    Rate,
    Process,
}

impl Order {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Packets => Self::Bytes,
            Self::Bytes => Self::Rate,
            Self::Rate => Self::Process,
            Self::Process => Self::Packets,
        }
    }
}

/// A flow and the bytes a second that it had since the sample before.
pub(super) struct Row<'a> {
    pub(super) flow: &'a Flow,
    rate: Option<f64>,
    is_selected: bool,
}

/// The rows in their order.
pub(super) fn rows<'a>(
    world: &World,
    counts: &'a PacketCounts,
    focus: Option<&FlowFocus>,
    (order, is_reversed): (Order, bool),
) -> Vec<Row<'a>> {
    let before: Option<(HashMap<FlowKey, Count>, f64)> = since_before(world).map(|earlier| {
        let (counts, seconds) = earlier;
        let known = counts.flows.iter().map(|flow| (flow.key(), flow.count));
        (known.collect(), seconds)
    });
    let rate = |flow: &Flow| {
        let (known, seconds) = before.as_ref()?;
        let old = known.get(&flow.key()).copied().unwrap_or_default();
        Some(flow.count.since(old).bytes as f64 / seconds)
    };
    let mut rows: Vec<Row<'a>> = counts
        .flows
        .iter()
        .map(|flow| {
            let is_selected = focus.is_some_and(|focus| focus.matches(&flow.key()));
            Row { flow, rate: rate(flow), is_selected }
        })
        .collect();
    match order {
        Order::Packets => rows.sort_by_key(|row| Reverse(row.flow.count.packets)),
        Order::Bytes => rows.sort_by_key(|row| Reverse(row.flow.count.bytes)),
        Order::Rate => rows.sort_by_key(|row| Reverse(row.rate.unwrap_or(0.0) as u64)),
        Order::Process => {
            let name = |row: &Row<'_>| row.flow.owner.as_ref().map(|owner| owner.name.clone());
            rows.sort_by_cached_key(|row| (name(row).is_none(), name(row)));
        }
    }
    if is_reversed {
        rows.reverse();
    }
    // A busy neighbour never hides what belongs to the selection.
    rows.sort_by_key(|row| !row.is_selected);
    rows
}

/// How wide each column is; what does not fit is left out, the process first.
struct Widths {
    ends: usize,
    bytes: bool,
    rate: bool,
    application: usize,
    process: usize,
}

impl Widths {
    /// `width` is that of the list.
    fn of(width: u16) -> Self {
        let mut left = usize::from(width).saturating_sub(2 + 1 + 8 + 1 + 5);
        let mut take = |wanted: usize, keep: usize| {
            let is_there = left >= wanted + keep;
            left -= if is_there { wanted } else { 0 };
            is_there
        };
        let bytes = take(10, 40);
        let rate = take(11, 40);
        let process = if take(20, 40) { 20 } else { 0 };
        let application = if take(24, 44) { 24 } else { 0 };
        Self { ends: left.max(10), bytes, rate, application, process }
    }
}

/// The heading, and a line a flow.
pub(super) fn lines(
    rows: &[Row<'_>],
    order: Order,
    cursor: Option<usize>,
    width: u16,
    theme: &Theme,
) -> Vec<Line> {
    let widths = Widths::of(width);
    let mark = |is: Order, title: &str| {
        if order == is { format!("{title}↓") } else { title.to_owned() }
    };
    let mut title =
        format!("  {:<ends$} {:>8}", "flow", mark(Order::Packets, "packets"), ends = widths.ends);
    if widths.bytes {
        title += &format!(" {:>9}", mark(Order::Bytes, "bytes"));
    }
    if widths.rate {
        title += &format!(" {:>10}", mark(Order::Rate, "rate"));
    }
    title += " flag ";
    if widths.application > 0 {
        title += &format!("{:<width$}", "application", width = widths.application);
    }
    if widths.process > 0 {
        title += &mark(Order::Process, "process");
    }
    let mut all = vec![heading(&title, theme)];
    for (index, row) in rows.iter().enumerate() {
        all.push(line(row, &widths, cursor == Some(index), theme));
    }
    all
}

fn line(row: &Row<'_>, widths: &Widths, is_under_cursor: bool, theme: &Theme) -> Line {
    let flow = row.flow;
    let columns = |width: usize| u16::try_from(width).unwrap_or(u16::MAX);
    let fitted = |text: &str, width: usize| {
        let text = paint::fit(text, columns(width.saturating_sub(1))).into_owned();
        let gap = width.saturating_sub(usize::from(paint::width(&text)));
        text + &" ".repeat(gap)
    };
    let ends = fitted(&ends(flow), widths.ends + 1);
    let mut text = format!("{ends}{:>8}", units::count(flow.count.packets));
    if widths.bytes {
        text += &format!(" {:>9}", units::bytes(flow.count.bytes));
    }
    if widths.rate {
        let rate = row.rate.map_or(units::UNKNOWN.to_owned(), units::bytes_per_second);
        text += &format!(" {rate:>10}");
    }
    let (flag, style) = flag(flow, theme);
    let mut rest = String::new();
    if widths.application > 0 {
        rest += &fitted(&flow_text::application(flow), widths.application);
    }
    if widths.process > 0 {
        let owner = flow.owner.as_ref();
        let owner = owner.map(|owner| format!("{} {}", owner.pid, clean(&owner.name)));
        rest += &fitted(&owner.unwrap_or_else(|| units::UNKNOWN.to_owned()), widths.process);
    }
    let sign = if row.is_selected { "▶ " } else { "  " };
    let (plain, flag_style) =
        if is_under_cursor { (theme.selection, theme.selection) } else { (theme.text, style) };
    let sign_style = if is_under_cursor { theme.selection } else { theme.accent };
    vec![
        (sign.to_owned(), sign_style),
        (format!("{text} "), plain),
        (format!("{flag:<5}"), flag_style),
        (rest, plain),
    ]
}

/// Who asked first stands first, and the arrow tells which way packets went.
fn ends(flow: &Flow) -> String {
    let is_from_b = flow.tcp.and_then(|tcp| tcp.opened_by_a) == Some(false);
    let (from, to) = if is_from_b { (flow.b, flow.a) } else { (flow.a, flow.b) };
    let there = if is_from_b { flow.packets_b_to_a } else { flow.packets_a_to_b };
    let arrow = match (there > 0, there < flow.count.packets) {
        (true, false) => "→",
        (false, true) => "←",
        _ => "↔",
    };
    format!("{} {} {arrow} {}", flow.protocol, flow_end(flow, from), flow_end(flow, to))
}

/// A flow as one line of text.
pub(super) fn copied(flow: &Flow) -> String {
    let owner = flow.owner.as_ref().map(|owner| format!(", {} {}", owner.pid, clean(&owner.name)));
    format!(
        "{}, {}, {}{}",
        ends(flow),
        units::counted(flow.count.packets, "packet"),
        units::bytes(flow.count.bytes),
        owner.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::packets::FlowEnd;
    use crate::tui::event::Moment;

    fn end(last: u8, port: u16) -> FlowEnd {
        FlowEnd { addr: [10, 0, 0, last].into(), port }
    }

    fn flow(last: u8, packets: u64, bytes: u64) -> Flow {
        Flow {
            protocol: "tcp".into(),
            ip_protocol: 6,
            a: end(1, 80),
            b: end(last, 4000),
            count: Count { packets, bytes },
            packets_a_to_b: packets,
            bytes_a_to_b: bytes,
            packets_b_to_a: 0,
            bytes_b_to_a: 0,
            flags_a_to_b: 0,
            flags_b_to_a: 0,
            owner: None,
            owner_a: None,
            owner_b: None,
            interfaces: Vec::new(),
            application: None,
            server: None,
            tcp: None,
            icmp: None,
            icmp_errors: 0,
            icmp_error: None,
        }
    }

    #[test]
    fn what_belongs_to_the_selection_comes_first_in_any_order() {
        let now = Moment { wall: jiff::Timestamp::UNIX_EPOCH, at: std::time::Instant::now() };
        let world = World::new(now, jiff::tz::TimeZone::UTC);
        let counts = PacketCounts {
            flows: vec![flow(2, 900, 1_000), flow(3, 500, 9_000), flow(4, 1, 60)],
            ..PacketCounts::default()
        };
        let focus = FlowFocus { ip_protocol: 6, local: end(1, 80), remote: Some(end(4, 4000)) };
        let order = |focus: Option<&FlowFocus>, order| {
            let rows = rows(&world, &counts, focus, (order, false));
            rows.iter().map(|row| row.flow.count.packets).collect::<Vec<_>>()
        };
        assert_eq!(order(None, Order::Packets), [900, 500, 1]);
        assert_eq!(order(Some(&focus), Order::Packets), [1, 900, 500]);
        assert_eq!(order(Some(&focus), Order::Bytes), [1, 500, 900]);
        let rows = rows(&world, &counts, None, (Order::Packets, true));
        assert_eq!(rows[0].flow.count.packets, 1);
        assert_eq!(ends(rows[0].flow), "tcp 10.0.0.1:80 → 10.0.0.4:4000");
    }
}
