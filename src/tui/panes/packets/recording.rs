//! The file that packets are written to: begun and ended by a key, its size and time on screen.

use std::path::Path;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::packets::Writing;
use crate::text::{clean, units};
use crate::tui::effect::Effect;
use crate::tui::pane::Cx;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint;
use crate::tui::world::World;

/// The file that was asked for and is not known to be complete.
#[derive(Debug, Default)]
pub(super) struct Recording {
    path: Option<String>,
}

impl Recording {
    /// Begins a file in the working directory, or ends the one that there is.
    pub(super) fn toggle(&mut self, cx: &mut Cx<'_>) {
        if self.path.is_some() {
            return cx.effects.push(Effect::WritePackets(None));
        }
        if cx.world.packets.value().is_none() {
            return cx.world.complain("Nothing is captured that could be written");
        }
        let at = cx.world.now.wall.strftime("%Y%m%dT%H%M%SZ");
        let path = Path::new(".").join(format!("sockpit-packets-{at}.pcapng"));
        self.path = Some(path.display().to_string());
        cx.effects.push(Effect::WritePackets(Some(path)));
    }

    /// Says what became of the file once it is complete.
    pub(super) fn advance(&mut self, cx: &mut Cx<'_>) {
        let Some(writing) = self.status(cx.world).filter(|writing| writing.is_closed) else {
            return;
        };
        let (text, is_whole) = (result(writing), is_whole(writing));
        self.path = None;
        if is_whole { cx.world.say(text) } else { cx.world.complain(text) }
    }

    /// The file's line, while it grows. Returns the rest of the area.
    pub(super) fn draw(&self, world: &World, buf: &mut Buffer, area: Rect, theme: &Theme) -> Rect {
        let Some(path) = &self.path else { return area };
        let style = match self.status(world) {
            Some(writing) if !is_whole(writing) => theme.danger,
            _ => theme.accent,
        };
        let so_far = self.status(world).map(so_far).unwrap_or_default();
        let text = format!("writing {}{so_far}", clean(path));
        paint::left(buf, paint::line(area, 0), &text, style);
        let lines = 1.min(area.height);
        Rect { y: area.y + lines, height: area.height - lines, ..area }
    }

    fn status<'a>(&self, world: &'a World) -> Option<&'a Writing> {
        let writing = world.packets.value()?.writing.as_ref()?;
        (self.path.as_ref() == Some(&writing.path)).then_some(writing)
    }
}

fn is_whole(writing: &Writing) -> bool {
    writing.trouble.is_none() && writing.left_out == 0
}

fn so_far(writing: &Writing) -> String {
    let lasted = units::duration(Duration::from_millis(writing.duration_ms));
    format!("  {} in {lasted}{}", amount(writing), trouble(writing))
}

fn result(writing: &Writing) -> String {
    let path = &writing.path;
    if writing.packets == 0 && writing.bytes == 0 {
        return format!("Cannot write {path}{}", trouble(writing));
    }
    format!("Written: {path}, {}{}", amount(writing), trouble(writing))
}

fn amount(writing: &Writing) -> String {
    format!("{}, {}", units::bytes(writing.bytes), units::counted(writing.packets, "packet"))
}

fn trouble(writing: &Writing) -> String {
    let left_out = match writing.left_out {
        0 => String::new(),
        some => format!("; {} not in it", units::counted(some, "packet")),
    };
    let why = writing.trouble.as_ref().map(|why| format!(": {why}"));
    left_out + &why.unwrap_or_default()
}
