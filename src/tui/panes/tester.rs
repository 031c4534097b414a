//! Tester: whether an endpoint answers. It offers the selected socket's address and never
//! knocks by itself.

mod known;
mod lines;
mod run;
mod target;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use crate::probe::Target;
use crate::text::clean;
use crate::tui::command::{Command, ExportFormat};
use crate::tui::effect::{Effect, ProbeOrder};
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::pane::{Canvas, Cx, Pane, PaneId, Response};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::scroll::Scroll;
use crate::tui::widgets::{message, paint};
use crate::tui::world::World;

use run::Run;
use target::TargetLine;

/// A running test is drawn anew this often.
const FRAME: Duration = Duration::from_millis(100);

/// The state of Tester.
#[derive(Debug, Default)]
pub struct Tester {
    target: TargetLine,
    run: Option<Run>,
    // Why the last target could not be tested at all.
    refused: Option<String>,
}

impl Pane for Tester {
    fn id(&self) -> PaneId {
        PaneId::Tester
    }

    fn subject(&self, world: &World, _: u16) -> String {
        let continuous = self.run.as_ref().is_some_and(Run::is_continuous);
        let every = if continuous { " ─ every 1 s" } else { "" };
        let target = self.target.text(world).unwrap_or_default();
        format!("{}{every}", clean(&target))
    }

    /// `TIMEOUT, local side (12:03:58)`.
    fn badge(&self, world: &World) -> Option<String> {
        let run = self.run.as_ref()?;
        let Some(verdict) = &run.verdict else {
            return run.is_running().then(|| "testing …".to_owned());
        };
        let at = run.answered_at?.to_zoned(world.timezone.clone()).strftime("%H:%M:%S");
        Some(format!("{} ({at})", lines::outcome(verdict)))
    }

    fn draw(&self, world: &World, canvas: Canvas<'_>) {
        let Canvas { buf, area, scroll, theme, cursor, .. } = canvas;
        *cursor = self.target.draw(buf, paint::line(area, 0), world, theme).or(*cursor);
        let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if let Some(refused) = &self.refused {
            let text = format!("! {}", clean(refused));
            return message::centred(buf, below, &[(text, theme.danger)]);
        }
        let Some(run) = &self.run else {
            let Some(target) = self.target.text(world) else {
                let text = "Select a TCP socket in Ports, or type a target with e.";
                return message::centred(buf, below, &[(text.to_owned(), theme.dim)]);
            };
            let mut known = Vec::new();
            if !self.target.is_typed() {
                known = known::lines(world, theme);
            }
            for text in paint::wrap(&known::offer(&target), below.width) {
                known.push(vec![(text, theme.dim)]);
            }
            for (row, line) in known.iter().take(below.height.into()).enumerate() {
                let pieces = line.iter().map(|(text, style)| (text.as_str().into(), *style));
                paint::spans(buf, paint::line(below, row), pieces);
            }
            return;
        };
        let target = self.target.text(world);
        let lines = lines::of(run, target.as_deref(), world.now.at, below.width, theme);
        for (on_screen, index) in scroll.show(below, lines.len(), None).enumerate() {
            let pieces = lines[index].iter().map(|(text, style)| (text.as_str().into(), *style));
            paint::spans(buf, paint::line(below, on_screen), pieces);
        }
    }

    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response {
        let is_running = self.run.as_ref().is_some_and(Run::is_running);
        match command {
            Command::Move(motion) => scroll.go(motion),
            Command::EditTarget => {
                self.refused = None;
                self.target.open(cx.world);
            }
            Command::Accept if self.target.accept() => self.start(false, cx),
            Command::Complete => self.target.complete(cx.world),
            Command::Cancel => self.target.cancel(),
            Command::Probe | Command::ProbeContinuously if is_running => self.stop(cx),
            Command::Probe => self.start(false, cx),
            Command::ProbeContinuously => self.start(true, cx),
            _ => return Response::Ignored,
        }
        Response::Done
    }

    fn is_typing(&self) -> bool {
        self.target.is_open()
    }

    fn field(&mut self) -> Option<&mut Field> {
        self.target.field()
    }

    fn field_key(&mut self, key: KeyEvent, _: &mut Cx<'_>) {
        match key.code {
            KeyCode::Up => self.target.recall(-1),
            KeyCode::Down => self.target.recall(1),
            _ => {}
        }
    }

    fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, cx: &mut Cx<'_>) {
        let Some(run) = self.run.as_mut().filter(|run| run.id == id) else { return };
        match answer.take() {
            Some(Answer::Probing(progress)) => run.progress(progress, cx.now),
            Some(Answer::Probed(report)) => run.end(report),
            other => *answer = other,
        }
    }

    fn wake_at(&self, world: &World) -> Option<Instant> {
        let run = self.run.as_ref().filter(|run| run.is_waiting())?;
        Some(world.now.at.max(run.since) + FRAME)
    }

    fn export(&self, world: &World, format: ExportFormat) -> Option<Export> {
        let report = self.run.as_ref()?.report.as_ref()?;
        Some(Export { content: Content::Probe(report.clone()), format, at: world.now.wall })
    }

    fn copy(&self, world: &World) -> Option<String> {
        self.target.text(world)
    }
}

impl Tester {
    fn start(&mut self, continuous: bool, cx: &mut Cx<'_>) {
        let Some(text) = self.target.text(cx.world) else {
            cx.world.complain("No target: select a TCP socket in Ports, or type one with e");
            return;
        };
        let target: Target = match text.parse() {
            Ok(target) => target,
            Err(error) => {
                self.refused = Some(error.to_string());
                return;
            }
        };
        self.refused = None;
        self.stop(cx);
        let id = cx.requests.next_id();
        self.run = Some(Run::new(id, text, continuous, cx.now.at));
        cx.effects.push(Effect::Probe(id, ProbeOrder { target, continuous }));
    }

    /// The report comes with the answer, as after an end by itself.
    fn stop(&mut self, cx: &mut Cx<'_>) {
        if let Some(run) = self.run.as_ref().filter(|run| run.is_running()) {
            cx.effects.push(Effect::StopProbe(run.id));
        }
    }
}
