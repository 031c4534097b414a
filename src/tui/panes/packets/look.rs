//! One flow packet by packet: its ladder, and the fields of its last packets beside their bytes.

use crate::model::flow_look::FlowLook;
use crate::model::packets::{FlowKey, PacketCounts};
use crate::text::stream::{self as stream_text, Form, StreamLine};
use crate::text::{bytes, ladder as ladder_text, packet, units};
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::Line;

use super::lines::heading;

/// The life of the flow.
pub(super) fn ladder(
    counts: &PacketCounts,
    flow: Option<&FlowKey>,
    width: u16,
    theme: &Theme,
) -> Vec<Line> {
    let Some(look) = look(counts, flow) else { return waiting(flow, theme) };
    let Some(ladder) = &look.ladder else { return nothing_kept(look, theme) };
    let text = ladder_text::lines(ladder, usize::from(width));
    let mut lines = text.lines();
    let mut all = vec![heading(lines.next().unwrap_or_default(), theme)];
    all.extend(missing(look, theme));
    all.extend(lines.map(|line| vec![(line.to_owned(), theme.text)]));
    all
}

/// The fields of the last packets, the newest first, each with its bytes.
pub(super) fn packets(counts: &PacketCounts, flow: Option<&FlowKey>, theme: &Theme) -> Vec<Line> {
    let Some(look) = look(counts, flow) else { return waiting(flow, theme) };
    if look.packets.is_empty() {
        return nothing_kept(look, theme);
    }
    let mut all = vec![heading("the last packets, the newest first", theme)];
    for shown in look.packets.iter().rev() {
        let fields = packet::fields(&shown.line);
        let mut fields = fields.lines().map(str::to_owned);
        all.extend(fields.next().map(|line| vec![(line, theme.accent)]));
        all.extend(fields.map(|line| vec![(line, theme.text)]));
        let dump = bytes::dump(&shown.bytes);
        all.extend(dump.lines().map(|line| vec![(format!("  {line}"), theme.dim)]));
    }
    all.extend(missing(look, theme));
    all
}

/// What the ends of the flow said.
pub(super) fn stream(
    counts: &PacketCounts,
    flow: Option<&FlowKey>,
    form: Form,
    width: u16,
    theme: &Theme,
) -> Vec<Line> {
    let Some(look) = look(counts, flow) else { return waiting(flow, theme) };
    let Some(stream) = &look.stream else { return nothing_kept(look, theme) };
    let mut all = vec![heading("what the two ends said; X shows text or a hex dump", theme)];
    all.extend(missing(look, theme));
    let lines = stream_text::lines(stream, form, usize::from(width));
    if lines.is_empty() {
        all.push(vec![("no payload is kept of it".to_owned(), theme.dim)]);
    }
    all.extend(lines.into_iter().map(|line| match line {
        StreamLine::Speaker(text) => vec![(text, theme.heading)],
        StreamLine::Said(true, text) => vec![(text, theme.text)],
        StreamLine::Said(false, text) => vec![(text, theme.accent)],
        StreamLine::Missing(text) => vec![(text, theme.warning)],
    }));
    all
}

/// What is known of the flow, if that is the one that was looked at.
fn look<'a>(counts: &'a PacketCounts, flow: Option<&FlowKey>) -> Option<&'a FlowLook> {
    counts.look.as_deref().filter(|look| Some(&look.key) == flow)
}

fn waiting(flow: Option<&FlowKey>, theme: &Theme) -> Vec<Line> {
    let text = match flow {
        Some(_) => "looking at its packets …",
        None => "no flow to look at yet",
    };
    vec![heading("", theme), vec![(text.to_owned(), theme.dim)]]
}

fn nothing_kept(look: &FlowLook, theme: &Theme) -> Vec<Line> {
    let text = "none of its packets is kept any more".to_owned();
    let mut all = vec![heading("", theme), vec![(text, theme.dim)]];
    all.extend(missing(look, theme));
    all
}

/// What came and is not kept.
fn missing(look: &FlowLook, theme: &Theme) -> Option<Line> {
    let text = format!("{:>14}  … {} before", "", units::counted(look.missing, "packet"));
    (look.missing > 0).then(|| vec![(text, theme.warning)])
}
