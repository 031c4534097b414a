//! Tester: whether an endpoint answers. It offers the selected socket's address and never
//! knocks by itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::Value;

use crate::model::probe::{Attempt, OutcomeKind, ProbeReport, Side, Stage, Verdict};
use crate::text::{clean, units};
use crate::tui::command::{Command, ExportFormat};
use crate::tui::effect::{Effect, ProbeOrder};
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::label;
use crate::tui::pane::{Canvas, Cx, Pane, PaneId, Response};
use crate::tui::theme::Theme;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::scroll::Scroll;
use crate::tui::widgets::{message, paint};
use crate::tui::world::World;

/// Targets remembered for the arrow keys.
const HISTORY: usize = 50;
/// A running test is drawn anew this often.
const FRAME: Duration = Duration::from_millis(100);

/// The state of Tester.
#[derive(Debug, Default)]
pub struct Tester {
    // Typed by the user: stays when the selection moves on.
    typed: Option<String>,
    editing: Option<Field>,
    recalled: usize,
    history: VecDeque<String>,
    running: Option<Running>,
    tested: Option<Tested>,
}

/// A test that is under way.
#[derive(Debug)]
struct Running {
    id: RequestId,
    since: Instant,
}

/// The newest test and what it has found so far.
#[derive(Debug)]
struct Tested {
    target: String,
    attempt: Option<Attempt>,
    end: Option<Result<Box<ProbeReport>, String>>,
}

impl Pane for Tester {
    fn id(&self) -> PaneId {
        PaneId::Tester
    }

    fn subject(&self, world: &World) -> String {
        clean(&self.target(world).unwrap_or_default()).into_owned()
    }

    fn draw(&self, world: &World, canvas: Canvas<'_>) {
        let Canvas { buf, area, scroll, theme, cursor, .. } = canvas;
        let line = paint::line(area, 0);
        let used = paint::left(buf, line, "target   ", theme.heading);
        let room = Rect { x: line.x + used, width: line.width.saturating_sub(used), ..line };
        if let Some(field) = &self.editing {
            *cursor = field.draw(buf, room, theme.accent);
        } else {
            self.draw_target(buf, room, world, theme);
        }
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let Some(tested) = &self.tested else {
            let text = match self.target(world) {
                Some(_) => "Enter tests the target. Nothing is sent before that.",
                None => "Select a TCP socket in Ports, or type a target with e.",
            };
            return message::centred(buf, below, &[(text.to_owned(), theme.dim)]);
        };
        let lines = self.lines(tested, world, below.width, theme);
        for (on_screen, index) in scroll.show(below, lines.len(), None).enumerate() {
            let pieces = lines[index].iter().map(|(text, style)| (text.as_str().into(), *style));
            paint::spans(buf, paint::line(below, on_screen), pieces);
        }
    }

    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response {
        match command {
            Command::Move(motion) => scroll.go(motion),
            Command::EditTarget => {
                self.editing = Some(Field::new(&self.target(cx.world).unwrap_or_default()));
                self.recalled = self.history.len();
            }
            Command::Accept if self.editing.is_some() => {
                self.accept();
                self.start(cx);
            }
            Command::Complete => self.complete(cx.world),
            Command::Cancel => self.editing = None,
            Command::Probe if self.running.is_some() => self.stop(cx),
            Command::Probe => self.start(cx),
            _ => return Response::Ignored,
        }
        Response::Done
    }

    fn is_typing(&self) -> bool {
        self.editing.is_some()
    }

    fn field(&mut self) -> Option<&mut Field> {
        self.editing.as_mut()
    }

    fn field_key(&mut self, key: KeyEvent, _: &mut Cx<'_>) {
        let step = match key.code {
            KeyCode::Up => -1,
            KeyCode::Down => 1,
            _ => return,
        };
        let Some(field) = &mut self.editing else { return };
        self.recalled = self.recalled.saturating_add_signed(step).min(self.history.len());
        field.set(self.history.get(self.recalled).map_or("", String::as_str));
    }

    fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, _: &mut Cx<'_>) {
        let (Some(running), Some(tested)) = (&self.running, &mut self.tested) else { return };
        if running.id != id {
            return;
        }
        match answer.take() {
            Some(Answer::Attempted(attempt)) => tested.attempt = Some(*attempt),
            Some(Answer::Probed(end)) => {
                self.running = None;
                tested.end = Some(end);
            }
            other => *answer = other,
        }
    }

    fn wake_at(&self, world: &World) -> Option<Instant> {
        self.running.as_ref().map(|_| world.now.at + FRAME)
    }

    fn export(&self, world: &World, format: ExportFormat) -> Option<Export> {
        let report = self.tested.as_ref()?.end.as_ref()?.as_ref().ok()?;
        Some(Export { content: Content::Probe(report.clone()), format, at: world.now.wall })
    }

    fn copy(&self, world: &World) -> Option<String> {
        self.target(world)
    }
}

impl Tester {
    /// The typed target, else the one that the selection offers.
    fn target(&self, world: &World) -> Option<String> {
        let offered = || label::probe_target(&world.selection.as_ref()?.row.socket);
        self.typed.clone().or_else(offered)
    }

    /// Takes what was typed; an empty field follows the selection again.
    fn accept(&mut self) {
        let Some(field) = self.editing.take() else { return };
        let text = field.text().trim().to_owned();
        self.typed = (!text.is_empty()).then(|| text.clone());
        if self.typed.is_some() {
            self.history.retain(|old| *old != text);
            self.history.push_back(text);
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
    }

    /// Tab: the newest target of the history, or the selection's, that begins as typed.
    fn complete(&mut self, world: &World) {
        let Some(field) = &mut self.editing else { return };
        let selection = world.selection.as_ref();
        let offered = selection.and_then(|s| label::probe_target(&s.row.socket));
        let candidates = self.history.iter().rev().cloned().chain(offered);
        let begins = |candidate: &String| {
            candidate.starts_with(field.text()) && candidate != field.text()
        };
        if let Some(candidate) = candidates.into_iter().find(begins) {
            field.set(&candidate);
        }
    }

    fn start(&mut self, cx: &mut Cx<'_>) {
        let Some(target) = self.target(cx.world) else {
            cx.world.complain("No target: select a TCP socket in Ports, or type one with e");
            return;
        };
        self.stop(cx);
        let id = cx.requests.next_id();
        self.running = Some(Running { id, since: cx.now.at });
        self.tested = Some(Tested { target: target.clone(), attempt: None, end: None });
        cx.effects.push(Effect::Probe(id, ProbeOrder { target }));
    }

    fn stop(&mut self, cx: &mut Cx<'_>) {
        if let Some(running) = self.running.take() {
            cx.effects.push(Effect::StopProbe(running.id));
        }
    }

    fn draw_target(&self, buf: &mut Buffer, room: Rect, world: &World, theme: &Theme) {
        let target = self.target(world);
        let (text, style) = match &target {
            Some(target) => (clean(target), theme.accent),
            None => (units::UNKNOWN.into(), theme.dim),
        };
        let origin = match (&self.typed, &target) {
            (Some(_), _) => "  typed; emptied it follows the selection",
            (None, Some(_)) => "  from the selection",
            (None, None) => "",
        };
        paint::spans(buf, room, [(text, style), (origin.into(), theme.dim)]);
    }

    fn lines(&self, tested: &Tested, world: &World, width: u16, theme: &Theme) -> Vec<Line> {
        let mut lines = Vec::new();
        if Some(&tested.target) != self.target(world).as_ref() {
            lines.push(vec![(format!("tested   {}", clean(&tested.target)), theme.dim)]);
        }
        let attempt = match &tested.end {
            Some(Ok(report)) => report.attempts.last(),
            _ => tested.attempt.as_ref(),
        };
        if let Some(attempt) = attempt {
            lines.extend(waterfall(attempt, width, theme));
        }
        match (&self.running, &tested.end) {
            (_, Some(Ok(report))) => verdict(&report.verdict, width, theme, &mut lines),
            (_, Some(Err(why))) => {
                let text = format!("! {}", clean(why));
                lines.extend(paint::wrap(&text, width).into_iter().map(|l| vec![(l, theme.danger)]));
            }
            (Some(running), None) => {
                let elapsed = world.now.at.saturating_duration_since(running.since);
                let text = format!("testing … {}; Enter stops it", units::duration(elapsed));
                lines.push(vec![(text, theme.dim)]);
            }
            (None, None) => lines.push(vec![("stopped".to_owned(), theme.dim)]),
        }
        lines
    }
}

type Line = Vec<(String, Style)>;

/// A bar for each stage, where it began and how long it took, with its facts.
fn waterfall(attempt: &Attempt, width: u16, theme: &Theme) -> Vec<Line> {
    let total: u64 = attempt.stages.iter().map(|stage| stage.duration_us).sum();
    let columns: u64 = if width >= 60 { 16 } else { 0 };
    let mut before = 0;
    let mut lines = Vec::new();
    if let Some(address) = attempt.address {
        lines.push(vec![("address  ".to_owned(), theme.heading), (address.to_string(), theme.text)]);
    }
    for stage in &attempt.stages {
        let (sign, style) = if stage.ok { ("✓", theme.fresh) } else { ("✗", theme.danger) };
        let time = units::duration(Duration::from_micros(stage.duration_us));
        let mut line = vec![
            (format!("{:<9}", stage.name.name()), theme.heading),
            (format!("{sign} {time:>9} "), style),
        ];
        if columns > 0 {
            line.push((bar(before, stage.duration_us, total, columns), theme.accent));
        }
        line.push((format!(" {}", facts(stage)), theme.text));
        lines.push(line);
        before += stage.duration_us;
    }
    lines
}

/// A bar of at least one cell, at its place between the start and the end of the attempt.
fn bar(before: u64, duration: u64, total: u64, columns: u64) -> String {
    let total = total.max(1);
    let start = (before * columns / total).min(columns - 1);
    let length = (duration * columns / total).clamp(1, columns - start);
    let cells = |n: u64| usize::try_from(n).unwrap_or(0);
    let rest = cells(columns - start - length);
    format!("{}{}{}", " ".repeat(cells(start)), "━".repeat(cells(length)), " ".repeat(rest))
}

fn facts(stage: &Stage) -> String {
    let fact = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) => Some(format!("{name} {text}")),
        other => Some(format!("{name} {other}")),
    };
    let facts: Vec<String> = stage.detail.iter().filter_map(fact).collect();
    clean(&facts.join(", ")).into_owned()
}

/// `REFUSED, the peer's side: …`, wrapped under its own heading.
fn verdict(verdict: &Verdict, width: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let style = if verdict.outcome == OutcomeKind::Ok { theme.fresh } else { theme.danger };
    let side = match verdict.side {
        Some(Side::Local) => ", this host's side",
        Some(Side::Path) => ", on the path",
        Some(Side::Peer) => ", the peer's side",
        None => "",
    };
    let outcome = verdict.outcome.name().to_uppercase();
    lines.push(vec![
        ("verdict  ".to_owned(), theme.heading),
        (format!("{outcome}{side}"), style),
    ]);
    for text in paint::wrap(&clean(&verdict.text), width.saturating_sub(9)) {
        lines.push(vec![(format!("         {text}"), theme.text)]);
    }
}
