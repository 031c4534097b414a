//! What a pane says in place of data, or beside it: loading, unavailable, degraded.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::paint;
use crate::model::health::Health;
use crate::model::sample::Sample;
use crate::text::clean;
use crate::tui::theme::Theme;

/// Sentences in the middle of an area, wrapped.
pub fn centred(buf: &mut Buffer, area: Rect, sentences: &[(String, Style)]) {
    let width = area.width.saturating_sub(4).min(72);
    let wrapped = |(text, style): &(String, Style)| {
        let style = *style;
        paint::wrap(text, width).into_iter().map(move |line| (line, style)).collect::<Vec<_>>()
    };
    let lines: Vec<(String, Style)> = sentences.iter().flat_map(wrapped).collect();
    let top = usize::from(area.height).saturating_sub(lines.len()) / 2;
    for (index, (text, style)) in lines.iter().enumerate() {
        let line = paint::line(area, top + index);
        let indent = line.width.saturating_sub(paint::width(text)) / 2;
        let place = Rect { x: line.x + indent, width: line.width - indent, ..line };
        paint::left(buf, place, text, *style);
    }
}

/// A feed without a value: still loading, or what went wrong and what would mend it.
pub fn no_value<T>(buf: &mut Buffer, area: Rect, theme: &Theme, sample: &Sample<T>, loading: &str) {
    let mut sentences = Vec::new();
    for health in sample.troubles() {
        sentences.push((format!("! {}", reason(health)), theme.danger));
        if let Some(remedy) = &health.remedy {
            sentences.push((clean(remedy).into_owned(), theme.text));
        }
    }
    if sentences.is_empty() {
        sentences.push((loading.to_owned(), theme.dim));
    }
    centred(buf, area, &sentences);
}

/// One line at the bottom for what is missing, and how many more such lines there are.
/// Returns the rest of the area.
pub fn troubles<T>(buf: &mut Buffer, area: Rect, theme: &Theme, sample: &Sample<T>) -> Rect {
    let Some(first) = sample.troubles().next() else { return area };
    if area.height < 3 {
        return area;
    }
    let more = match sample.troubles().count() - 1 {
        0 => String::new(),
        more => format!("  (+{more} more)"),
    };
    let remedy = first.remedy.as_deref().map(|r| format!(" → {}", clean(r))).unwrap_or_default();
    let text = format!("! {}{remedy}{more}", reason(first));
    let line = paint::line(area, usize::from(area.height) - 1);
    paint::left(buf, line, &text, theme.warning);
    Rect { height: area.height - 1, ..area }
}

fn reason(health: &Health) -> String {
    let reason = health.reason.as_deref().unwrap_or("not available");
    format!("{}: {}", health.source, clean(reason))
}
