//! What Options shows of one report, line by line.

use std::time::Instant;

use jiff::Zoned;
use ratatui::layout::Rect;

use super::live::{self, Live};
use crate::model::options::{ChangedBy, OptionAccess, OptionsReport, SocketOption};
use crate::text::{self, clean};
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{self, Line};

/// Panes as wide as this have room for a panel beside the options.
const ROOM_FOR_PANEL: u16 = 116;

const PANEL: u16 = 48;

/// Panes of fewer lines have no room for more about one option.
pub(super) const ROOM_FOR_DETAIL: u16 = 12;

const IO_MODEL: &str = "I/O model  ";

/// Where the panel of a connection is; of no width where it stands below the options.
pub(super) fn panel_of(area: Rect, report: &OptionsReport) -> Rect {
    let has_info = report.options.iter().any(|option| option.name == "TCP_INFO");
    let width = if has_info && area.width >= ROOM_FOR_PANEL { PANEL } else { 0 };
    Rect { x: area.right() - width, width, ..area }
}

/// Where the options are.
pub(super) fn list_of(area: Rect, report: &OptionsReport) -> Rect {
    Rect { width: area.width - panel_of(area, report).width, ..area }
}

/// A report as it is shown in so many columns.
pub(super) struct Page<'a> {
    pub(super) report: &'a OptionsReport,
    pub(super) live: &'a Live,
    pub(super) theme: &'a Theme,
    pub(super) width: u16,
    pub(super) now: Instant,
    /// When the socket ended, if it has.
    pub(super) ended_at: Option<Zoned>,
}

impl Page<'_> {
    /// What stands above the options: that the socket has ended and when, and why not all could be
    /// read.
    pub(super) fn above(&self) -> Vec<Line> {
        let ended = self.ended_at.as_ref().map(|at| {
            format!("! This socket ended at {}; these are its last options.", at.strftime("%T"))
        });
        let reason = (self.report.access != OptionAccess::Full).then(|| {
            let why = self.report.reason.as_deref();
            format!("! {}", clean(why.unwrap_or("the descriptor could not be duplicated")))
        });
        ended.into_iter().chain(reason).flat_map(|text| self.warning(&text)).collect()
    }

    /// A line for each of these.
    pub(super) fn options(&self, shown: &[&SocketOption]) -> Vec<Line> {
        let names = self.report.options.iter().map(|option| option.name.len());
        let name_width = names.max().unwrap_or(0);
        shown.iter().map(|option| self.option(option, name_width)).collect()
    }

    /// `program   SO_RCVBUF     8 MiB   default 208 KiB (rmem_default)`.
    fn option(&self, option: &SocketOption, name_width: usize) -> Line {
        let theme = self.theme;
        let flashes = self.live.flashes(&option.name, self.now);
        let value = text::options::value(option);
        let mark = option.changed_by.map_or("", ChangedBy::name);
        let style = if option.changed == Some(true) { theme.accent } else { theme.text };
        let mut line = vec![
            (format!("{mark:9}{}", if flashes { '~' } else { ' ' }), style),
            (format!("{:name_width$}  ", clean(&option.name)), style),
            (format!("{value:<16}"), if flashes { theme.fresh } else { style }),
        ];
        if option.changed_by.is_some() {
            let source = option.source.as_deref().map(|source| format!(" ({})", clean(source)));
            let default = text::options::default_value(option);
            line.push((format!("  default {default}{}", source.unwrap_or_default()), theme.dim));
        } else if !option.about.is_empty() {
            line.push((format!("  {}", clean(&option.about)), theme.dim));
        }
        line
    }

    /// That some could not be read.
    pub(super) fn hidden(&self) -> Vec<Line> {
        let words = text::options::hidden(self.report).unwrap_or_default();
        let wrapped = paint::wrap(&words, self.width).into_iter();
        wrapped.filter(|text| !text.is_empty()).map(|text| vec![(text, self.theme.dim)]).collect()
    }

    pub(super) fn io_model(&self) -> Vec<Line> {
        let model = self.report.io_model.as_ref();
        let words = model.map(text::options::io_model).unwrap_or_default();
        if words.is_empty() { Vec::new() } else { self.named(IO_MODEL, IO_MODEL.len(), &words) }
    }

    pub(super) fn findings(&self) -> Vec<Line> {
        let findings = self.report.findings.iter();
        findings.flat_map(|it| self.warning(&format!("! {}", clean(&it.text)))).collect()
    }

    /// How the connection fares, and all of TCP_INFO.
    pub(super) fn panel(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for (name, value) in self.live.panel(self.width.into()) {
            let name = format!("{name:width$}", width = live::NAME);
            lines.push(vec![(name, self.theme.heading), (value, self.theme.text)]);
        }
        let info = self.report.options.iter().find(|option| option.name == "TCP_INFO");
        for (group, words) in info.map(text::options::groups).unwrap_or_default() {
            lines.extend(self.named(&group, live::NAME, &words));
        }
        lines
    }

    /// A name of so many columns, and beside it the text, wrapped.
    fn named(&self, name: &str, name_width: usize, words: &str) -> Vec<Line> {
        let room = self.width.saturating_sub(u16::try_from(name_width).unwrap_or(u16::MAX));
        let texts = paint::wrap(words, room).into_iter().enumerate();
        texts
            .map(|(index, text)| {
                let name = if index == 0 { name } else { "" };
                let name = format!("{name:name_width$}");
                vec![(name, self.theme.heading), (text, self.theme.text)]
            })
            .collect()
    }

    fn warning(&self, text: &str) -> Vec<Line> {
        let wrapped = paint::wrap(text, self.width).into_iter();
        wrapped.map(|text| vec![(text, self.theme.warning)]).collect()
    }
}

/// All about one option, wrapped.
pub(super) fn detail(option: &SocketOption, width: u16) -> Vec<String> {
    let mut parts = vec![format!("{}: {}", option.name, option.about)];
    parts.push(format!("value {}", text::options::value(option)));
    let default = text::options::default_value(option);
    let source = option.source.as_deref().map(|source| format!(" ({source})"));
    if option.default.is_some() || source.is_some() {
        parts.push(format!("default {default}{}", source.unwrap_or_default()));
    }
    let by = text::options::by_whom(option);
    parts.extend((!by.is_empty()).then(|| format!("changed by {by}")));
    parts.extend(option.note.clone());
    parts.extend(option.winsock.as_ref().map(|name| format!("Winsock: {name}")));
    paint::wrap(&clean(&parts.join("; ")), width)
}
