//! A terminal that a test holds in its hands: the real binary in a pty, its screen in vt100.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use vt100::{MouseProtocolMode, Parser};

/// A slow machine may need this long to start the program and draw.
const PATIENCE: Duration = Duration::from_secs(20);
/// How soon the reader sees that the terminal is unplugged.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// U+FFFD in UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// What stands on the screen for it.
pub(crate) const STAND_IN: &str = "¿";

/// A program in a terminal of its own.
pub(crate) struct Terminal {
    screen: Arc<Mutex<Screen>>,
    // Reads and writes; the one descriptor besides the reader's and the master's.
    keyboard: Option<File>,
    master: Option<Box<dyn MasterPty + Send>>,
    reader: Option<JoinHandle<()>>,
    unplugged: Arc<AtomicBool>,
    child: Box<dyn Child + Send + Sync>,
    before: String,
    // What the program remembers goes here, unless the test has its own place for it.
    _home: Option<TempDir>,
}

/// What came from the program: drawn, and as it came.
struct Screen {
    parser: Parser,
    raw: Vec<u8>,
    // The beginning of a replacement character whose rest is still on its way.
    replacement: Vec<u8>,
}

impl Terminal {
    /// Starts `program` with `args` on a screen of `columns` x `rows`.
    pub(crate) fn start(columns: u16, rows: u16, program: &str, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut terminal = Self::start_at(columns, rows, program, args, home.path());
        terminal._home = Some(home);
        terminal
    }

    /// The same with configuration and state below `home`, so that nobody's own are touched.
    pub(crate) fn start_at(
        columns: u16,
        rows: u16,
        program: &str,
        args: &[&str],
        home: &Path,
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(home);
        command.env("TERM", "xterm-256color");
        command.env("XDG_STATE_HOME", home.join("state"));
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen =
            Screen { parser: parser(columns, rows), raw: Vec::new(), replacement: Vec::new() };
        let screen = Arc::new(Mutex::new(screen));
        let unplugged = Arc::new(AtomicBool::new(false));
        let keyboard = open_again(pair.master.as_ref());
        let output = keyboard.try_clone().unwrap();
        let reader = {
            let (screen, unplugged) = (Arc::clone(&screen), Arc::clone(&unplugged));
            thread::spawn(move || show(output, &screen, &unplugged))
        };
        Self {
            screen,
            keyboard: Some(keyboard),
            master: Some(pair.master),
            reader: Some(reader),
            unplugged,
            child,
            before,
            _home: None,
        }
    }

    /// Starts sockpit.
    pub(crate) fn sockpit(columns: u16, rows: u16, args: &[&str]) -> Self {
        Self::start(columns, rows, env!("CARGO_BIN_EXE_sockpit"), args)
    }

    /// Starts sockpit with configuration and state below `home`.
    pub(crate) fn sockpit_at(columns: u16, rows: u16, home: &Path) -> Self {
        Self::start_at(columns, rows, env!("CARGO_BIN_EXE_sockpit"), &[], home)
    }

    /// What stands on the screen now.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().parser.screen().contents()
    }

    /// Looks at the screen with its colours.
    pub(crate) fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.screen.lock().unwrap().parser.screen())
    }

    /// Every byte that the program has sent so far.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.screen.lock().unwrap().raw.clone()
    }

    /// Types text, or the bytes of a key.
    pub(crate) fn send(&mut self, keys: &str) {
        self.keyboard.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Another program writes to the terminal too.
    pub(crate) fn scribble(&self, bytes: &[u8]) {
        self.screen.lock().unwrap().take(bytes);
    }

    /// A left click on the first cell of `needle`, which must be on the screen.
    pub(crate) fn click(&mut self, needle: &str) {
        let (column, row) = self.find(needle);
        // SGR mouse reports count from one (xterm control sequences, "SGR (1006)").
        let (column, row) = (column + 1, row + 1);
        self.send(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    }

    /// The cell where `needle` begins. Every character before it must be one cell wide.
    fn find(&self, needle: &str) -> (usize, usize) {
        let screen = self.screen.lock().unwrap();
        let screen = screen.parser.screen();
        let width = screen.size().1;
        let place = screen
            .rows(0, width.into())
            .enumerate()
            .find_map(|(row, line)| line.find(needle).map(|at| (line[..at].chars().count(), row)));
        place.unwrap_or_else(|| panic!("no {needle} on the screen:\n{}", screen.contents()))
    }

    /// Another size, as a user who drags the window's corner.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let (height, width) = nonzero(columns, rows);
        self.screen.lock().unwrap().parser.set_size(height, width);
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

    /// Waits until one row shows all of these.
    pub(crate) fn wait_row(&self, needles: &[&str]) -> String {
        let holds = |line: &str| needles.iter().all(|needle| line.contains(needle));
        let text = self.wait_until(&needles.join(" … "), |text| text.lines().any(holds));
        text.lines().find(|line| holds(line)).unwrap().to_owned()
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

    /// Sends a signal to the process in the terminal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
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

    /// Unplugs the terminal, as a lost SSH connection does: nobody holds its other end.
    pub(crate) fn unplug(&mut self) {
        self.unplugged.store(true, Ordering::SeqCst);
        self.reader.take().unwrap().join().unwrap();
        self.keyboard = None;
        self.master = None;
    }

    /// Fails unless the terminal is as it was before the program started.
    pub(crate) fn assert_restored(&self) {
        let after = format!("{:?}", self.master.as_ref().unwrap().get_termios());
        assert_eq!(after, self.before, "line settings");
        self.assert_screen_restored();
    }

    /// Fails unless the screen and the mouse are a shell's again; says nothing of the line
    /// settings, which a shell at its prompt changes for itself.
    pub(crate) fn assert_screen_restored(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.taken();
            if left.is_empty() {
                return;
            }
            // The last bytes may still be on their way to the screen.
            assert!(Instant::now() < deadline, "left behind: {left:?}\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until a full-screen program has taken the screen over.
    pub(crate) fn wait_taken(&self) {
        self.wait_until("a full-screen program", |_| self.taken().len() == 4);
    }

    /// What a full-screen program has changed and not put back.
    pub(crate) fn taken(&self) -> Vec<&'static str> {
        let screen = self.screen.lock().unwrap();
        let screen = screen.parser.screen();
        let modes = [
            (screen.alternate_screen(), "alternate screen"),
            (screen.hide_cursor(), "hidden cursor"),
            (screen.bracketed_paste(), "bracketed paste"),
            (screen.mouse_protocol_mode() != MouseProtocolMode::None, "mouse reports"),
        ];
        modes.into_iter().filter(|(taken, _)| *taken).map(|(_, mode)| mode).collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A failed test must not leave its program behind; one that has ended cannot be killed.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
        self.unplugged.store(true, Ordering::SeqCst);
    }
}

/// Another descriptor of the terminal's own end. portable-pty's writer types a newline and
/// an end of file when it is dropped, and its reader cannot be stopped: with either, a
/// terminal could not be unplugged.
fn open_again(master: &dyn MasterPty) -> File {
    let raw = master.as_raw_fd().unwrap();
    // SAFETY: `master` is borrowed through this function and holds the descriptor open.
    let fd = unsafe { BorrowedFd::borrow_raw(raw) };
    File::from(fd.try_clone_to_owned().unwrap())
}

/// Draws what comes until the program's side is closed, or the terminal is unplugged.
fn show(mut output: File, screen: &Mutex<Screen>, unplugged: &AtomicBool) {
    let mut buffer = [0; 8192];
    while !unplugged.load(Ordering::SeqCst) {
        let mut watched = [PollFd::new(&output, PollFlags::IN)];
        if poll(&mut watched, Some(&GLANCE)).unwrap_or(0) == 0 {
            continue;
        }
        let Ok(length @ 1..) = output.read(&mut buffer) else { return };
        screen.lock().unwrap().take(&buffer[..length]);
    }
}

impl Screen {
    /// Takes what the program sends. vt100 draws nothing for U+FFFD, which every terminal
    /// shows in one cell: another character stands in for it here.
    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        for &byte in bytes {
            self.replacement.push(byte);
            match REPLACEMENT.strip_prefix(self.replacement.as_slice()) {
                Some([]) => self.parser.process(STAND_IN.as_bytes()),
                Some(_) => continue,
                None => self.parser.process(&self.replacement),
            }
            self.replacement.clear();
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
