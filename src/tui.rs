//! The dashboard: loop, application state, panes, widgets, theme, keymap.
//!
//! ```text
//! keys, mouse, feeds, answers --> App::update --effects--> executor --answers-->
//!                                     |
//!                                   state --> view --> terminal
//! ```
#![forbid(unsafe_code)]

pub mod app;
pub mod arrange;
pub mod bell;
pub mod command;
mod complete;
pub mod cx;
pub mod dialog;
pub mod effect;
pub mod event;
mod executor;
pub mod export;
pub mod feeds;
pub mod filters;
#[cfg(test)]
mod fixture;
pub mod geometry;
pub mod hints;
pub mod history;
pub mod hosts;
pub mod keymap;
pub mod label;
mod late;
pub mod log;
pub mod pane;
pub mod panes;
pub mod remembered;
mod run_loop;
pub mod surroundings;
pub mod terminal;
pub mod theme;
pub mod view;
pub mod widgets;
pub mod world;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crossterm::event::EventStream;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use app::{App, Start};
use event::Moment;
use executor::Executor;
use feeds::Feeds;
use filters::Filters;
use late::Late;
use remembered::{Unusable, View};
use run_loop::Sources;
use terminal::Screen;
use theme::{Ground, Theme};

pub use run_loop::End;

use crate::config::{Dashboard, ThemeChoice};
use crate::probe::Target;
use crate::query::Saved;
use crate::sys::host;

/// Why the dashboard could not run. One sentence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// stdin or stdout is a pipe or a file.
    #[error("the dashboard needs a terminal; `sockpit ports` prints the same table without one")]
    NoTerminal,
    /// A theme's file cannot be used.
    #[error("cannot use the theme {}: {why}", path.display())]
    Theme {
        /// Which file.
        path: PathBuf,
        /// A sentence.
        why: String,
    },
    /// The system refused something that the dashboard cannot do without.
    #[error("cannot {what}: {source}")]
    Os {
        /// What was tried.
        what: &'static str,
        /// The system's own word.
        #[source]
        source: io::Error,
    },
}

impl Error {
    fn os(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Os { what, source }
    }
}

/// Opens the dashboard and runs it to its end. Filters can use the `saved` ones.
pub fn run(wishes: &Dashboard, saved: Saved, targets: Vec<(String, Target)>) -> Result<End, Error> {
    if !terminal::is_there() {
        return Err(Error::NoTerminal);
    }
    host::keep_memory_small();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("sockpit")
        .enable_all()
        .build()
        .map_err(Error::os("start the runtime"))?;
    let feeds = Feeds::start(wishes.period).map_err(Error::os("start the collectors"))?;
    let end = runtime.block_on(open(wishes, Filters::load(saved), targets, feeds.clone()));
    feeds.stop();
    // Work that still blocks must not hold up the end.
    runtime.shutdown_background();
    tracing::info!(?end, "the dashboard closes");
    end
}

async fn open(
    wishes: &Dashboard,
    filters: Filters,
    targets: Vec<(String, Target)>,
    feeds: Feeds,
) -> Result<End, Error> {
    let signals = host::Signals::listen().map_err(Error::os("listen to signals"))?;
    let hang_up = host::terminal_gone().map_err(Error::os("watch the terminal"))?;
    // Asked before anything else listens to the terminal.
    let (theme, asked) = theme(&wishes.theme)?;
    let mut screen = Screen::enter(wishes.mouse).map_err(Error::os("take the terminal over"))?;
    let size = screen.size().map_err(Error::os("ask the terminal for its size"))?;
    let (tell, answers) = mpsc::channel(executor::ANSWERS);
    let mut executor = Executor::new(feeds.clone(), tell);
    let recalled = recall(wishes);
    let start = Start {
        size,
        theme,
        mouse: wishes.mouse,
        capture: wishes.capture,
        own_pid: std::process::id(),
        has_clipboard: terminal::has_clipboard(),
        view: recalled.view,
        remember: recalled.remember,
        timezone: TimeZone::system(),
        filters,
        targets,
    };
    let mut app = App::new(start, Moment::now());
    if let Some(trouble) = recalled.trouble.or_else(|| left_out(&app.world.filters.saved)) {
        app.world.complain(trouble);
    }
    let sources = Sources {
        input: EventStream::new(),
        late: Late::after(asked),
        signals,
        hang_up: Some(hang_up),
        answers,
        feeds,
    };
    let end = run_loop::run(&mut app, &mut screen, sources, &mut executor).await;
    executor.settle().await;
    match end {
        Ok(end) => Ok(end),
        // Not being able to write to it is how a terminal's end shows first.
        Err(error) => {
            tracing::warn!(%error, "the terminal failed");
            Ok(End::TerminalGone)
        }
    }
}

/// The theme that is wished for; and, where the terminal was asked for its ground and did not
/// answer in time, when that was.
fn theme(wish: &ThemeChoice) -> Result<(Theme, Option<Instant>), Error> {
    let terminal = theme::Terminal::of(|name| std::env::var(name).ok());
    let asks = match wish {
        ThemeChoice::Auto => terminal.has_colours,
        ThemeChoice::Full => true,
        ThemeChoice::Named(_) | ThemeChoice::File(_) => false,
    };
    let ground = if asks { terminal::ground() } else { None };
    let unanswered = (asks && ground.is_none()).then(Instant::now);
    let name = match (wish, ground) {
        (ThemeChoice::File(path), _) => return Ok((theme_of(path)?, None)),
        (ThemeChoice::Auto, ground) => theme::choose(terminal, ground),
        (ThemeChoice::Full, Some(Ground::Light)) => "light",
        (ThemeChoice::Full, _) => "dark",
        (ThemeChoice::Named(name), _) => name,
    };
    Ok((Theme::named(name).unwrap_or_default(), unanswered))
}

/// A theme of the user's own, read with the user's own rights.
fn theme_of(path: &Path) -> Result<Theme, Error> {
    let failed = |why: String| Error::Theme { path: path.to_owned(), why };
    let read = host::with_own_rights(|| fs::read_to_string(path)).and_then(|text| text);
    let text = read.map_err(|error| failed(error.to_string()))?;
    Theme::read(&text).map_err(|wrong| failed(wrong.to_string()))
}

/// Says that some saved filters are missing.
fn left_out(saved: &Saved) -> Option<String> {
    let (count, are) = match saved.left_out() {
        0 => return None,
        1 => ("1 saved filter".to_owned(), "is"),
        several => (format!("{several} saved filters"), "are"),
    };
    Some(format!("{count} cannot be used and {are} left out; the file keeps what it says"))
}

/// The view to begin with.
struct Recalled {
    view: View,
    remember: bool,
    trouble: Option<String>,
}

/// What the configuration wishes, and what was remembered over it. Nothing about that file is
/// a reason not to start.
fn recall(wishes: &Dashboard) -> Recalled {
    let view = View { names: wishes.names, ..View::default() };
    if !wishes.remember {
        return Recalled { view, remember: false, trouble: None };
    }
    let read = host::state::read(remembered::FILE);
    let text = match read {
        Ok(None) => return Recalled { view, remember: true, trouble: None },
        Ok(Some(text)) => text,
        Err(error) => {
            let trouble = format!("Cannot read {}, so it is ignored: {error}", remembered::FILE);
            return Recalled { view, remember: true, trouble: Some(trouble) };
        }
    };
    match view.clone().recalled(&text) {
        Ok(view) => Recalled { view, remember: true, trouble: None },
        Err(why) => {
            let remember = why != Unusable::Later;
            Recalled { view, remember, trouble: Some(why.to_string()) }
        }
    }
}
