//! A terminal that a test holds in its hands: the real binary in a pty, its screen in vt100.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use vt100::{MouseProtocolMode, Parser};

/// A slow machine may need this long to start the program and draw.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program in a terminal of its own.
pub(crate) struct Terminal {
    screen: Arc<Mutex<Parser>>,
    keyboard: Box<dyn Write + Send>,
    master: Option<Box<dyn MasterPty + Send>>,
    child: Box<dyn Child + Send + Sync>,
    before: String,
}

impl Terminal {
    /// Starts `program` with `args` on a screen of `columns` x `rows`.
    pub(crate) fn start(columns: u16, rows: u16, program: &str, args: &[&str]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(std::env::temp_dir());
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(parser(columns, rows)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let drawn = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                drawn.lock().unwrap().process(&buffer[..length]);
            }
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self { screen, keyboard, master: Some(pair.master), child, before }
    }

    /// Starts sockpit.
    pub(crate) fn sockpit(columns: u16, rows: u16, args: &[&str]) -> Self {
        Self::start(columns, rows, env!("CARGO_BIN_EXE_sockpit"), args)
    }

    /// What stands on the screen now.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// The rows in which `needle` stands.
    pub(crate) fn lines_with(&self, needle: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(needle)).map(str::to_owned).collect()
    }

    /// Types text, or the bytes of a key.
    pub(crate) fn send(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Another size, as a user who drags the window's corner.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let (height, width) = nonzero(columns, rows);
        self.screen.lock().unwrap().set_size(height, width);
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Waits until the screen shows `needle`, and returns the screen.
    pub(crate) fn wait_for(&self, needle: &str) -> String {
        self.wait_until(needle, |text| text.contains(needle))
    }

    /// Waits until the screen does not show `needle` any more.
    pub(crate) fn wait_gone(&self, needle: &str) -> String {
        self.wait_until(&format!("the end of {needle}"), |text| !text.contains(needle))
    }

    /// Waits until `holds` of the screen's text, and returns it.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if holds(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what} on the screen:\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process in the terminal.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits for the program's end.
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Unplugs the terminal, as a lost SSH connection does.
    pub(crate) fn unplug(&mut self) {
        self.keyboard = Box::new(std::io::sink());
        self.master = None;
    }

    /// Fails unless the terminal is as it was before the program started.
    pub(crate) fn assert_restored(&self) {
        let after = format!("{:?}", self.master.as_ref().unwrap().get_termios());
        assert_eq!(after, self.before, "line settings");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.leftovers();
            if left.is_empty() {
                return;
            }
            // The last bytes may still be on their way to the screen.
            assert!(Instant::now() < deadline, "left behind: {left:?}\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn leftovers(&self) -> Vec<&'static str> {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let modes = [
            (screen.alternate_screen(), "alternate screen"),
            (screen.hide_cursor(), "hidden cursor"),
            (screen.bracketed_paste(), "bracketed paste"),
            (screen.mouse_protocol_mode() != MouseProtocolMode::None, "mouse reports"),
        ];
        modes.into_iter().filter(|(left, _)| *left).map(|(_, mode)| mode).collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A failed test must not leave its program behind; one that has ended cannot be killed.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn nonzero(columns: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap())
}

fn parser(columns: u16, rows: u16) -> Parser {
    let (rows, columns) = nonzero(columns, rows);
    Parser::new(rows, columns, 0)
}
