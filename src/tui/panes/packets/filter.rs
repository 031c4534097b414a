//! The filters of Packets: which flows are listed, in the language of Ports, and what is captured
//! at all, in tcpdump's.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::collect::packets::Wanted;
use crate::model::packets::{Flow, PacketCounts};
use crate::query::{Query, Saved, Table, Truth, complete_flows};
use crate::text::clean;
use crate::tui::command::Command;
use crate::tui::complete::Offers;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::pane::{Cx, Response};
use crate::tui::theme::Theme;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::paint;
use crate::tui::world::World;

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Which flows are listed: it holds while it is typed.
    Flows,
    /// What is captured: it holds from Enter on, and counting begins anew.
    Capture,
}

/// The filters that hold, and the line in which one of them is typed.
#[derive(Debug, Default)]
pub(super) struct Filters {
    query: Option<Arc<Query>>,
    /// The query as it was typed.
    text: String,
    editing: Option<Editing>,
    /// An expression that was handed over to be captured by.
    asked: Option<(RequestId, String)>,
}

#[derive(Debug)]
struct Editing {
    kind: Kind,
    field: Field,
    // What held before, for Esc.
    before: String,
    error: Option<String>,
    offers: Option<Offers>,
}

impl Filters {
    /// Obeys what concerns filters.
    pub(super) fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Response {
        let saved = &cx.world.filters.saved;
        let changed = match command {
            Command::FilterFlows => {
                self.open(Kind::Flows, &self.text.clone());
                false
            }
            Command::FilterCapture => {
                self.open(Kind::Capture, captured(cx.world));
                false
            }
            Command::Complete => {
                let flows = cx.world.packets.value().map_or(&[][..], |counts| &counts.flows[..]);
                self.complete(saved, flows);
                self.read(saved)
            }
            Command::Accept => {
                if let Some(text) = self.accept() {
                    self.capture_only(text, cx);
                }
                false
            }
            Command::Cancel => self.cancel(saved),
            Command::ClearFilter => self.set(String::new(), &Saved::default()),
            _ => return Response::Ignored,
        };
        if changed {
            self.list_flows(cx);
        }
        Response::Done
    }

    /// Something was typed.
    pub(super) fn changed(&mut self, cx: &mut Cx<'_>) {
        if self.read(&cx.world.filters.saved) {
            self.list_flows(cx);
        }
    }

    /// What became of an expression. One that is refused stands in the line again.
    pub(super) fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, cx: &mut Cx<'_>) {
        let Some((_, text)) = self.asked.take_if(|(asked, _)| *asked == id) else { return };
        let Some(Answer::Capturing(result)) = answer.take() else { return };
        match result {
            Ok(()) if text.is_empty() => cx.world.say("Capturing everything, from nothing again"),
            Ok(()) => cx.world.say(format!("Capturing only {text}, from nothing again")),
            Err(why) => {
                self.open(Kind::Capture, &text);
                if let Some(editing) = &mut self.editing {
                    editing.error = Some(why);
                }
            }
        }
    }

    fn list_flows(&self, cx: &mut Cx<'_>) {
        cx.effects.push(Effect::ListFlows(self.wanted()));
    }

    fn capture_only(&mut self, text: String, cx: &mut Cx<'_>) {
        if text == captured(cx.world) {
            return;
        }
        let id = cx.requests.next_id();
        cx.effects.push(Effect::CaptureOnly(id, text.clone()));
        self.asked = Some((id, text));
    }

    /// Opens the line on the filter that holds.
    fn open(&mut self, kind: Kind, text: &str) {
        self.editing = Some(Editing {
            kind,
            field: Field::new(text),
            before: text.to_owned(),
            error: None,
            offers: None,
        });
    }

    /// The field, while it is open.
    pub(super) fn field(&mut self) -> Option<&mut Field> {
        self.editing.as_mut().map(|editing| &mut editing.field)
    }

    /// Whether the line is open.
    pub(super) fn is_open(&self) -> bool {
        self.editing.is_some()
    }

    /// Reads the line anew. `true` when other flows are listed now.
    fn read(&mut self, saved: &Saved) -> bool {
        let Some(Editing { kind, field, offers, error, .. }) = &mut self.editing else {
            return false;
        };
        offers.take_if(|offers| !offers.is_in(field));
        *error = None;
        let text = field.text().to_owned();
        *kind == Kind::Flows && self.set(text, saved)
    }

    /// Completes the word at the cursor of a query; once more takes the next way to go on.
    fn complete(&mut self, saved: &Saved, flows: &[Flow]) {
        let Some(Editing { kind: Kind::Flows, field, offers, .. }) = &mut self.editing else {
            return;
        };
        match offers {
            Some(offers) if offers.goes_on(field) => offers.advance(),
            _ => {
                let complete = |text: &str, at| complete_flows(text, at, saved, flows);
                *offers = Offers::find(field, complete);
            }
        }
        if let Some(offers) = offers {
            let (text, cursor) = offers.applied();
            field.set_at(&text, cursor);
        }
    }

    /// Closes the line, unless something is wrong in it. What is to be captured is handed out.
    fn accept(&mut self) -> Option<String> {
        let editing = self.editing.take_if(|editing| editing.error.is_none())?;
        (editing.kind == Kind::Capture).then(|| editing.field.text().trim().to_owned())
    }

    /// Closes the line and goes back to what held before. `true` when other flows are listed now.
    fn cancel(&mut self, saved: &Saved) -> bool {
        let Some(editing) = self.editing.take() else { return false };
        editing.kind == Kind::Flows && self.set(editing.before, saved)
    }

    fn set(&mut self, text: String, saved: &Saved) -> bool {
        match Query::parse_for(&Table::FLOWS, &text, saved) {
            Ok(query) => {
                let query = (!query.is_empty()).then(|| Arc::new(query));
                let changed = query != self.query;
                (self.query, self.text) = (query, text);
                changed
            }
            Err(error) => {
                if let Some(editing) = &mut self.editing {
                    editing.error = Some(format!("column {}: {}", error.column, error.message));
                }
                false
            }
        }
    }

    /// Whether a flow is listed. One of which nobody can tell is not.
    pub(super) fn has(&self, flow: &Flow) -> bool {
        self.query.as_ref().is_none_or(|query| query.matches_flow(flow) == Truth::Yes)
    }

    /// The same for those who make the lists.
    fn wanted(&self) -> Option<Wanted> {
        let query = Arc::clone(self.query.as_ref()?);
        Some(Wanted::new(move |flow| query.matches_flow(flow) == Truth::Yes))
    }

    /// `/port:443 3 of 120 ─ only tcp`: the filters that hold.
    pub(super) fn words(&self, counts: Option<&PacketCounts>) -> Vec<String> {
        let mut words = Vec::new();
        if self.query.is_some() {
            let text = format!("/{}", clean(&self.text));
            let of = counts.and_then(|counts| Some((counts.flows_wanted?, counts.flows_seen)));
            words.push(
                of.map_or(text.clone(), |(wanted, seen)| format!("{text} {wanted} of {seen}")),
            );
        }
        let captured = counts.and_then(|counts| counts.filter.as_deref());
        words.extend(captured.map(|filter| format!("only {}", clean(filter))));
        words
    }

    /// The open line, with what is wrong below it. Returns the rest of the area.
    pub(super) fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        theme: &Theme,
        cursor: &mut Option<Position>,
    ) -> Rect {
        let Some(Editing { kind, field, error, offers, .. }) = &self.editing else { return area };
        let prompt = match kind {
            Kind::Flows => " /",
            Kind::Capture => " capture only: ",
        };
        let line = paint::line(area, 0);
        let used = paint::left(buf, line, prompt, theme.accent);
        let room = Rect { x: line.x + used, width: line.width.saturating_sub(used), ..line };
        *cursor = field.draw(buf, room, theme.text);
        let mut lines = 1;
        if let Some(offers) = offers {
            paint::spans(buf, paint::line(area, lines), offers.line(theme));
            lines += 1;
        }
        for piece in
            error.iter().flat_map(|error| paint::wrap(&format!(" ! {}", clean(error)), area.width))
        {
            paint::left(buf, paint::line(area, lines), &piece, theme.danger);
            lines += 1;
        }
        let lines = u16::try_from(lines).unwrap_or(u16::MAX).min(area.height);
        Rect { y: area.y + lines, height: area.height - lines, ..area }
    }
}

/// The expression that packets have to pass to be captured.
fn captured(world: &World) -> &str {
    world.packets.value().and_then(|counts| counts.filter.as_deref()).unwrap_or_default()
}
