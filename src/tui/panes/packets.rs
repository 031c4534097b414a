//! Packets: what travels. Without the right to capture it says so, and shows the counters
//! of the interfaces instead.

mod drops;
mod filter;
mod flows;
mod lines;
mod lists;
mod look;
mod recording;
mod views;

use std::collections::VecDeque;

use ratatui::layout::{Position, Rect};

use crate::model::packets::{FlowFocus, FlowKey, PacketCounts};
use crate::text::stream::Form;
use crate::text::units;
use crate::tui::command::{Command, ExportFormat, Motion};
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::label;
use crate::tui::pane::{Canvas, Cx, Pane, PaneId, Response};
use crate::tui::theme::Theme;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::message;
use crate::tui::widgets::paint::{self, Line};
use crate::tui::widgets::scroll::Scroll;
use crate::tui::widgets::sparkline::sparkline;
use crate::tui::world::World;
use filter::Filters;
use flows::{Order, Row};
use recording::Recording;
use views::View;

/// Rates kept for the graph.
const HISTORY: usize = 120;

/// The state of Packets.
#[derive(Debug, Default)]
pub struct Packets {
    view: View,
    // Packets a second, a value a sample; `None` where no difference could be taken.
    rates: VecDeque<Option<f64>>,
    seen: u64,
    focus: Option<FlowFocus>,
    order: (Order, bool),
    /// The order of the lists that are not of flows.
    list_order: (lists::Order, bool),
    filters: Filters,
    recording: Recording,
    /// How payload is shown.
    form: Form,
    /// The flow under the cursor.
    cursor: Option<FlowKey>,
    /// The flow that is looked at packet by packet.
    look: Option<FlowKey>,
}

impl Pane for Packets {
    fn id(&self) -> PaneId {
        PaneId::Packets
    }

    fn subject(&self, world: &World, _: u16) -> String {
        let source = world.packets.value().map(|counts| counts.source.as_str()).unwrap_or_default();
        let source = crate::text::clean(source).into_owned();
        let about = match &world.selection {
            Some(selection) if !source.is_empty() => {
                format!("{} ─ {source}", label::local(&selection.row.socket, false))
            }
            _ => source,
        };
        let mut words = vec![self.view.name().to_owned()];
        words.extend(self.filters.words(world.packets.value().map(|counts| &**counts)));
        words.extend(Some(about).filter(|about| !about.is_empty()));
        words.join(" ─ ")
    }

    fn draw(&self, world: &World, canvas: Canvas<'_>) {
        let Canvas { buf, area, scroll, theme, cursor, .. } = canvas;
        let area = self.filters.draw(buf, area, theme, cursor);
        if self.view == View::Drops {
            return drops::draw(world, self.focus.as_ref(), buf, area, scroll, theme);
        }
        let sample = &world.packets.sample;
        let Some(counts) = world.packets.value() else {
            if sample.troubles().next().is_none() {
                let text = match world.is_capture_off {
                    true => {
                        "Capture is off. With capture = \"on_screen\" in the configuration, \
                         packets are counted while this pane is shown."
                    }
                    false => "Counting packets …",
                };
                return message::no_value(buf, area, theme, sample, text);
            }
            let rest = lines::blocked(buf, area, theme, sample);
            let table = lines::interfaces(world, theme);
            return lines::draw_list(buf, rest, scroll, &table);
        };
        let area = message::troubles(buf, area, theme, sample);
        let area = self.recording.draw(world, buf, area, theme);
        self.draw_rate(buf, paint::line(area, 0), counts, theme);
        paint::spans(buf, paint::line(area, 1), lines::totals(counts, world, theme));
        paint::spans(
            buf,
            paint::line(area, 2),
            match world.selected_elsewhere() {
                Some(socket) => lines::elsewhere(socket, theme),
                None => lines::selected(counts, self.focus.as_ref(), theme),
            },
        );
        let height = area.height.saturating_sub(3);
        let below = Rect { y: area.y + area.height.min(3), height, ..area };
        let protocols = lines::protocols(world, theme);
        let (beside, list) = match self.view.has_protocols_beside() {
            true => split(below, protocols.len()),
            false => (Rect { height: 0, ..below }, below),
        };
        lines::draw_lines(buf, beside, &protocols);
        lines::draw_list(buf, list, scroll, &self.list(world, counts, list.width, theme));
    }

    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response {
        match command {
            Command::Move(motion) if self.view == View::Flows => {
                self.move_cursor(motion, scroll, cx.world);
            }
            Command::Move(motion) => scroll.go(motion),
            Command::SortNext | Command::SortReverse => self.sort(command, scroll),
            Command::NextView => {
                let counts_packets = cx.world.packets.value().is_some();
                self.show(self.view.next(counts_packets), scroll, cx);
            }
            Command::PreviousView => {
                let counts_packets = cx.world.packets.value().is_some();
                self.show(self.view.previous(counts_packets), scroll, cx);
            }
            Command::View(name) => {
                self.show(View::named(name).unwrap_or(self.view), scroll, cx);
            }
            Command::Details if self.view == View::Flows => self.show(View::Ladder, scroll, cx),
            Command::HexDump => self.form = self.form.other(),
            Command::WritePackets => self.recording.toggle(cx),
            Command::ResetCounts => {
                cx.effects.push(Effect::ResetCounts);
                cx.world.say("Counting from nothing again");
            }
            Command::ClearFilter if self.view.is_of_one_flow() => {
                self.show(View::Flows, scroll, cx);
            }
            _ => return self.filters.command(command, cx),
        }
        Response::Done
    }

    fn is_typing(&self) -> bool {
        self.filters.is_open()
    }

    fn field(&mut self) -> Option<&mut Field> {
        self.filters.field()
    }

    fn field_changed(&mut self, cx: &mut Cx<'_>) {
        self.filters.changed(cx);
    }

    fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, cx: &mut Cx<'_>) {
        self.filters.answer(id, answer, cx);
    }

    fn advance(&mut self, cx: &mut Cx<'_>) {
        let focus = selected_flows(cx.world);
        if focus != self.focus {
            self.focus = focus;
            cx.effects.push(Effect::FocusFlows(focus));
        }
        self.look_at_flow(cx);
        self.recording.advance(cx);
        let seq = cx.world.packets.sample.seq;
        if seq == self.seen {
            return;
        }
        self.seen = seq;
        self.rates.push_back(packet_rate(cx.world));
        if self.rates.len() > HISTORY {
            self.rates.pop_front();
        }
    }

    fn click(&mut self, at: Position, scroll: &mut Scroll, cx: &mut Cx<'_>) {
        let Some(counts) = cx.world.packets.value() else { return };
        if let (View::Flows, Some(line)) = (self.view, scroll.line_at(at)) {
            let key = self.rows(cx.world, counts).get(line).map(|row| row.flow.key());
            self.cursor = key.or(self.cursor);
        }
    }

    fn copy(&self, world: &World) -> Option<String> {
        let cursor = self.cursor.filter(|_| self.view == View::Flows)?;
        let flow = world.packets.value()?.flows.iter().find(|flow| flow.key() == cursor)?;
        Some(flows::copied(flow))
    }

    fn export(&self, world: &World, format: ExportFormat) -> Option<Export> {
        let content = match self.view {
            View::Drops => Content::Drops(world.drops.value()?.clone()),
            _ => Content::Packets(world.packets.value()?.clone()),
        };
        Some(Export { content, format, at: world.now.wall })
    }
}

impl Packets {
    fn show(&mut self, view: View, scroll: &mut Scroll, cx: &mut Cx<'_>) {
        self.view = view;
        match view {
            View::Drops => cx.effects.push(Effect::WatchDrops),
            View::Stream => cx.effects.push(Effect::TakeWholePackets),
            _ => {}
        }
        scroll.offset = 0;
        self.look_at_flow(cx);
    }

    fn sort(&mut self, command: Command, scroll: &mut Scroll) {
        match (command, self.view) {
            (Command::SortNext, View::Flows) => self.order = (self.order.0.next(), false),
            (Command::SortNext, _) => self.list_order = (self.list_order.0.next(), false),
            (_, View::Flows) => self.order.1 = !self.order.1,
            _ => self.list_order.1 = !self.list_order.1,
        }
        scroll.offset = 0;
    }

    /// Asks for the packets of the flow under the cursor, else of the selection's first, while they
    /// are on screen.
    fn look_at_flow(&mut self, cx: &mut Cx<'_>) {
        let flow = self.flow_to_look_at(cx.world).filter(|_| self.view.is_of_one_flow());
        if flow != self.look {
            self.look = flow;
            cx.effects.push(Effect::LookAtFlow(flow));
        }
    }

    fn flow_to_look_at(&self, world: &World) -> Option<FlowKey> {
        let counts = world.packets.value()?;
        let rows = self.rows(world, counts);
        let of_cursor = self.cursor.filter(|key| rows.iter().any(|row| row.flow.key() == *key));
        of_cursor.or_else(|| rows.first().map(|row| row.flow.key()))
    }

    fn rows<'a>(&self, world: &World, counts: &'a PacketCounts) -> Vec<Row<'a>> {
        let mut rows = flows::rows(world, counts, self.focus.as_ref(), self.order);
        // What was counted before the filter changed may be on screen for a moment, or frozen.
        rows.retain(|row| self.filters.has(row.flow));
        rows
    }

    /// The cursor follows its flow, wherever that stands now.
    fn place_of_cursor(&self, rows: &[Row<'_>]) -> Option<usize> {
        let cursor = self.cursor?;
        rows.iter().position(|row| row.flow.key() == cursor)
    }

    fn move_cursor(&mut self, motion: Motion, scroll: &mut Scroll, world: &World) {
        let Some(counts) = world.packets.value() else { return };
        let rows = self.rows(world, counts);
        let Some(last) = rows.len().checked_sub(1) else { return };
        let page = scroll.page().max(1);
        let to = match (self.place_of_cursor(&rows), motion) {
            (_, Motion::First)
            | (None, Motion::Down | Motion::PageDown | Motion::Up | Motion::PageUp) => 0,
            (_, Motion::Last) => last,
            (Some(at), Motion::Up) => at.saturating_sub(1),
            (Some(at), Motion::Down) => (at + 1).min(last),
            (Some(at), Motion::PageUp) => at.saturating_sub(page),
            (Some(at), Motion::PageDown) => (at + page).min(last),
        };
        self.cursor = Some(rows[to].flow.key());
        let first = (to + 1).saturating_sub(page);
        scroll.offset = scroll.offset.clamp(first, to);
    }

    fn draw_rate(
        &self,
        buf: &mut ratatui::buffer::Buffer,
        line: Rect,
        counts: &PacketCounts,
        theme: &Theme,
    ) {
        let (losses, is_bad) = lines::losses(counts);
        let style = if is_bad { theme.danger } else { theme.dim };
        let used = paint::right(buf, line, &losses, style);
        let room = line.width.saturating_sub(used + 1);
        let rate = self.rates.back().copied().flatten();
        let rate = rate.map_or(units::UNKNOWN.to_owned(), |rate| units::count(rate as u64));
        let rate = format!(" {rate} pkt/s");
        let rates: Vec<Option<f64>> = self.rates.iter().copied().collect();
        let columns = usize::from(room.saturating_sub(paint::width(&rate))).min(40);
        let graph = sparkline(&rates, columns);
        paint::spans(
            buf,
            Rect { width: room, ..line },
            [(graph.into(), theme.accent), (rate.into(), theme.text)],
        );
    }

    fn list(&self, world: &World, counts: &PacketCounts, width: u16, theme: &Theme) -> Vec<Line> {
        let mut list = match self.view {
            View::Flows => {
                let rows = self.rows(world, counts);
                let cursor = self.place_of_cursor(&rows);
                flows::lines(&rows, self.order.0, cursor, width, theme)
            }
            View::Ladder => look::ladder(counts, self.look.as_ref(), width, theme),
            View::Packets => look::packets(counts, self.look.as_ref(), theme),
            View::Stream => look::stream(counts, self.look.as_ref(), self.form, width, theme),
            View::Hosts => lists::hosts(counts, self.list_order, theme),
            View::Applications => lists::applications(counts, self.list_order, theme),
            View::Dns => lines::dns(counts, theme),
            View::Problems => lines::problems(counts, theme),
            View::Ports => lists::ports(counts, world.names, self.list_order, theme),
            View::Processes => lists::processes(counts, self.list_order, theme),
            View::Protocols => lists::layers(counts, self.list_order, theme),
            // Drawn by itself: it needs no packets.
            View::Drops => Vec::new(),
            View::Interfaces => lines::interfaces(world, theme),
        };
        if list.len() == 1 {
            list.push(vec![(self.view.nothing_yet().to_owned(), theme.dim)]);
        }
        list
    }
}

/// Which flows run through the selected socket.
fn selected_flows(world: &World) -> Option<FlowFocus> {
    // What is captured here are other packets, though they may have the same addresses.
    if world.selected_elsewhere().is_some() {
        return None;
    }
    FlowFocus::of(&world.selection.as_ref()?.row.socket)
}

/// Where the protocols go, and where the list: side by side where there is room for both,
/// else the first protocols above it.
fn split(area: Rect, protocols: usize) -> (Rect, Rect) {
    const PROTOCOLS: u16 = 36;
    if area.width >= PROTOCOLS + 60 {
        let list = Rect { x: area.x + PROTOCOLS, width: area.width - PROTOCOLS, ..area };
        return (Rect { width: PROTOCOLS - 2, ..area }, list);
    }
    let wanted = u16::try_from(protocols).unwrap_or(u16::MAX);
    let height = wanted.min(5).min(area.height / 2);
    let list = Rect { y: area.y + height, height: area.height - height, ..area };
    (Rect { height, ..area }, list)
}

fn packet_rate(world: &World) -> Option<f64> {
    let now = world.packets.value()?;
    // Where a gap lies in between there is no rate: it is drawn as one.
    let (before, seconds) = lines::since_before(world)?;
    let packets = now.total.packets.checked_sub(before.total.packets)?;
    Some(packets as f64 / seconds)
}
