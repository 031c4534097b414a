//! Options: how the selected socket is set up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::style::Style;

use crate::model::options::{OptionAccess, OptionsReport, SocketOption};
use crate::model::socket::SocketKey;
use crate::text::{self, clean};
use crate::tui::command::{Command, ExportFormat};
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::label;
use crate::tui::pane::{Canvas, Cx, Pane, PaneId, Response};
use crate::tui::theme::Theme;
use crate::tui::widgets::scroll::Scroll;
use crate::tui::widgets::{message, paint};
use crate::tui::world::{Selection, World};

/// How long the selection must rest before its options are read: scrolling through a list
/// looks at nothing.
const REST: Duration = Duration::from_millis(150);

/// The state of Options.
#[derive(Debug, Default)]
pub struct Options {
    report: Option<(SocketKey, Result<Box<OptionsReport>, String>)>,
    asked: Option<(RequestId, SocketKey)>,
    changed_only: bool,
    again: bool,
}

impl Pane for Options {
    fn id(&self) -> PaneId {
        PaneId::Options
    }

    fn subject(&self, world: &World, _: u16) -> String {
        let Some(selection) = &world.selection else { return String::new() };
        let socket = &selection.row.socket;
        let fd = socket.owners.first().and_then(|owner| owner.fd);
        let fd = fd.map(|fd| format!(" fd {fd}")).unwrap_or_default();
        let ended = if selection.ended_at.is_some() { " (ended)" } else { "" };
        format!("{}{fd}  {}{ended}", label::owner(socket), label::local(socket, false))
    }

    fn draw(&self, world: &World, canvas: Canvas<'_>) {
        let Canvas { buf, area, scroll, theme, .. } = canvas;
        let lines = match (&world.selection, self.report_for(world)) {
            (None, _) => {
                return message::centred(buf, area, &[say("Select a socket in Ports.", theme.dim)]);
            }
            (Some(selection), None) => {
                let text = if selection.ended_at.is_some() {
                    "This socket ended before its options were read."
                } else {
                    "Reading the options …"
                };
                return message::centred(buf, area, &[say(text, theme.dim)]);
            }
            (_, Some(Err(why))) => {
                let why = format!("! {}", clean(why));
                return message::centred(buf, area, &[(why, theme.danger)]);
            }
            (_, Some(Ok(report))) => self.lines(report, theme, area.width),
        };
        let shown = scroll.show(area, lines.len(), None);
        for (on_screen, index) in shown.enumerate() {
            let pieces = lines[index].iter().map(|(text, style)| (text.as_str().into(), *style));
            paint::spans(buf, paint::line(area, on_screen), pieces);
        }
    }

    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response {
        match command {
            Command::Move(motion) => scroll.go(motion),
            Command::ChangedOnly => self.changed_only = !self.changed_only,
            Command::Refresh => {
                self.again = true;
                self.advance(cx);
            }
            _ => return Response::Ignored,
        }
        Response::Done
    }

    fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, _: &mut Cx<'_>) {
        let Some((_, key)) = self.asked.take_if(|(asked, _)| *asked == id) else { return };
        if let Some(Answer::Options(report)) = answer.take() {
            self.report = Some((key, report));
        }
    }

    fn advance(&mut self, cx: &mut Cx<'_>) {
        let Some(selection) = &cx.world.selection else { return };
        if !self.is_wanted(selection) || cx.now.at < selection.since + REST {
            return;
        }
        self.again = false;
        let id = cx.requests.next_id();
        // A request for another socket is stale from here on: its id is forgotten.
        self.asked = Some((id, selection.row.key));
        cx.effects.push(Effect::Inspect(id, Arc::clone(&selection.row)));
    }

    fn wake_at(&self, world: &World) -> Option<Instant> {
        let selection = world.selection.as_ref()?;
        self.is_wanted(selection).then(|| selection.since + REST)
    }

    fn export(&self, world: &World, format: ExportFormat) -> Option<Export> {
        let report = self.report_for(world)?.as_ref().ok()?;
        Some(Export { content: Content::Options(report.clone()), format, at: world.now.wall })
    }

    fn copy(&self, world: &World) -> Option<String> {
        let report = self.report_for(world)?.as_ref().ok()?;
        let line =
            |option: &SocketOption| format!("{}={}", option.name, text::options::value(option));
        Some(report.options.iter().map(line).collect::<Vec<_>>().join(" "))
    }
}

impl Options {
    fn report_for(&self, world: &World) -> Option<&Result<Box<OptionsReport>, String>> {
        let key = world.selected_key()?;
        self.report.as_ref().filter(|(of, _)| *of == key).map(|(_, report)| report)
    }

    /// Whether the selected socket's options should be read. Each socket is looked at once,
    /// and again only when the user asks: a look holds a duplicate of its descriptor.
    fn is_wanted(&self, selection: &Selection) -> bool {
        let key = selection.row.key;
        let is_asked = self.asked.as_ref().is_some_and(|(_, asked)| *asked == key);
        let is_known = self.report.as_ref().is_some_and(|(known, _)| *known == key);
        selection.ended_at.is_none() && !is_asked && (!is_known || self.again)
    }

    fn lines(&self, report: &OptionsReport, theme: &Theme, width: u16) -> Vec<Line> {
        let mut lines = Vec::new();
        if report.access != OptionAccess::Full {
            let why = report.reason.as_deref().unwrap_or("the descriptor could not be duplicated");
            for text in paint::wrap(&format!("! {}", clean(why)), width) {
                lines.push(vec![(text, theme.warning)]);
            }
        }
        let name_width = report.options.iter().map(|option| option.name.len()).max().unwrap_or(0);
        let (changed, rest): (Vec<_>, Vec<_>) =
            report.options.iter().partition(|option| option.changed == Some(true));
        lines.extend(changed.iter().map(|option| option_line(option, name_width, theme)));
        if !self.changed_only {
            lines.extend(rest.iter().map(|option| option_line(option, name_width, theme)));
        } else if changed.is_empty() {
            lines.push(vec![("Nothing differs from its default.".to_owned(), theme.dim)]);
        }
        if let Some(model) = &report.io_model {
            let words = paint::wrap(&text::options::io_model(model), width.saturating_sub(11));
            for (index, text) in words.into_iter().enumerate() {
                let name = if index == 0 { "I/O model  " } else { "           " };
                lines.push(vec![(name.to_owned(), theme.heading), (text, theme.text)]);
            }
        }
        for finding in &report.findings {
            for text in paint::wrap(&format!("! {}", clean(&finding.text)), width) {
                lines.push(vec![(text, theme.warning)]);
            }
        }
        lines
    }
}

type Line = Vec<(String, Style)>;

fn say(text: &str, style: Style) -> (String, Style) {
    (text.to_owned(), style)
}

/// `changed  SO_RCVBUF     8 MiB   default 208 KiB (rmem_default)`.
fn option_line(option: &SocketOption, name_width: usize, theme: &Theme) -> Line {
    let value = text::options::value(option);
    let is_changed = option.changed == Some(true);
    let (mark, style) =
        if is_changed { ("changed  ", theme.accent) } else { ("         ", theme.text) };
    let mut line = vec![
        (mark.to_owned(), theme.accent),
        (format!("{:name_width$}  ", clean(&option.name)), style),
        (format!("{value:<16}"), style),
    ];
    if is_changed {
        let source = option.source.as_deref().map(|s| format!(" ({})", clean(s)));
        let default = text::options::default_value(option);
        let text = format!("  default {default}{}", source.unwrap_or_default());
        line.push((text, theme.dim));
    } else if !option.about.is_empty() {
        line.push((format!("  {}", clean(&option.about)), theme.dim));
    }
    line
}
