//! Options: how the selected socket is set up.

mod live;
mod page;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::catalog::sockopts;
use crate::model::options::{OptionsReport, SocketOption};
use crate::model::socket::SocketKey;
use crate::text::{self, clean};
use crate::tui::command::{Command, ExportFormat, Motion};
use crate::tui::dialog::set::SetDialog;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::label;
use crate::tui::pane::{Canvas, Cx, Pane, PaneId, Response};
use crate::tui::theme::Theme;
use crate::tui::widgets::message;
use crate::tui::widgets::paint::{self, Line};
use crate::tui::widgets::scroll::Scroll;
use crate::tui::world::{Selection, World};
use live::Live;
use page::Page;

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
    // The selected option, counted in the order on screen.
    chosen: usize,
    live: Live,
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
        let Canvas { buf, area, scroll, theme, focused: canvas_focused, .. } = canvas;
        let lines = match (&world.selection, self.report_for(world)) {
            (None, _) => {
                return message::centred(
                    buf,
                    area,
                    &[say("Select a socket in Ports (1): its options are shown here.", theme.dim)],
                );
            }
            (Some(selection), None) => {
                let text = if selection.ended_at.is_some() {
                    "This socket ended before its options were read. Select another one in Ports (1)."
                } else {
                    "Reading the options …"
                };
                return message::centred(buf, area, &[say(text, theme.dim)]);
            }
            (_, Some(Err(why))) => {
                let why = format!("! {}", clean(why));
                return message::centred(buf, area, &[(why, theme.danger)]);
            }
            (_, Some(Ok(report))) => self.lines(report, world, theme, area),
        };
        let Some(Ok(report)) = self.report_for(world) else { return };
        self.draw_panel(report, world, buf, page::panel_of(area, report), theme);
        let area = page::list_of(area, report);
        let (list, detail) = self.split(world, area);
        let first = self.page(report, world, theme, area.width).above().len();
        let chosen = self.chosen_option(world).map(|_| first + self.chosen);
        let shown = scroll.show(list, lines.len(), chosen);
        self.draw_detail(world, buf, detail, theme);
        for (on_screen, index) in shown.enumerate() {
            let line = paint::line(list, on_screen);
            paint::pieces(buf, line, &lines[index]);
            if chosen == Some(index) && canvas_focused {
                buf.set_style(line, theme.selection);
            }
        }
    }

    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response {
        match command {
            Command::Move(motion) => self.choose(motion, scroll.page(), cx.world),
            Command::ChangedOnly => {
                self.changed_only = !self.changed_only;
                self.chosen = 0;
            }
            Command::EditOption => return self.edit(cx),
            Command::UndoOption => {
                let Some((socket, wishes)) = cx.world.set_undo.last().cloned() else {
                    cx.world.complain("Nothing was set that could be undone.".to_owned());
                    return Response::Done;
                };
                return Response::open(SetDialog::undo(socket, wishes, cx));
            }
            Command::Refresh => {
                self.again = true;
                self.advance(cx);
            }
            _ => return Response::Ignored,
        }
        Response::Done
    }

    fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, cx: &mut Cx<'_>) {
        let Some((_, key)) = self.asked.take_if(|(asked, _)| *asked == id) else { return };
        let Some(Answer::Options(report)) = answer.take() else { return };
        let known = self.report.as_ref().filter(|(known, _)| *known == key);
        match &report {
            // What was known of a socket that is gone stays on screen.
            Err(_) if known.is_some_and(|(_, report)| report.is_ok()) => {
                return self.live.lose(cx.now);
            }
            Err(_) => {}
            Ok(report) => self.live.take(key, report, cx.now),
        }
        if known.is_none() {
            self.chosen = 0;
        }
        self.report = Some((key, report));
    }

    fn advance(&mut self, cx: &mut Cx<'_>) {
        let Some(selection) = &cx.world.selection else { return };
        if self.due(selection, cx.world).is_none_or(|due| cx.now.at < due) {
            return;
        }
        self.again = false;
        let id = cx.requests.next_id();
        // A request for another socket is stale from here on: its id is forgotten.
        self.asked = Some((id, selection.row.key));
        cx.effects.push(Effect::Inspect(id, Arc::clone(&selection.row)));
    }

    fn wake_at(&self, world: &World) -> Option<Instant> {
        self.due(world.selection.as_ref()?, world)
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

    /// When the selected socket's options should be read: once it has rested, and again and again
    /// while the pane is open.
    fn due(&self, selection: &Selection, world: &World) -> Option<Instant> {
        let key = selection.row.key;
        let is_asked = self.asked.as_ref().is_some_and(|(_, asked)| *asked == key);
        if selection.ended_at.is_some() || is_asked {
            return None;
        }
        let rested = selection.since + REST;
        let is_known = self.report.as_ref().is_some_and(|(known, _)| *known == key);
        if !is_known || self.again {
            return Some(rested);
        }
        let is_watched = world.shows_options && !world.is_covered && !world.is_frozen();
        self.live.due(key).filter(|_| is_watched).map(|due| due.max(rested))
    }

    /// The options on screen, in their order.
    fn shown<'a>(&self, report: &'a OptionsReport) -> Vec<&'a SocketOption> {
        let mut shown = text::options::in_order(&report.options);
        if self.changed_only {
            shown.retain(|option| option.changed == Some(true));
        }
        shown
    }

    fn chosen_option<'a>(&'a self, world: &'a World) -> Option<&'a SocketOption> {
        let report = self.report_for(world)?.as_ref().ok()?;
        self.shown(report).get(self.chosen).copied()
    }

    fn choose(&mut self, motion: Motion, page: usize, world: &World) {
        let Some(Ok(report)) = self.report_for(world) else { return };
        let last = self.shown(report).len().saturating_sub(1);
        let page = page.max(1);
        self.chosen = match motion {
            Motion::Up => self.chosen.saturating_sub(1),
            Motion::Down => self.chosen.saturating_add(1),
            Motion::PageUp => self.chosen.saturating_sub(page),
            Motion::PageDown => self.chosen.saturating_add(page),
            Motion::First => 0,
            Motion::Last => last,
        }
        .min(last);
    }

    /// The lower lines are for the selected option, where there is room.
    fn split(&self, world: &World, area: Rect) -> (Rect, Rect) {
        let wanted = match self.chosen_option(world) {
            Some(option) if area.height >= page::ROOM_FOR_DETAIL => {
                u16::try_from(page::detail(option, area.width).len())
                    .unwrap_or(0)
                    .min(area.height / 3)
            }
            _ => 0,
        };
        let list = Rect { height: area.height - wanted, ..area };
        (list, Rect { y: area.y + list.height, height: wanted, ..area })
    }

    fn draw_detail(&self, world: &World, buf: &mut Buffer, area: Rect, theme: &Theme) {
        let Some(option) = self.chosen_option(world) else { return };
        let texts = page::detail(option, area.width).into_iter().take(usize::from(area.height));
        for (at, text) in texts.enumerate() {
            paint::spans(buf, paint::line(area, at), [(text.into(), theme.dim)]);
        }
    }

    fn edit(&self, cx: &mut Cx<'_>) -> Response {
        let Some(option) = self.chosen_option(cx.world) else { return Response::Done };
        let Some(Ok(report)) = self.report_for(cx.world) else { return Response::Done };
        if !option.writable {
            let why = format!("{} cannot be set on this socket.", option.name);
            cx.world.complain(why);
            return Response::Done;
        }
        let written =
            sockopts::find(&option.name).map(|(_, entry)| entry.write_value(&option.value));
        let value = written.unwrap_or_default();
        let dialog = SetDialog::edit(report.socket.clone(), &option.name, &value, &option.about);
        Response::open(dialog)
    }

    /// The text of the list.
    fn page<'a>(
        &'a self,
        report: &'a OptionsReport,
        world: &'a World,
        theme: &'a Theme,
        width: u16,
    ) -> Page<'a> {
        let selection = world.selection.as_ref();
        let ended_at = selection.and_then(|it| it.ended_at).or(self.live.gone_at());
        let ended_at = ended_at.map(|at| at.to_zoned(world.timezone.clone()));
        let (live, now) = (&self.live, world.now.at);
        Page { report, live, theme, width, now, ended_at }
    }

    fn lines(&self, report: &OptionsReport, world: &World, theme: &Theme, area: Rect) -> Vec<Line> {
        let page = self.page(report, world, theme, page::list_of(area, report).width);
        let shown = self.shown(report);
        let mut lines = page.above();
        lines.extend(page.options(&shown));
        if !self.changed_only {
            lines.extend(page.hidden());
        } else if shown.is_empty() {
            let text = "The program set no option; a shows all of them.";
            lines.push(vec![(text.to_owned(), theme.dim)]);
        }
        lines.extend(page.io_model());
        lines.extend(page.findings());
        if page::panel_of(area, report).width == 0 {
            lines.extend(page.panel());
        }
        lines
    }

    /// How the connection fares and all of TCP_INFO, beside the options where there is room.
    fn draw_panel(
        &self,
        report: &OptionsReport,
        world: &World,
        buf: &mut Buffer,
        area: Rect,
        theme: &Theme,
    ) {
        if area.width == 0 {
            return;
        }
        let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
        let lines = self.page(report, world, theme, inside.width).panel();
        for (at, line) in lines.iter().take(usize::from(area.height)).enumerate() {
            paint::pieces(buf, paint::line(inside, at), line);
        }
    }
}

fn say(text: &str, style: Style) -> (String, Style) {
    (text.to_owned(), style)
}
