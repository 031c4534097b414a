//! The loop: everything that can happen, in one place.

use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, EventStream, KeyEventKind};
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};

use super::app::App;
use super::effect::Effect;
use super::event::{Answer, Event, Moment, RequestId};
use super::executor::Executor;
use super::feeds::Feeds;
use super::late::Late;
use super::terminal::{self, Screen};
use crate::sys::host::{self, Signal};

/// Not more than thirty frames a second.
const FRAME: Duration = Duration::from_millis(33);
/// While events never stop, a frame is drawn this often all the same.
const LATEST: Duration = Duration::from_millis(100);
/// A signal that came before the program was continued is heard within this time.
const NOTICE: Duration = Duration::from_millis(250);

/// How the dashboard came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The user quit.
    Quit,
    /// A signal asked for it.
    Signal(Signal),
    /// There is no terminal any more.
    TerminalGone,
    /// A thread panicked; the panic has been reported.
    Panicked,
}

/// What wakes the loop.
enum Wake {
    Input(Option<io::Result<Input>>),
    Event(Event),
    Signal(Signal),
    End(End),
    Draw,
}

/// All that the loop listens to.
pub(super) struct Sources {
    /// Keys, mouse, pastes and sizes.
    pub(super) input: EventStream,
    /// What may still come of a question to the terminal.
    pub(super) late: Late,
    /// Signals of the process.
    pub(super) signals: host::Signals,
    /// Tells when the terminal is hung up.
    pub(super) hang_up: Option<oneshot::Receiver<()>>,
    /// What came of effects.
    pub(super) answers: mpsc::Receiver<(RequestId, Answer)>,
    /// Samples.
    pub(super) feeds: Feeds,
}

/// Runs until something ends it. An error is one of the terminal.
pub(super) async fn run(
    app: &mut App,
    screen: &mut Screen,
    mut sources: Sources,
    executor: &mut Executor,
) -> io::Result<End> {
    let mut drawn = Instant::now() - FRAME;
    let mut dirty = true;
    loop {
        dirty |= app.take_dirty();
        let event = match sources.next(app, dirty.then_some(drawn)).await {
            Wake::Draw => {
                screen.draw(app)?;
                (drawn, dirty) = (Instant::now(), false);
                continue;
            }
            Wake::End(end) => return Ok(end),
            Wake::Input(Some(Ok(Input::Key(key)))) if sources.late.takes(&key, Instant::now()) => {
                continue;
            }
            Wake::Input(Some(Ok(input))) => match translate(input) {
                Some(event) => event,
                None => continue,
            },
            Wake::Input(Some(Err(_)) | None) => return Ok(End::TerminalGone),
            Wake::Signal(Signal::Stop) => match suspend(app, screen, &mut sources.signals).await? {
                ControlFlow::Continue(event) => event,
                ControlFlow::Break(end) => return Ok(end),
            },
            Wake::Signal(Signal::Continue) => come_back(screen)?,
            Wake::Signal(signal) => return Ok(End::Signal(signal)),
            Wake::Event(event) => event,
        };
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for effect in app.update(event, Moment::now()) {
                match effect {
                    Effect::Quit => return Ok(End::Quit),
                    Effect::Suspend => match suspend(app, screen, &mut sources.signals).await? {
                        ControlFlow::Continue(event) => events.push(event),
                        ControlFlow::Break(end) => return Ok(end),
                    },
                    Effect::CopyToTerminal(text) => screen.copy(&text)?,
                    Effect::Ring(text) => screen.ring(&text)?,
                    Effect::Mouse(on) => screen.mouse(on)?,
                    effect => executor.run(effect),
                }
            }
        }
    }
}

impl Sources {
    /// The next thing to do. Whatever is ready comes before drawing, so that a burst of
    /// events costs one frame; `drawn` is the time of the last frame while a new one is due.
    async fn next(&mut self, app: &App, drawn: Option<Instant>) -> Wake {
        let late = drawn.is_some_and(|drawn| drawn.elapsed() >= LATEST);
        if late {
            return Wake::Draw;
        }
        tokio::select! {
            biased;
            () = terminal::panicked() => Wake::End(End::Panicked),
            () = hung_up(&mut self.hang_up) => Wake::End(End::TerminalGone),
            signal = self.signals.next() => Wake::Signal(signal),
            input = self.input.next() => Wake::Input(input),
            Some((id, answer)) = self.answers.recv() => Wake::Event(Event::Answer(id, answer)),
            update = self.feeds.next() => Wake::Event(Event::Feed(update)),
            () = at(app.wake_at()) => Wake::Event(Event::Tick),
            () = at(drawn.map(|drawn| drawn + FRAME)) => Wake::Draw,
        }
    }
}

/// Resolves when the terminal is hung up; never where that cannot be known.
async fn hung_up(told: &mut Option<oneshot::Receiver<()>>) {
    if let Some(receiver) = told
        && receiver.await.is_ok()
    {
        return;
    }
    *told = None;
    std::future::pending::<()>().await;
}

/// Resolves at a moment; without one, never.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// What the terminal sent, where it means anything: Windows reports releases of keys too.
fn translate(input: Input) -> Option<Event> {
    match input {
        Input::Key(key) if key.kind != KeyEventKind::Release => Some(Event::Key(key)),
        Input::Mouse(mouse) => Some(Event::Mouse(mouse)),
        Input::Paste(text) => Some(Event::Paste(text)),
        Input::Resize(width, height) => Some(Event::Resize(width, height)),
        Input::Key(_) | Input::FocusGained | Input::FocusLost => None,
    }
}

/// Gives the terminal to the shell until the job is continued in the foreground, or asked to
/// end: a shell's `kill` continues the job in the background, where touching the terminal
/// would stop it anew, before it heeds the signal.
async fn suspend(
    app: &mut App,
    screen: &mut Screen,
    signals: &mut host::Signals,
) -> io::Result<ControlFlow<End, Event>> {
    screen.give_back();
    let mut result = host::suspend();
    while result.is_ok() && !host::in_foreground() {
        if let Ok(signal) = tokio::time::timeout(NOTICE, request_to_end(signals)).await {
            return Ok(ControlFlow::Break(End::Signal(signal)));
        }
        result = host::suspend();
    }
    let back = come_back(screen)?;
    if let Err(error) = result {
        app.world.complain(format!("Cannot suspend: {error}"));
    }
    Ok(ControlFlow::Continue(back))
}

/// The next signal that ends the program.
async fn request_to_end(signals: &mut host::Signals) -> Signal {
    loop {
        match signals.next().await {
            Signal::Stop | Signal::Continue => {}
            signal => return signal,
        }
    }
}

/// Takes the terminal over again, whatever size it has now.
fn come_back(screen: &mut Screen) -> io::Result<Event> {
    screen.take_again()?;
    let (width, height) = screen.size()?;
    Ok(Event::Resize(width, height))
}
