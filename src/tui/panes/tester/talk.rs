//! A talk with the target on one open connection: what was said, what came, and the line that is
//! being typed.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::lines;
use super::run::Run;
use crate::probe::Spoken;
use crate::text::{clean, own_bytes, units};
use crate::tui::event::Moment;
use crate::tui::theme::Theme;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::paint::{self, Line};

/// As many steps are kept.
const MOST: usize = 1_000;
/// Of one step as many bytes are shown in hexadecimal.
const HEX_BYTES: usize = 256;
/// Lines remembered for the arrow keys.
const HISTORY: usize = 50;

/// A talk, and its end for as long as it is shown.
#[derive(Debug)]
pub(super) struct Talk {
    /// The way to the open line, under the id of the request.
    pub(super) way: Run,
    /// Whether what is typed goes out as a line; a datagram is as it is typed.
    ends_lines: bool,
    steps: VecDeque<Spoken>,
    forgotten: usize,
    field: Option<Field>,
    said: VecDeque<String>,
    recalled: usize,
    /// Whether its end stays in sight; not once somebody has scrolled.
    pub(super) follows: bool,
}

impl Talk {
    pub(super) fn new(way: Run, ends_lines: bool) -> Self {
        Self {
            way,
            ends_lines,
            steps: VecDeque::new(),
            forgotten: 0,
            field: Some(Field::default()),
            said: VecDeque::new(),
            recalled: 0,
            follows: true,
        }
    }

    /// Whether more can be said.
    pub(super) fn is_open(&self) -> bool {
        self.field.is_some()
    }

    pub(super) fn field(&mut self) -> Option<&mut Field> {
        self.field.as_mut()
    }

    /// The user has enough.
    pub(super) fn end(&mut self) {
        self.field = None;
        self.way.end(None);
    }

    /// Takes the line that was typed: its bytes, or what is wrong with it.
    pub(super) fn line(&mut self) -> Option<Result<Vec<u8>, String>> {
        let field = self.field.as_mut()?;
        let typed = field.text().to_owned();
        let bytes = own_bytes::read(&typed).map(|mut bytes| {
            if self.ends_lines && own_bytes::hex_digits(&typed).is_none() {
                bytes.extend(b"\r\n");
            }
            bytes
        });
        if bytes.is_ok() {
            self.said.push_back(typed);
            if self.said.len() > HISTORY {
                self.said.pop_front();
            }
            self.recalled = self.said.len();
            field.set("");
            self.follows = true;
        }
        Some(bytes)
    }

    /// Puts an earlier (-1) or later (1) line into the field.
    pub(super) fn recall(&mut self, step: isize) {
        let Some(field) = &mut self.field else { return };
        self.recalled = self.recalled.saturating_add_signed(step).min(self.said.len());
        field.set(self.said.get(self.recalled).map_or("", String::as_str));
    }

    /// Takes a step.
    pub(super) fn take(&mut self, step: Spoken) {
        match &step {
            Spoken::Ended | Spoken::Broken(_) => self.end(),
            Spoken::Failed(verdict) => {
                self.way.verdict = Some((**verdict).clone());
                self.end();
            }
            Spoken::Opened | Spoken::Said(_) | Spoken::Heard(_) | Spoken::Lost(_) => {}
        }
        self.steps.push_back(step);
        if self.steps.len() > MOST {
            self.steps.pop_front();
            self.forgotten += 1;
        }
    }

    /// Every line of it, above the one that is typed.
    pub(super) fn lines(&self, now: Moment, width: u16, theme: &Theme) -> Vec<Line> {
        let mut lines = lines::waterfall(&self.way, now.at, width, theme);
        if self.forgotten > 0 {
            let text = format!("{} earlier are forgotten", units::count(self.forgotten as u64));
            lines.push(vec![(text, theme.dim)]);
        }
        self.steps.iter().for_each(|step| tell(step, width, theme, &mut lines));
        lines
    }

    /// Draws the line that is typed; returns where the cursor belongs.
    pub(super) fn draw_field(
        &self,
        buf: &mut Buffer,
        row: Rect,
        theme: &Theme,
    ) -> Option<Position> {
        let field = self.field.as_ref()?;
        let used = paint::left(buf, row, "say      ", theme.heading);
        let room = Rect { x: row.x + used, width: row.width.saturating_sub(used), ..row };
        field.draw(buf, room, theme.accent)
    }
}

/// `← 220 hello`, and below it the bytes.
fn tell(step: &Spoken, width: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let mut note = |text: String, style| {
        for text in paint::wrap(&clean(&text), width) {
            lines.push(vec![(text, style)]);
        }
    };
    match step {
        Spoken::Opened => {
            let text = "open: Enter sends the line, hex:0d0a sends bytes, ↑ recalls, Esc hangs up";
            note(text.to_owned(), theme.dim);
        }
        Spoken::Said(bytes) => words("→ ", bytes, width, theme, lines),
        Spoken::Heard(bytes) => words("← ", bytes, width, theme, lines),
        Spoken::Lost(why) => note(format!("lost: {why}"), theme.danger),
        Spoken::Ended => note("the peer has closed the connection".to_owned(), theme.warning),
        Spoken::Broken(why) => note(format!("the connection broke: {why}"), theme.danger),
        Spoken::Failed(verdict) => {
            note(format!("{}: {}", lines::outcome(verdict), verdict.text), theme.danger);
        }
    }
}

fn words(sign: &str, bytes: &[u8], width: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let text = String::from_utf8_lossy(bytes);
    let room = width.saturating_sub(2).max(1);
    let style = if sign.starts_with('→') { theme.accent } else { theme.text };
    for (index, line) in text.lines().enumerate() {
        for (part, text) in paint::wrap(&clean(line), room).into_iter().enumerate() {
            let sign = if (index, part) == (0, 0) { sign } else { "  " };
            lines.push(vec![(format!("{sign}{text}"), style)]);
        }
    }
    let mut hex: Vec<String> =
        bytes.iter().take(HEX_BYTES).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > HEX_BYTES {
        hex.push(format!("… of {}", units::counted(bytes.len() as u64, "byte")));
    }
    for text in paint::wrap(&hex.join(" "), room) {
        lines.push(vec![(format!("  {text}"), theme.dim)]);
    }
}
