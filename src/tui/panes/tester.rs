//! Tester: whether an endpoint answers. It offers the selected socket's address and never
//! knocks by itself.

mod board;
mod histogram;
mod known;
mod lines;
mod past;
mod path;
mod run;
mod talk;
mod target;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::probe::{Carrier, Progress, Target};
use crate::text::clean;
use crate::tui::command::{Command, ExportFormat, Motion};
use crate::tui::effect::{Effect, ProbeOrder};
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::pane::{Canvas, Cx, Pane, PaneId, Response};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::message;
use crate::tui::widgets::paint::{self, Line};
use crate::tui::widgets::scroll::Scroll;
use crate::tui::world::World;

use board::Board;
use lines::{Chosen, Page};
use past::History;
use path::Path;
use run::Run;
use talk::Talk;
use target::TargetLine;

/// A running test is drawn anew this often.
const FRAME: Duration = Duration::from_millis(100);

/// The state of Tester.
#[derive(Debug, Default)]
pub struct Tester {
    target: TargetLine,
    run: Option<Run>,
    history: History,
    /// While it is shown in place of the test.
    board: Option<Board>,
    /// While it is shown in place of the test.
    talk: Option<Talk>,
    /// A stage of the run, for Enter.
    chosen: Option<Chosen>,
    // Why the last target could not be tested at all.
    refused: Option<String>,
}

impl Pane for Tester {
    fn id(&self) -> PaneId {
        PaneId::Tester
    }

    fn subject(&self, world: &World, _: u16) -> String {
        if self.board.is_some() {
            return "targets of the configuration".to_owned();
        }
        let continuous = self.run.as_ref().is_some_and(Run::is_continuous);
        let every = if continuous { " ─ every 1 s" } else { "" };
        let target = self.target.text(world).unwrap_or_default();
        format!("{}{every}", clean(&target))
    }

    /// `TIMEOUT, local side (12:03:58)`.
    fn badge(&self, world: &World) -> Option<String> {
        if let Some(board) = &self.board {
            return Some(board.sums().unwrap_or_else(|| "testing …".to_owned()));
        }
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
        if let Some(talk) = &self.talk {
            let typed = u16::from(talk.is_open() && below.height > 0);
            let above = Rect { height: below.height - typed, ..below };
            let lines = talk.lines(world.now, below.width, theme);
            let end = lines.len().checked_sub(1).filter(|_| talk.follows);
            show(&lines, end, scroll, buf, above);
            let row = paint::line(below, usize::from(above.height));
            *cursor = talk.draw_field(buf, row, theme).or(*cursor);
            return;
        }
        if let Some(board) = &self.board {
            return show(&board.lines(world, theme), None, scroll, buf, below);
        }
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
            if let Some((at, verdict)) = self.history.newest(&target) {
                known.push(known::last(at, verdict, world, theme));
            }
            for text in paint::wrap(&known::offer(&target), below.width) {
                known.push(vec![(text, theme.dim)]);
            }
            for (row, line) in known.iter().take(below.height.into()).enumerate() {
                paint::pieces(buf, paint::line(below, row), line);
            }
            return;
        };
        let target = self.target.text(world);
        let now = world.now.at;
        let Page { mut lines, chosen } =
            lines::of(run, self.chosen, target.as_deref(), now, below.width, theme);
        lines.extend(self.history.lines(world, theme));
        show(&lines, chosen, scroll, buf, below);
    }

    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response {
        let is_running = self.run.as_ref().is_some_and(Run::is_running);
        match command {
            Command::Accept if self.is_talking() => self.say(cx),
            Command::Complete if self.is_talking() => {}
            Command::Cancel if self.is_talking() => self.hang_up(cx),
            Command::Move(motion) => self.choose(motion, scroll),
            Command::Talk => self.start_talk(cx),
            Command::TracePath => self.trace(cx),
            Command::EditTarget => {
                self.leave_talk(cx);
                self.refused = None;
                self.target.open(cx.world);
            }
            Command::Accept if self.target.accept() => self.start(false, cx),
            Command::Complete => self.target.complete(cx.world),
            Command::Cancel => self.target.cancel(),
            Command::Probe | Command::ProbeContinuously if is_running => self.stop(cx),
            Command::Probe if self.chosen.is_some() => {
                self.chosen = self.chosen.map(|chosen| Chosen { open: !chosen.open, ..chosen });
            }
            Command::ProbeAll => self.test_all(cx),
            Command::Probe => self.start(false, cx),
            Command::ProbeContinuously => self.start(true, cx),
            _ => return Response::Ignored,
        }
        Response::Done
    }

    fn is_typing(&self) -> bool {
        self.target.is_open() || self.is_talking()
    }

    fn field(&mut self) -> Option<&mut Field> {
        match &mut self.talk {
            Some(talk) if talk.is_open() => talk.field(),
            _ => self.target.field(),
        }
    }

    fn field_key(&mut self, key: KeyEvent, _: &mut Cx<'_>) {
        let step = match key.code {
            KeyCode::Up => -1,
            KeyCode::Down => 1,
            _ => return,
        };
        match &mut self.talk {
            Some(talk) if talk.is_open() => talk.recall(step),
            _ => self.target.recall(step),
        }
    }

    fn wheel(&mut self, lines: isize, scroll: &mut Scroll, _: &mut Cx<'_>) {
        if let Some(talk) = &mut self.talk {
            talk.follows = false;
        }
        scroll.by(lines);
    }

    fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, cx: &mut Cx<'_>) {
        if let Some(board) = self.board.as_mut().filter(|board| board.id == id) {
            match answer.take() {
                Some(Answer::ProbedOf(index, verdict)) => board.take(index, *verdict, cx.now.wall),
                other => *answer = other,
            }
            return;
        }
        if let Some(talk) = self.talk.as_mut().filter(|talk| talk.way.id == id) {
            match answer.take() {
                Some(Answer::Probing(progress)) => talk.way.progress(progress, cx.now),
                Some(Answer::Talking(step)) => talk.take(step),
                other => *answer = other,
            }
            return;
        }
        let Some(run) = self.run.as_mut() else { return };
        if run.path.as_ref().is_some_and(|path| path.id == id) {
            match answer.take() {
                Some(Answer::Path(hops)) => run.arrived(hops),
                other => *answer = other,
            }
            return;
        }
        if run.id != id {
            return;
        }
        match answer.take() {
            Some(Answer::Probing(progress)) => {
                if let Progress::AttemptDone { attempt, summary } = &progress {
                    let again = summary.sent > 1;
                    self.history.note(&run.target, &attempt.verdict, cx.now.wall, again);
                }
                run.progress(progress, cx.now);
            }
            Some(Answer::Probed(report)) => {
                run.end(report);
                if std::mem::take(&mut run.wants_path) {
                    trace(run, cx);
                }
            }
            other => *answer = other,
        }
    }

    fn wake_at(&self, world: &World) -> Option<Instant> {
        let way = self.talk.as_ref().map(|talk| &talk.way);
        let run = way.or(self.run.as_ref()).filter(|run| run.is_waiting())?;
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
        let Some((text, target)) = self.aim(cx) else { return };
        self.stop(cx);
        let id = cx.requests.next_id();
        self.run = Some(Run::new(id, text, continuous, cx.now.at));
        cx.effects.push(Effect::Probe(id, ProbeOrder { target, continuous }));
    }

    /// The target, and the page cleared for something new about it.
    fn aim(&mut self, cx: &mut Cx<'_>) -> Option<(String, Target)> {
        let Some(text) = self.target.text(cx.world) else {
            cx.world.complain("No target: select a TCP socket in Ports, or type one with e");
            return None;
        };
        let target: Target = match text.parse() {
            Ok(target) => target,
            Err(error) => {
                self.refused = Some(error.to_string());
                return None;
            }
        };
        self.leave_talk(cx);
        self.refused = None;
        (self.chosen, self.board) = (None, None);
        Some((text, target))
    }

    /// The path to the address of the newest test; to that of the target once it is tested.
    fn trace(&mut self, cx: &mut Cx<'_>) {
        let text = self.target.text(cx.world);
        self.leave_talk(cx);
        let run = self.run.as_mut().filter(|run| Some(&run.target) == text.as_ref());
        match run {
            Some(run) if run.address.is_some() => trace(run, cx),
            Some(run) if run.is_running() => run.wants_path = true,
            _ => {
                self.start(false, cx);
                if let Some(run) = self.run.as_mut().filter(|run| run.is_running()) {
                    run.wants_path = true;
                }
            }
        }
    }

    fn start_talk(&mut self, cx: &mut Cx<'_>) {
        let Some((text, target)) = self.aim(cx) else { return };
        self.stop(cx);
        let id = cx.requests.next_id();
        let ends_lines = target.protocol().carrier() != Carrier::Udp;
        self.talk = Some(Talk::new(Run::new(id, text, false, cx.now.at), ends_lines));
        cx.effects.push(Effect::Talk(id, target));
    }

    fn is_talking(&self) -> bool {
        self.talk.as_ref().is_some_and(Talk::is_open)
    }

    fn say(&mut self, cx: &mut Cx<'_>) {
        let Some(talk) = &mut self.talk else { return };
        match talk.line() {
            Some(Ok(words)) => cx.effects.push(Effect::Say(talk.way.id, words)),
            Some(Err(wrong)) => cx.world.complain(wrong),
            None => {}
        }
    }

    /// Ends the talk, and leaves it on screen.
    fn hang_up(&mut self, cx: &mut Cx<'_>) {
        let Some(talk) = self.talk.as_mut().filter(|talk| talk.is_open()) else { return };
        cx.effects.push(Effect::HangUp(talk.way.id));
        talk.end();
    }

    fn leave_talk(&mut self, cx: &mut Cx<'_>) {
        self.hang_up(cx);
        self.talk = None;
    }

    fn test_all(&mut self, cx: &mut Cx<'_>) {
        if self.board.take().is_some() {
            return;
        }
        if cx.world.targets.is_empty() {
            let text = "No saved target: name some in the configuration, below [targets]";
            return cx.world.complain(text);
        }
        self.leave_talk(cx);
        let id = cx.requests.next_id();
        self.board = Some(Board::new(id, cx.world.targets.len()));
        let targets = cx.world.targets.iter().map(|(_, target)| target.clone()).collect();
        cx.effects.push(Effect::ProbeAll(id, targets));
    }

    /// Goes from stage to stage, above the first to none; what else there is is scrolled to.
    fn choose(&mut self, motion: Motion, scroll: &mut Scroll) {
        if let Some(talk) = &mut self.talk {
            talk.follows = false;
            return scroll.go(motion);
        }
        let last = self.run.as_ref().and_then(|run| run.stages.len().checked_sub(1));
        let at = self.chosen.map(|chosen| chosen.stage);
        let stage = match (motion, at, last) {
            (Motion::Down, None, Some(_)) => 0,
            (Motion::Down, Some(at), Some(last)) if at < last => at + 1,
            (Motion::Up, Some(at), _) if at > 0 => at - 1,
            (Motion::Up, Some(_), _) => {
                self.chosen = None;
                return;
            }
            _ => {
                self.chosen = None;
                return scroll.go(motion);
            }
        };
        let open = self.chosen.is_some_and(|chosen| chosen.open);
        self.chosen = Some(Chosen { stage, open });
    }

    /// The report comes with the answer, as after an end by itself.
    fn stop(&mut self, cx: &mut Cx<'_>) {
        if let Some(run) = self.run.as_ref().filter(|run| run.is_running()) {
            cx.effects.push(Effect::StopProbe(run.id));
        }
    }
}

fn trace(run: &mut Run, cx: &mut Cx<'_>) {
    let Some(address) = run.address.filter(|address| address.port() != 0) else {
        cx.world.complain("No path: there is no address with a port to look for");
        return;
    };
    let id = cx.requests.next_id();
    run.path = Some(Path { id, address, hops: None });
    cx.effects.push(Effect::TracePath(id, address));
}

/// Draws as many lines as fit, with the chosen one among them.
fn show(lines: &[Line], chosen: Option<usize>, scroll: &mut Scroll, buf: &mut Buffer, below: Rect) {
    for (on_screen, index) in scroll.show(below, lines.len(), chosen).enumerate() {
        paint::pieces(buf, paint::line(below, on_screen), &lines[index]);
    }
}
