//! The application: events in, effects out. Synchronous, without I/O and without a clock of
//! its own, so that all of it is tested without a terminal.

mod hosts;
mod input;
mod perform;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use ratatui::layout::{Position, Rect};

use crate::config::CaptureWhen;
use crate::probe::Target;

use super::command::Command;
use super::cx::Cx;
use super::dialog::{self, Dialog};
use super::effect::{Capturing, Effect, Requests};
use super::event::{Answer, Event, FeedUpdate, Moment, RequestId};
use super::filters::Filters;
use super::geometry::{Arrangement, Geometry, Split};
use super::keymap::Context;
use super::log::{ActionLog, Entry};
use super::pane::{Pane, PaneId, Response};
use super::panes;
use super::remembered::{self, View};
use super::theme::Theme;
use super::widgets::paint;
use super::widgets::scroll::Scroll;
use super::world::World;

/// A running action is drawn anew this often.
const FRAME: Duration = Duration::from_millis(100);

/// A pane with the scroll state that drawing it may change.
#[derive(Debug)]
pub struct Slot {
    /// The pane.
    pub pane: Box<dyn Pane>,
    /// Where it is scrolled to.
    pub scroll: Scroll,
}

/// The whole state of the dashboard.
#[derive(Debug)]
pub struct App {
    /// What all panes share.
    pub world: World,
    /// The panes, by [`PaneId::index`].
    pub slots: [Slot; 4],
    /// The pane that has the keyboard.
    pub focus: PaneId,
    /// Whether it has the whole screen.
    pub zoom: bool,
    /// Which of Options and Tester stands beside Packets where there is room for two: the one
    /// that had the focus last.
    beside: PaneId,
    /// How tall Ports is.
    split: Split,
    /// What lies over the panes.
    pub dialog: Option<dialog::Open>,
    /// What was done to the system.
    pub log: ActionLog,
    /// Colours.
    pub theme: Theme,
    /// Whether the mouse is ours.
    pub mouse: bool,
    has_clipboard: bool,
    screen: Rect,
    requests: Requests,
    capturing: Option<Capturing>,
    capture_when: CaptureWhen,
    clicked: Option<(Instant, Position)>,
    // The mouse holds the split.
    dragging: bool,
    remembered: View,
    all_netns_at_first: bool,
    remember: bool,
    dirty: bool,
}

/// How the dashboard begins.
#[derive(Clone, Debug)]
pub struct Start {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Colours.
    pub theme: Theme,
    /// Whether the mouse is ours.
    pub mouse: bool,
    /// When packets are captured.
    pub capture: CaptureWhen,
    /// Whether the terminal may have a clipboard.
    pub has_clipboard: bool,
    /// The process that sockpit is.
    pub own_pid: u32,
    /// The view to begin with.
    pub view: View,
    /// Whether changes of it are remembered.
    pub remember: bool,
    /// For the clock in the header.
    pub timezone: TimeZone,
    /// What earlier runs left of filters.
    pub filters: Filters,
    /// The targets that the configuration has, by name.
    pub targets: Vec<(String, Target)>,
}

impl App {
    /// The dashboard before the first event.
    pub fn new(start: Start, now: Moment) -> Self {
        let mut world = World::new(now, start.timezone);
        world.filters = start.filters;
        world.targets = start.targets.into();
        world.own_pid = start.own_pid;
        world.is_capture_off = start.capture == CaptureWhen::Off;
        world.names = start.view.names;
        world.columns.clone_from(&start.view.columns);
        let slots = panes::all().map(|mut pane| {
            pane.recall(&start.view);
            Slot { pane, scroll: Scroll::default() }
        });
        Self {
            world,
            slots,
            focus: PaneId::Ports,
            zoom: false,
            beside: PaneId::Options,
            split: start.view.split,
            dialog: None,
            log: ActionLog::default(),
            theme: start.theme,
            mouse: start.mouse,
            has_clipboard: start.has_clipboard,
            screen: Rect::new(0, 0, start.size.0, start.size.1),
            requests: Requests::default(),
            capturing: None,
            capture_when: start.capture,
            clicked: None,
            dragging: false,
            // Every namespace is asked for in the first update.
            remembered: View { all_netns: false, ..start.view.clone() },
            all_netns_at_first: start.view.all_netns,
            remember: start.remember,
            dirty: true,
        }
    }

    /// Takes in what happened at `now`, and says what shall be done about it.
    pub fn update(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        self.world.now = now;
        self.world.expire_notice();
        let mut effects = Vec::new();
        match event {
            Event::Key(key) => self.key(key, &mut effects),
            Event::Mouse(mouse) => self.mouse(mouse, &mut effects),
            Event::Paste(text) => self.paste(&text, &mut effects),
            Event::Resize(width, height) => self.resize(width, height),
            Event::Tick => self.dirty = true,
            Event::Feed(update) => self.feed(update, &mut effects),
            Event::Answer(id, answer) => self.answer(id, answer, &mut effects),
        }
        self.advance(&mut effects);
        self.capture(&mut effects);
        self.ask_for_names(&mut effects);
        self.remember(&mut effects);
        effects.iter().filter_map(Effect::action).for_each(|id| self.log.begin(id));
        effects
    }

    /// Where the keys that hold everywhere are reminded of; `None` while a notice is there.
    pub fn reminders(&self, line: Rect) -> Option<Rect> {
        let taken = paint::width(&self.failures());
        let free = Rect { width: line.width.saturating_sub(taken), ..line };
        self.world.notice.is_none().then_some(free)
    }

    /// Failures that nobody has seen yet, as the last line tells of them.
    pub fn failures(&self) -> String {
        match self.log.unseen_failures {
            0 => String::new(),
            1 => " ! 1 action failed: L ".to_owned(),
            several => format!(" ! {several} actions failed: L "),
        }
    }

    /// Whether the screen should be drawn anew; asking clears it.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// When a [`Event::Tick`] is wanted at the latest.
    pub fn wake_at(&self) -> Option<Instant> {
        let panes = self.slots.iter().filter_map(|slot| slot.pane.wake_at(&self.world));
        let runs = self.log.is_running().then(|| self.world.now.at + FRAME);
        panes.chain(runs).chain(self.world.notice_until()).min()
    }

    /// Where things are; `None` on a screen too small for any of it.
    pub fn geometry(&self) -> Option<Geometry> {
        Geometry::new(self.screen, self.arrangement())
    }

    /// What the user has made of the screen.
    pub fn arrangement(&self) -> Arrangement {
        let Self { focus, zoom, beside, split, .. } = *self;
        Arrangement { focus, zoom, beside, split }
    }

    /// The screen.
    pub fn screen(&self) -> Rect {
        self.screen
    }

    /// Which keys hold right now.
    pub fn context(&self) -> Context {
        match &self.dialog {
            Some(_) => Context::Dialog,
            None if self.slots[self.focus.index()].pane.is_typing() => Context::Field,
            None => Context::Pane(self.focus),
        }
    }

    fn resize(&mut self, width: u16, height: u16) {
        self.screen = Rect::new(0, 0, width, height);
        self.dirty = true;
    }

    fn feed(&mut self, update: FeedUpdate, effects: &mut Vec<Effect>) {
        // Also while the view is frozen: who waits for a port does not look.
        if let FeedUpdate::Ports(sample) = &update
            && let Some(table) = &sample.value
        {
            for event in self.world.bell.look(table) {
                self.world.say(&*event);
                self.dirty = true;
                effects.push(Effect::Ring(event));
            }
        }
        self.dirty |= !self.world.is_frozen();
        self.world.take(update);
    }

    /// Hands an answer to whoever asked. Outcomes of actions are logged whether or not
    /// anyone still looks; anything else that nobody waits for is stale and dropped.
    fn answer(&mut self, id: RequestId, answer: Answer, effects: &mut Vec<Effect>) {
        self.dirty = true;
        self.log_outcome(id, &answer);
        self.with_dialog(effects, |dialog, cx| dialog.answer(id, &answer, cx));
        if let Answer::Kept(Err(why)) = &answer {
            self.world.complain(why.clone());
        }
        if let Answer::Exported(result) = &answer {
            match result {
                Ok(path) => self.world.say(format!("Written: {}", path.display())),
                Err(why) => self.world.complain(why.clone()),
            }
        }
        let answer = match answer {
            Answer::Copied(text, tool) => return self.copied(&text, tool, effects),
            Answer::Named(addr, answer) => return self.take_name(addr, answer),
            answer => answer,
        };
        let mut answer = Some(answer);
        self.each_pane(effects, |pane, cx| {
            if answer.is_some() {
                pane.answer(id, &mut answer, cx);
            }
        });
    }

    fn log_outcome(&mut self, id: RequestId, answer: &Answer) {
        let at = self.world.now.wall;
        let entries: Vec<Entry> = match answer {
            Answer::Killed(outcomes) => outcomes.iter().map(|o| Entry::of_kill(at, o)).collect(),
            Answer::Stopped(stopped) => vec![Entry::of_stop(at, stopped)],
            Answer::Acted(done) => vec![Entry::of(at, &**done)],
            _ => return,
        };
        let watched = self.dialog.as_ref().is_some_and(|dialog| dialog.shows(id));
        if let Some(last) = entries.last().filter(|_| !watched) {
            if last.ok { self.world.say(&*last.text) } else { self.world.complain(&*last.text) }
        }
        self.log.end(id, entries, watched);
    }

    /// Lets every pane and the dialog do what is due.
    fn advance(&mut self, effects: &mut Vec<Effect>) {
        self.world.is_covered = self.dialog.is_some();
        let geometry = self.geometry();
        self.world.shows_options = geometry.is_some_and(|it| it.shows(PaneId::Options));
        self.each_pane(effects, |pane, cx| pane.advance(cx));
        self.with_dialog(effects, dialog::Open::advance);
    }

    fn focus(&mut self, pane: PaneId) {
        self.focus = pane;
        if matches!(pane, PaneId::Options | PaneId::Tester) {
            self.beside = pane;
        }
    }

    /// Packets are captured as it is configured: what is not on screen is counted on.
    fn capture(&mut self, effects: &mut Vec<Effect>) {
        let visible = self.geometry().is_some_and(|geometry| geometry.shows(PaneId::Packets));
        let counts = self.world.packets.value();
        let writing = counts.and_then(|counts| counts.writing.as_ref());
        let attended = visible || writing.is_some_and(|writing| !writing.is_closed);
        let has_begun = self.capturing.is_some_and(|how| how != Capturing::Off);
        let wanted = match self.capture_when {
            CaptureWhen::Off => Capturing::Off,
            _ if attended => Capturing::Attended,
            CaptureWhen::Always if has_begun => Capturing::InBackground,
            CaptureWhen::Always | CaptureWhen::OnScreen => Capturing::Off,
        };
        if self.capturing != Some(wanted) {
            self.capturing = Some(wanted);
            effects.push(Effect::Capture(wanted));
        }
    }

    /// Remembers the view when it has changed.
    fn remember(&mut self, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.all_netns_at_first) {
            self.world.all_netns = true;
            self.remembered.all_netns = true;
            effects.push(Effect::AllNamespaces(true));
        }
        let mut view = View {
            names: self.world.names,
            all_netns: self.world.all_netns,
            columns: self.world.columns.clone(),
            split: self.split,
            ..View::default()
        };
        for slot in &self.slots {
            slot.pane.remember(&mut view);
        }
        if view != self.remembered {
            self.remembered = view.clone();
            if self.remember {
                let id = self.requests.next_id();
                effects.push(Effect::Keep(id, remembered::FILE, view.text()));
            }
        }
    }

    fn each_pane(
        &mut self,
        effects: &mut Vec<Effect>,
        mut act: impl FnMut(&mut dyn Pane, &mut Cx<'_>),
    ) {
        let Self { world, slots, requests, .. } = self;
        let now = world.now;
        for slot in slots {
            act(&mut *slot.pane, &mut Cx { world, effects, requests, now });
        }
    }

    /// Gives a pane a command, and opens the dialog that it may answer with.
    fn tell(&mut self, pane: PaneId, command: Command, effects: &mut Vec<Effect>) {
        let response = self
            .with_pane(pane, effects, |slot, cx| slot.pane.command(command, &mut slot.scroll, cx));
        match response {
            Response::Open(dialog) => self.open(dialog),
            Response::Done | Response::Ignored => {}
        }
    }

    fn with_pane<T>(
        &mut self,
        pane: PaneId,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Slot, &mut Cx<'_>) -> T,
    ) -> T {
        let Self { world, slots, requests, .. } = self;
        let now = world.now;
        act(&mut slots[pane.index()], &mut Cx { world, effects, requests, now })
    }

    fn with_dialog<T>(
        &mut self,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut dialog::Open, &mut Cx<'_>) -> T,
    ) -> Option<T> {
        let Self { world, dialog, requests, .. } = self;
        let now = world.now;
        dialog.as_mut().map(|dialog| act(dialog, &mut Cx { world, effects, requests, now }))
    }

    fn open(&mut self, dialog: Box<dyn Dialog>) {
        self.dialog = Some(dialog::Open::new(dialog));
    }
}
