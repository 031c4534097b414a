//! The terminal as the dashboard needs it, and back as it was: on quitting, on an error, on
//! a panic of any thread, on signals, and while suspended.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use terminal_colorsaurus::{QueryOptions, ThemeMode};
use tokio::sync::Notify;

use super::app::App;
use super::theme::Ground;
use super::view;
use crate::text::clean;

/// Whether the terminal is ours right now.
static OURS: AtomicBool = AtomicBool::new(false);
/// Whether the mouse is ours while the terminal is.
static MOUSE: AtomicBool = AtomicBool::new(true);
/// Told by the panic hook.
static PANICKED: Notify = Notify::const_new();

/// The terminal while it is ours. Dropping it gives it back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Batch>>,
}

/// Whether input and output are a terminal at all.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Whether the terminal may have a clipboard that programs can reach (OSC 52). It says nothing
/// about it; those that have none are known by their names.
pub fn has_clipboard() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    !(term.is_empty() || term == "dumb" || term.starts_with("linux") || term.starts_with("vt"))
}

/// What lies behind the terminal's text, if it says so in time (OSC 11). Nothing else may listen
/// to it meanwhile, and a key that is typed in that moment makes it fail.
pub fn ground() -> Option<Ground> {
    const PATIENCE: Duration = Duration::from_millis(100);
    let mut options = QueryOptions::default();
    options.timeout = PATIENCE;
    match terminal_colorsaurus::theme_mode(options) {
        Ok(ThemeMode::Light) => Some(Ground::Light),
        Ok(ThemeMode::Dark) => Some(Ground::Dark),
        Err(error) => {
            tracing::debug!(%error, "the terminal does not tell its ground");
            None
        }
    }
}

/// Resolves when any thread has panicked. The terminal is given back by then.
pub async fn panicked() {
    PANICKED.notified().await;
}

impl Screen {
    /// Takes the terminal over, with the `mouse` or without, and sees to it that a panic gives it
    /// back.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        hook_panics();
        MOUSE.store(mouse, Ordering::SeqCst);
        take()?;
        blank().map(|terminal| Self { terminal }).inspect_err(|_| give_back())
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws a frame; only what differs from the last one is written.
    pub fn draw(&mut self, app: &mut App) -> io::Result<()> {
        self.terminal.draw(|frame| view::draw(app, frame)).map(drop)
    }

    /// Takes the terminal over again after it was given back, or after others have used it,
    /// and draws everything anew next time.
    pub fn take_again(&mut self) -> io::Result<()> {
        take()?;
        // Not `Terminal::clear`: that asks the terminal where its cursor is, and would wait
        // for an answer that the input stream takes away.
        self.terminal = blank()?;
        self.terminal.backend_mut().clear()
    }

    /// Gives the terminal back for a while.
    pub fn give_back(&mut self) {
        give_back();
    }

    /// Rings the bell, and asks the terminal to show the text on the desktop: OSC 777 of rxvt,
    /// OSC 9 of the others. Those that know neither pass it over.
    pub fn ring(&mut self, text: &str) -> io::Result<()> {
        let term = std::env::var("TERM").unwrap_or_default();
        let text = clean(text).replace(';', ",");
        let mut out = io::stdout().lock();
        if term.starts_with("rxvt") {
            write!(out, "\x1b]777;notify;sockpit;{text}\x07")?;
        } else if has_clipboard() {
            write!(out, "\x1b]9;sockpit: {text}\x07")?;
        }
        out.write_all(b"\x07")?;
        out.flush()
    }

    /// Takes the mouse, or leaves it to the terminal, which then selects text with it.
    pub fn mouse(&mut self, on: bool) -> io::Result<()> {
        MOUSE.store(on, Ordering::SeqCst);
        capture_mouse(on)
    }

    /// Puts text on the clipboard of the terminal that shows us (OSC 52), which works
    /// through SSH too. The terminal says nothing about whether it obeyed.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "\x1b]52;c;{}\x07", base64(text.as_bytes()))?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// A terminal of which nothing is known, so that the next frame is drawn whole.
fn blank() -> io::Result<Terminal<CrosstermBackend<Batch>>> {
    Terminal::new(CrosstermBackend::new(Batch::default()))
}

fn capture_mouse(on: bool) -> io::Result<()> {
    if on {
        execute!(io::stdout(), EnableMouseCapture)
    } else {
        execute!(io::stdout(), DisableMouseCapture)
    }
}

fn take() -> io::Result<()> {
    // From here on, so that a failure half way is undone too.
    OURS.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
        .and_then(|()| if MOUSE.load(Ordering::SeqCst) { capture_mouse(true) } else { Ok(()) })
        .inspect_err(|_| give_back())
}

/// Gives the terminal back, once. Nothing can be done about a failure: most likely the
/// terminal is gone.
fn give_back() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Before a panic is reported the terminal is given back, so that the report can be read.
fn hook_panics() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            report(info);
            PANICKED.notify_one();
        }));
    });
}

/// Collects a frame and writes it in one go. A frame that is not finished when the terminal
/// is given back is never written.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
}

impl Write for Batch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.bytes);
        if !OURS.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(&bytes)?;
        out.flush()?;
        // Keeps the allocation for the next frame.
        self.bytes = bytes;
        self.bytes.clear();
        Ok(())
    }
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit <= group.len() {
                out.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
            } else {
                let _ = out.write_char('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64("ÿ>".as_bytes()), "w78+");
    }

    #[test]
    fn a_frame_is_not_written_to_a_terminal_that_is_not_ours() {
        let mut batch = Batch::default();
        batch.write_all(b"frame").unwrap();
        batch.flush().unwrap();
        assert!(batch.bytes.is_empty());
    }
}
