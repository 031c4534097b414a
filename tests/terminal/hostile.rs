//! What a process calls itself is not to be trusted.

use crate::pty::{STAND_IN, Terminal};
use crate::server::Server;
use crate::support::in_namespace;
use crate::wait_for_panes;

/// A name that sets the window's title, rings and moves the cursor, as far as 15 bytes go.
const NAME: &str = "open('/proc/self/comm', 'wb').write(b'\\x1b]0;pwn\\x07\\x1b[2Jx')";
/// Arguments that clear, colour, retitle, and use the one-byte introducers.
const ARGUMENTS: [&str; 3] =
    ["\x1b[2J\x1b[41mgotcha", "\x1b]2;evil\x07", "\u{9b}31m\u{9d}0;evil\u{9c}"];

#[test]
fn a_hostile_name_never_reaches_the_terminal_raw() {
    in_namespace(|| {
        let server = Server::start_with(9090, NAME, &ARGUMENTS);
        let _other = Server::start(8080);
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        wait_for_panes(&terminal);
        terminal.send(&format!("/port:{}\r", server.port()));
        terminal.wait_row(&["▶", &server.address(), &server.pid().to_string()]);
        terminal.wait_row(&["3 Options", &server.pid().to_string()]);
        terminal.wait_for("SO_REUSEADDR");
        // Everything about the row, arguments included.
        terminal.send("\r");
        terminal.wait_for("gotcha");
        terminal.wait_for(&format!("calls itself {STAND_IN}]0;pwn{STAND_IN}{STAND_IN}[2Jx"));
        terminal.send("\x1b");
        terminal.wait_gone("gotcha");
        terminal.send("K");
        terminal.wait_for("Enter run");
        terminal.send("\x1b");
        terminal.wait_gone("Enter run");
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();

        // sockpit itself asks for the colours of text and background.
        let questions: [&[u8]; 4] =
            [b"\x1b]11;?\x07", b"\x1b]11;?\x1b\\", b"\x1b]10;?\x07", b"\x1b]10;?\x1b\\"];
        let raw = questions.iter().fold(terminal.raw(), |raw, question| without(&raw, question));
        let has = |needle: &[u8]| raw.windows(needle.len()).any(|window| window == needle);
        assert!(has("�]0;pwn��[2Jx".as_bytes()), "the name is shown");
        for (what, needle) in [
            ("an operating system command", &b"\x1b]"[..]),
            ("a bell", b"\x07"),
            ("the colour of the argument", b"\x1b[41m"),
            ("the introducer CSI in one character", "\u{9b}".as_bytes()),
            ("the introducer OSC in one character", "\u{9d}".as_bytes()),
        ] {
            let found = raw.windows(needle.len()).position(|window| window == needle);
            let found = found.map(|at| &raw[at..raw.len().min(at + 24)]);
            assert_eq!(found.map(String::from_utf8_lossy), None, "{what} reached the terminal");
        }
    });
}

/// These bytes but for each `part`.
fn without(bytes: &[u8], part: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let mut kept = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(part) {
            Some(after) => rest = after,
            None => {
                kept.push(*first);
                rest = behind;
            }
        }
    }
    kept
}
