//! Text on the clipboard of the desktop that sockpit was started from, by the desktop's own
//! program. A terminal's clipboard (OSC 52) is left to who has the terminal.
#![forbid(unsafe_code)]

use std::env;
use std::time::Duration;

use crate::sys::command::{Limits, Program};

const LIMITS: Limits = Limits { timeout: Duration::from_secs(2), output_bytes: 1_000 };

/// A program that takes the clipboard's text from its input.
struct Tool {
    name: &'static str,
    arguments: &'static [&'static str],
    /// The variable that says that there is such a desktop.
    desktop: &'static str,
    /// And those that say how to reach it.
    needs: &'static [&'static str],
}

const TOOLS: [Tool; 4] = [
    Tool {
        name: "wl-copy",
        arguments: &[],
        desktop: "WAYLAND_DISPLAY",
        needs: &["WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"],
    },
    Tool {
        name: "xclip",
        arguments: &["-selection", "clipboard"],
        desktop: "DISPLAY",
        needs: &["DISPLAY", "XAUTHORITY", "HOME"],
    },
    Tool {
        name: "xsel",
        arguments: &["--clipboard", "--input"],
        desktop: "DISPLAY",
        needs: &["DISPLAY", "XAUTHORITY", "HOME"],
    },
    // It ignores what programs send to its terminal unless it is told otherwise, but takes this,
    // and hands it on (tmux(1), load-buffer; -w since 3.2).
    Tool {
        name: "tmux",
        arguments: &["load-buffer", "-w", "-"],
        desktop: "TMUX",
        needs: &["TMUX", "TMUX_TMPDIR"],
    },
];

/// Puts text on the desktop's clipboard, and says which program took it; `None` where there is
/// no desktop, or none of its programs is installed or took it.
pub fn put(text: &str) -> Option<&'static str> {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    TOOLS
        .iter()
        .filter(|tool| is_set(tool.desktop))
        .find(|tool| tool.take(text))
        .map(|tool| tool.name)
}

impl Tool {
    fn take(&self, text: &str) -> bool {
        let ran = Program::find(self.name)
            .and_then(|program| program.feed(self.arguments, text, self.needs, LIMITS));
        match ran {
            Ok(ran) if ran.exit_code == Some(0) => true,
            Ok(ran) => {
                tracing::debug!(tool = self.name, ?ran, "did not take the text");
                false
            }
            Err(error) => {
                tracing::debug!(tool = self.name, %error, "cannot be used");
                false
            }
        }
    }
}
