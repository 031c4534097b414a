//! Data for the tests: a small machine, and a desk at which one can press keys without a
//! terminal.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::{App, Start};
use super::effect::{Effect, Requests};
use super::event::{Answer, Event, FeedUpdate, Moment, RequestId};
use super::filters::Filters;
use super::pane::Cx;
use super::remembered::View;
use super::theme::Theme;
use super::view;
use super::world::World;
use crate::model::health::Health;
use crate::model::owner::{Owner, Ownership, Process};
use crate::model::sample::Sample;
use crate::model::socket::{
    Backlog, Endpoint, Family, Protocol, Socket, SocketId, SocketKey, State,
};
use crate::model::table::{EndedRow, SocketRow, SocketTable};

/// 2026-03-14 12:04:31 UTC and some seconds.
pub(super) fn moment(seconds: f64) -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    let passed = Duration::from_secs_f64(seconds);
    Moment { at: start + passed, wall: wall(seconds) }
}

pub(super) fn wall(seconds: f64) -> Timestamp {
    let passed = jiff::SignedDuration::from_secs_f64(seconds);
    Timestamp::from_second(1_773_489_871).unwrap() + passed
}

pub(super) fn key_of(cookie: u64) -> SocketKey {
    SocketKey { netns: Some(1), id: SocketId::Cookie(cookie) }
}

pub(super) fn process(pid: u32, name: &str) -> Arc<Process> {
    Arc::new(Process {
        cmdline: vec![name.into(), "--serve".into()],
        uid: Some(1000),
        ppid: Some(1),
        started_at: Some(wall(-3600.0)),
        ..Process::named(pid, 7, name)
    })
}

/// A socket that `process` holds as descriptor 3.
pub(super) fn owned(mut socket: Socket, process: Arc<Process>) -> Socket {
    socket.ownership = Ownership::OWNED;
    socket.owners.push(Owner::new(Some(3), process));
    socket
}

pub(super) fn tcp(state: State, addr: impl Into<IpAddr>, port: u16) -> Socket {
    let addr = addr.into();
    let family = if addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let mut socket = Socket::new(family, Protocol::Tcp, state, Endpoint::ip(addr, port));
    // A minute would pass while a test goes on, and ages move.
    socket.first_seen = Some(wall(-630.0));
    socket.uid = Some(1000);
    socket.user = Some("alice".into());
    match state {
        State::Listen => socket.backlog = Some(Backlog { queued: 0, limit: 128 }),
        _ => (socket.recv_q, socket.send_q) = (Some(0), Some(0)),
    }
    socket
}

pub(super) fn row(cookie: u64, socket: Socket) -> Arc<SocketRow> {
    Arc::new(SocketRow {
        key: key_of(cookie),
        socket,
        changed_at: None,
        observed_at: wall(0.0),
        appeared: false,
    })
}

/// A web server whose accept queue is full, and what lives beside it.
pub(super) fn rows() -> Vec<Arc<SocketRow>> {
    let mut sshd = owned(tcp(State::Listen, Ipv6Addr::UNSPECIFIED, 22), process(812, "sshd"));
    sshd.v6_only = Some(false);
    sshd.service = Some(Cow::Borrowed("ssh"));
    let postgres = owned(tcp(State::Listen, [127, 0, 0, 1], 5432), process(1044, "postgres"));
    let mut full = owned(tcp(State::Listen, [0, 0, 0, 0], 8080), process(4242, "python3"));
    full.backlog = Some(Backlog { queued: 128, limit: 128 });
    let mut waiting = tcp(State::TimeWait, [10, 0, 0, 5], 8080);
    waiting.remote = Some(Endpoint::ip([10, 0, 0, 7], 51544));
    waiting.ownership = Ownership::kernel("time_wait");
    let mut nginx = tcp(State::Listen, [0, 0, 0, 0], 8443);
    for pid in 4300..4304 {
        nginx = owned(nginx, process(pid, "nginx"));
    }
    nginx.first_seen = Some(wall(-1.0));
    let nginx = SocketRow {
        key: key_of(5),
        socket: nginx,
        changed_at: None,
        observed_at: wall(0.0),
        appeared: true,
    };
    let mut dhcp = Socket::new(
        Family::Ipv4,
        Protocol::Udp,
        State::Unconnected,
        Endpoint::ip([0, 0, 0, 0], 68),
    );
    dhcp.ownership = Ownership::hidden("12 processes could not be read");
    (dhcp.recv_q, dhcp.send_q) = (Some(0), Some(0));
    vec![
        row(1, sshd),
        row(2, postgres),
        row(3, full),
        row(4, waiting),
        Arc::new(nginx),
        row(6, dhcp),
    ]
}

/// A table as the collector makes it: in canonical order.
pub(super) fn table(mut rows: Vec<Arc<SocketRow>>) -> SocketTable {
    rows.sort_by(|a, b| a.socket.cmp_canonical(&b.socket));
    SocketTable { rows, host: "web-3".into(), privileged: true, ..SocketTable::default() }
}

pub(super) fn ended(row: &Arc<SocketRow>, seconds: f64) -> Arc<EndedRow> {
    Arc::new(EndedRow { row: Arc::clone(row), ended_at: wall(seconds) })
}

/// A sample taken so many seconds after the start; its round is that number too.
pub(super) fn sample<T>(value: Option<T>, health: Vec<Health>, seconds: u32) -> Arc<Sample<T>> {
    let Moment { at, wall } = moment(seconds.into());
    Arc::new(Sample {
        value: value.map(Arc::new),
        health,
        taken_at: wall,
        taken_mono: at,
        seq: u64::from(seconds) + 1,
        cost: Duration::from_millis(3),
        period: Duration::from_secs(1),
        stale: false,
        paused: false,
    })
}

/// What a part of a pane works on, without an application around it.
pub(super) struct Bench {
    pub(super) world: World,
    pub(super) effects: Vec<Effect>,
    requests: Requests,
}

impl Default for Bench {
    fn default() -> Self {
        let world = World::new(moment(0.0), TimeZone::UTC);
        Self { world, effects: Vec::new(), requests: Requests::default() }
    }
}

impl Bench {
    pub(super) fn cx(&mut self) -> Cx<'_> {
        let Self { world, effects, requests } = self;
        Cx { world, effects, requests, now: moment(0.0) }
    }
}

/// The dashboard on a desk: events go in at a clock that only the test moves, arranging is
/// done at once, every other effect is kept for the test to look at.
pub(super) struct Desk {
    pub(super) app: App,
    pub(super) effects: Vec<Effect>,
    pub(super) seconds: f64,
    size: (u16, u16),
}

impl Desk {
    pub(super) fn new(width: u16, height: u16) -> Self {
        let start = Start {
            capture: crate::config::CaptureWhen::Always,
            size: (width, height),
            theme: Theme::default(),
            mouse: true,
            has_clipboard: true,
            own_pid: u32::MAX,
            view: View::default(),
            remember: true,
            timezone: TimeZone::UTC,
            filters: Filters::default(),
            targets: Vec::new(),
        };
        let app = App::new(start, moment(0.0));
        Self { app, effects: Vec::new(), seconds: 0.0, size: (width, height) }
    }

    /// Whether a dialog is open whose title begins like this.
    pub(super) fn shows_dialog(&self, title: &str) -> bool {
        self.app.dialog.as_ref().is_some_and(|dialog| dialog.title().starts_with(title))
    }

    /// A desk with the sockets of [`rows`] on it.
    pub(super) fn with_rows(width: u16, height: u16) -> Self {
        let mut desk = Self::new(width, height);
        desk.ports(table(rows()));
        desk
    }

    /// An event; arranging is answered until nothing more is to be arranged.
    pub(super) fn send(&mut self, event: Event) {
        let mut effects = self.app.update(event, moment(self.seconds));
        while let Some(at) = effects.iter().position(|e| matches!(e, Effect::Arrange(..))) {
            let Effect::Arrange(id, work) = effects.remove(at) else { unreachable!() };
            let answer = Event::Answer(id, Answer::Arranged(Box::new(work.run())));
            effects.extend(self.app.update(answer, moment(self.seconds)));
        }
        while let Some(at) = effects.iter().position(|e| matches!(e, Effect::SearchHistory(..))) {
            let Effect::SearchHistory(id, work) = effects.remove(at) else { unreachable!() };
            let answer = Event::Answer(id, Answer::History(work.run()));
            effects.extend(self.app.update(answer, moment(self.seconds)));
        }
        self.effects.extend(effects);
    }

    /// The next sample of the socket table, a second later.
    pub(super) fn ports(&mut self, table: SocketTable) {
        self.seconds = self.seconds.floor() + 1.0;
        let sample = sample(Some(table), Vec::new(), self.seconds as u32);
        self.send(Event::Feed(FeedUpdate::Ports(sample)));
    }

    pub(super) fn wait(&mut self, seconds: f64) {
        self.seconds += seconds;
        self.send(Event::Tick);
    }

    pub(super) fn press(&mut self, code: KeyCode) {
        self.send(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    pub(super) fn control(&mut self, c: char) {
        self.send(Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)));
    }

    pub(super) fn type_text(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(KeyCode::Char(c)));
    }

    pub(super) fn answer(&mut self, id: RequestId, answer: Answer) {
        self.send(Event::Answer(id, answer));
    }

    pub(super) fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        let modifiers = KeyModifiers::NONE;
        self.send(Event::Mouse(MouseEvent { kind, column, row, modifiers }));
    }

    /// The newest effect that `pick` knows.
    pub(super) fn last<'a, T>(&'a self, pick: impl Fn(&'a Effect) -> Option<T>) -> Option<T> {
        self.effects.iter().rev().find_map(pick)
    }

    /// The screen as text, without the spaces at the ends of lines.
    pub(super) fn screen(&mut self) -> String {
        lines(&self.buffer())
    }

    /// The screen with its styles.
    pub(super) fn buffer(&mut self) -> Buffer {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buf = Buffer::empty(area);
        view::render(&mut self.app, area, &mut buf);
        buf
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        self.send(Event::Resize(width, height));
    }

    pub(super) fn selected(&self) -> Option<SocketKey> {
        self.app.world.selected_key()
    }
}

fn lines(buf: &Buffer) -> String {
    let mut text = String::new();
    for y in buf.area.top()..buf.area.bottom() {
        let mut line = String::new();
        for x in buf.area.left()..buf.area.right() {
            line.push_str(buf[(x, y)].symbol());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
