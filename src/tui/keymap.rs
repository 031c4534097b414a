//! Keys as data: which key asks for which command where. The hint lines, the help and the
//! palette are made from these tables, so that none of them can say what is not so.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::command::{Command, ExportFormat, Motion, PaneId};

/// A key as it is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    control: bool,
    // No binding uses it: see [`without_alt`].
    alt: bool,
}

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, control: false, alt: false }
    }

    /// The key of a character.
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// The key of a character, with Control held.
    pub const fn control(c: char) -> Self {
        Self { code: KeyCode::Char(c), control: true, alt: false }
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let held = |modifier| event.modifiers.contains(modifier);
        Self {
            code: event.code,
            control: held(KeyModifiers::CONTROL),
            alt: held(KeyModifiers::ALT),
        }
    }
}

/// A key that came with Alt, as Esc and the key by itself: a terminal sends the same bytes for
/// both. Where Alt means nothing, two keys were pressed that arrived together.
pub fn without_alt(event: KeyEvent) -> Option<[KeyEvent; 2]> {
    let plain = KeyEvent { modifiers: event.modifiers - KeyModifiers::ALT, ..event };
    let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    event.modifiers.contains(KeyModifiers::ALT).then_some([escape, plain])
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.control {
            f.write_str("Ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) if self.control => write!(f, "{}", c.to_ascii_uppercase()),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Where a binding holds. The table of the place that has the focus comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Everywhere but in fields and dialogs.
    Global,
    /// While this pane has the focus.
    Pane(PaneId),
    /// In a dialog, whose keys are its own.
    Dialog,
    /// In a text field.
    Field,
}

/// A line of the keymap.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Any of these keys.
    pub keys: &'static [Key],
    /// What they ask for.
    pub command: Command,
    /// One or two words for the hint line; empty for what needs no reminder.
    pub hint: &'static str,
    /// A sentence without its full stop, for help and palette.
    pub about: &'static str,
}

impl Binding {
    /// A key of a dialog: its hint says it all.
    pub const fn hinted(keys: &'static [Key], command: Command, hint: &'static str) -> Self {
        bind(keys, command, hint, hint)
    }

    /// Enter agrees to a dialog.
    pub const fn enter(hint: &'static str) -> Self {
        Self::hinted(const { &[Key::plain(KeyCode::Enter)] }, Command::Accept, hint)
    }

    /// Esc leaves a dialog.
    pub const fn esc(hint: &'static str) -> Self {
        Self::hinted(const { &[Key::plain(KeyCode::Esc)] }, Command::Cancel, hint)
    }

    /// Esc and Enter alike close a dialog that has nothing to agree to.
    pub const fn close() -> Self {
        const KEYS: &[Key] = &[Key::plain(KeyCode::Esc), Key::plain(KeyCode::Enter)];
        Self::hinted(KEYS, Command::Cancel, "close")
    }

    /// The keys, as help lists them.
    pub fn key_names(&self) -> String {
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

const fn bind(
    keys: &'static [Key],
    command: Command,
    hint: &'static str,
    about: &'static str,
) -> Binding {
    Binding { keys, command, hint, about }
}

static GLOBAL: &[Binding] = &[
    bind(&[Key::char('?')], Command::Help, "keys", "List the keys of the focused pane"),
    bind(&[Key::char(':')], Command::Palette, "palette", "Find any command by its name"),
    bind(&[Key::char('/')], Command::Filter, "filter", "Filter the ports"),
    bind(&[Key::char('q'), Key::control('c')], Command::Quit, "quit", "Quit"),
    bind(&[Key::char(' ')], Command::Freeze, "freeze", "Freeze the view, or let it run again"),
    bind(&[Key::char('z')], Command::Zoom, "zoom", "Give the focused pane the whole screen"),
    bind(&[Key::plain(KeyCode::Tab)], Command::FocusNext, "next", "Focus the next pane"),
    bind(&[Key::plain(KeyCode::BackTab)], Command::FocusPrevious, "", "Focus the pane before"),
    bind(&[Key::char('1')], Command::Focus(PaneId::Ports), "", "Focus Ports"),
    bind(&[Key::char('2')], Command::Focus(PaneId::Packets), "", "Focus Packets"),
    bind(&[Key::char('3')], Command::Focus(PaneId::Options), "", "Focus Options"),
    bind(&[Key::char('4')], Command::Focus(PaneId::Tester), "", "Focus Tester"),
    bind(
        &[Key::char('+')],
        Command::MoveSplit { down: true },
        "",
        "Give Ports more lines; the mouse drags its lower edge",
    ),
    bind(&[Key::char('-')], Command::MoveSplit { down: false }, "", "Give Ports fewer lines"),
    bind(&[Key::char('n')], Command::Names, "", "Show names or numbers"),
    bind(
        &[Key::char('M')],
        Command::Mouse,
        "",
        "Leave the mouse to the terminal, to select text, or take it back",
    ),
    bind(&[Key::char('y')], Command::Copy, "", "Copy the selected row"),
    bind(
        &[Key::char('E')],
        Command::Export(ExportFormat::Json),
        "",
        "Export what is on screen as JSON",
    ),
    bind(&[], Command::Export(ExportFormat::Csv), "", "Export what is on screen as CSV"),
    bind(&[Key::char('r')], Command::Refresh, "", "Sample and inspect again now"),
    bind(&[Key::char('L')], Command::ActionLog, "", "Show the log of actions"),
    bind(
        &[Key::char('D')],
        Command::Doctor,
        "",
        "What can be seen and done here, what not, and what would permit it",
    ),
    bind(&[Key::control('z')], Command::Suspend, "", "Suspend; fg in the shell comes back"),
];

/// Motions, the same in every list.
static MOTION: &[Binding] = &[
    bind(&[Key::plain(KeyCode::Up), Key::char('k')], Command::Move(Motion::Up), "", "One up"),
    bind(&[Key::plain(KeyCode::Down), Key::char('j')], Command::Move(Motion::Down), "", "One down"),
    bind(&[Key::plain(KeyCode::PageUp)], Command::Move(Motion::PageUp), "", "A screenful up"),
    bind(&[Key::plain(KeyCode::PageDown)], Command::Move(Motion::PageDown), "", "A screenful down"),
    bind(
        &[Key::plain(KeyCode::Home), Key::char('g')],
        Command::Move(Motion::First),
        "",
        "To the first",
    ),
    bind(
        &[Key::plain(KeyCode::End), Key::char('G')],
        Command::Move(Motion::Last),
        "",
        "To the last",
    ),
];

static PORTS: &[Binding] = &[
    bind(&[Key::char('K')], Command::Kill, "kill", "Plan to kill who holds the selected rows"),
    bind(
        &[Key::char('X')],
        Command::CloseConnection,
        "close",
        "Plan to close connections, not their processes",
    ),
    bind(
        &[Key::char('w')],
        Command::Why,
        "why busy?",
        "Why the row's port is busy; this tries to bind it",
    ),
    bind(
        &[Key::plain(KeyCode::Enter)],
        Command::Details,
        "details",
        "Everything about the row; on a header, fold or unfold",
    ),
    bind(&[Key::char('s')], Command::SortNext, "sort", "Sort by the next column"),
    bind(&[Key::char('S')], Command::SortReverse, "", "Turn the order around"),
    bind(
        &[Key::char('N')],
        Command::AllNamespaces,
        "",
        "Show every network namespace, or sockpit's own alone",
    ),
    bind(
        &[Key::char('u')],
        Command::LocalSockets,
        "",
        "Show UNIX and netlink sockets, or hide them",
    ),
    bind(
        &[Key::char('b')],
        Command::GroupNext,
        "group",
        "Group by process, port, remote, state, tree, or not",
    ),
    bind(
        &[Key::plain(KeyCode::Left)],
        Command::Fold,
        "",
        "Fold the group's rows away, or go to its header",
    ),
    bind(&[Key::plain(KeyCode::Right)], Command::Unfold, "", "Unfold the group, or go to its rows"),
    bind(&[], Command::FoldAll, "", "Fold all groups"),
    bind(&[], Command::UnfoldAll, "", "Unfold all groups"),
    bind(&[Key::char('m')], Command::Mark, "mark", "Mark the row for a joint action"),
    bind(
        &[Key::char('t')],
        Command::Ring,
        "",
        "Tell me when the row's port opens, closes, changes hands or fills its queue",
    ),
    bind(&[Key::char('F')], Command::SavedFilters, "", "Choose, save or forget a named filter"),
    bind(&[Key::char('H')], Command::History, "", "Open the history of ended sockets, or close it"),
    bind(&[Key::char('C')], Command::Columns, "", "Choose the columns and their order"),
    bind(&[Key::plain(KeyCode::Esc)], Command::ClearFilter, "", "Drop the filter, then the marks"),
];

static PACKETS: &[Binding] = &[
    bind(
        &[Key::char('v')],
        Command::NextView,
        "view",
        "Flows, ports, processes, hosts, applications, DNS, problems or interfaces",
    ),
    bind(&[Key::char('s')], Command::SortNext, "sort", "Sort the flows by the next column"),
    bind(&[Key::char('S')], Command::SortReverse, "", "Turn the order around"),
];

static OPTIONS: &[Binding] = &[
    bind(
        &[Key::char('a')],
        Command::ChangedOnly,
        "changed/all",
        "All options, or only the changed ones",
    ),
    bind(
        &[Key::char('e')],
        Command::EditOption,
        "set",
        "Plan to set the selected option on the live socket",
    ),
    bind(
        &[Key::char('U')],
        Command::UndoOption,
        "undo",
        "Plan to undo the last option that was set",
    ),
];

static TESTER: &[Binding] = &[
    bind(&[Key::plain(KeyCode::Enter)], Command::Probe, "test", "Test the target once"),
    bind(&[Key::char('e')], Command::EditTarget, "edit", "Edit the target"),
    bind(&[Key::char('c')], Command::ProbeContinuously, "continuous", "Test every second, or stop"),
    bind(
        &[Key::char('b')],
        Command::ProbeAll,
        "board",
        "Test every target of the configuration, or leave their board",
    ),
];

/// In every dialog, besides its own keys.
static DIALOG: &[Binding] = &[bind(&[Key::control('c')], Command::Quit, "", "Quit")];

static FIELD: &[Binding] = &[
    bind(&[Key::plain(KeyCode::Enter)], Command::Accept, "done", "Finish"),
    bind(&[Key::plain(KeyCode::Tab)], Command::Complete, "complete", "Complete"),
    bind(&[Key::plain(KeyCode::Esc)], Command::Cancel, "cancel", "Leave it as it was"),
    bind(&[Key::control('c')], Command::Quit, "", "Quit"),
];

fn find(bindings: &[Binding], key: Key) -> Option<Command> {
    bindings.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.command)
}

/// What `key` asks for in a dialog with these keys of its own. While it has a text field, the
/// keys of motions are text.
pub fn command_in_dialog(own: &[Binding], is_typing: bool, key: Key) -> Option<Command> {
    find(own, key)
        .or_else(|| find(DIALOG, key))
        .or_else(|| if is_typing { None } else { find(MOTION, key) })
}

impl Context {
    /// The bindings of this context alone.
    pub fn bindings(self) -> &'static [Binding] {
        match self {
            Self::Global => GLOBAL,
            Self::Pane(PaneId::Ports) => PORTS,
            Self::Pane(PaneId::Packets) => PACKETS,
            Self::Pane(PaneId::Options) => OPTIONS,
            Self::Pane(PaneId::Tester) => TESTER,
            Self::Dialog => DIALOG,
            Self::Field => FIELD,
        }
    }

    /// Whether a list can be walked through here.
    fn has_motion(self) -> bool {
        matches!(self, Self::Pane(_) | Self::Dialog)
    }

    /// What `key` asks for here.
    pub fn command(self, key: Key) -> Option<Command> {
        find(self.bindings(), key)
            .or_else(|| if self.has_motion() { find(MOTION, key) } else { None })
            .or_else(|| match self {
                Self::Pane(_) => find(GLOBAL, key),
                _ => None,
            })
    }

    /// The reminders for a hint line: key and word.
    pub fn hints(self) -> impl Iterator<Item = (Key, &'static str, Command)> {
        let bindings = self.bindings().iter().filter(|binding| !binding.hint.is_empty());
        bindings.filter_map(|binding| Some((*binding.keys.first()?, binding.hint, binding.command)))
    }
}

/// The signs of the table in Ports, and what they mean.
pub static SIGNS: &[(&str, &str)] = &[
    ("+ ~ ✕", "A new row, one whose state or owners changed, one that ended"),
    ("▶ ● ♪", "The selected row, a marked one, one whose port rings"),
    ("3/128", "QUEUE of a listener: 3 wait to be accepted, its limit is 128; ! from 80 % on"),
    ("64k:0", "QUEUE of others: bytes unread:unsent, k is 1000; ! stands still, or drops"),
    ("129+3", "Process 129 and 3 more hold it"),
    ("~129", "It ran since it was last looked at, and may hold it no more"),
    ("≥2m", "At least so old: it was there before sockpit looked"),
    ("-", "Not known"),
];

/// The sections of the help for `pane`, in reading order.
pub fn help(pane: PaneId) -> [(&'static str, &'static [Binding]); 3] {
    [(pane.name(), Context::Pane(pane).bindings()), ("Everywhere", GLOBAL), ("Lists", MOTION)]
}

/// Every command that the palette offers while `pane` has the focus, that pane's own first.
/// Motions are left out: nobody looks for them by name.
pub fn palette(pane: PaneId) -> impl Iterator<Item = &'static Binding> {
    Context::Pane(pane).bindings().iter().chain(GLOBAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Context; 7] = [
        Context::Global,
        Context::Pane(PaneId::Ports),
        Context::Pane(PaneId::Packets),
        Context::Pane(PaneId::Options),
        Context::Pane(PaneId::Tester),
        Context::Dialog,
        Context::Field,
    ];

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for context in ALL {
            let mut seen = std::collections::HashSet::new();
            let mut tables = vec![context.bindings()];
            if context.has_motion() {
                tables.push(MOTION);
            }
            if matches!(context, Context::Pane(_)) {
                tables.push(GLOBAL);
            }
            for key in tables.into_iter().flatten().flat_map(|binding| binding.keys) {
                assert!(seen.insert(*key), "{key} is bound twice in {context:?}");
            }
        }
    }

    #[test]
    fn what_destroys_is_never_one_lower_case_letter() {
        for binding in ALL.into_iter().flat_map(Context::bindings) {
            if matches!(binding.command, Command::Kill | Command::CloseConnection) {
                let upper = |key: &Key| matches!(key.code, KeyCode::Char(c) if c.is_uppercase());
                assert!(binding.keys.iter().all(upper));
            }
        }
    }

    #[test]
    fn fields_know_only_their_four_keys() {
        let keys: Vec<String> =
            FIELD.iter().flat_map(|binding| binding.keys).map(Key::to_string).collect();
        assert_eq!(keys, ["Enter", "Tab", "Esc", "Ctrl-C"]);
    }
}
