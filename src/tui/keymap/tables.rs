//! The keys of every place.

use crossterm::event::KeyCode;

use super::binding::{Binding, bind};
use super::key::Key;
use crate::tui::command::{Command, ExportFormat, Motion, PaneId};

pub(super) static GLOBAL: &[Binding] = &[
    bind(&[Key::char('?')], Command::Help, "keys", "List the keys of the focused pane"),
    bind(&[Key::char(':')], Command::Palette, "palette", "Find any command by its name"),
    bind(&[Key::char('/')], Command::Filter, "filter", "Filter the ports"),
    bind(&[Key::char('q'), Key::control('c')], Command::Quit, "quit", "Quit"),
    bind(&[Key::char(' ')], Command::Freeze, "freeze", "Freeze the view, or let it go on"),
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
        "Give the mouse back to the terminal, to select text, or take it",
    ),
    bind(&[Key::char('y')], Command::Copy, "", "Copy the selected row"),
    bind(
        &[Key::char('E')],
        Command::Export(ExportFormat::Json),
        "",
        "Export what is on screen as JSON",
    ),
    bind(&[], Command::Export(ExportFormat::Csv), "", "Export what is on screen as CSV"),
    bind(&[Key::char('r')], Command::Refresh, "", "Refresh everything now"),
    bind(&[Key::char('L')], Command::ActionLog, "", "Show the log of actions"),
    bind(
        &[Key::char('D')],
        Command::Doctor,
        "",
        "Show what sockpit can see and do here, and what would permit the rest",
    ),
    bind(&[Key::control('z')], Command::Suspend, "", "Suspend; `fg` in the shell brings it back"),
];

/// Motions, the same in every list.
pub(super) static MOTION: &[Binding] = &[
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

pub(super) static PORTS: &[Binding] = &[
    bind(
        &[Key::char('K')],
        Command::Kill,
        "kill",
        "Plan to end the processes that hold the selected rows",
    ),
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
        "Find out why the row's port is busy; this tries to bind it",
    ),
    bind(
        &[Key::char('T')],
        Command::Trace,
        "",
        "Trace the socket calls of the row's process, what failed first; slows every system call",
    ),
    bind(
        &[Key::plain(KeyCode::Enter)],
        Command::Details,
        "details",
        "Show everything about the row; on a header, fold or unfold",
    ),
    bind(&[Key::char('s')], Command::SortNext, "sort", "Sort by the next column"),
    bind(&[Key::char('S')], Command::SortReverse, "", "Reverse the order"),
    bind(
        &[Key::char('N')],
        Command::AllNamespaces,
        "",
        "Show every network namespace, or only sockpit's own",
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
        "Group by process, port, remote, state, process tree, or not at all",
    ),
    bind(&[Key::plain(KeyCode::Left)], Command::Fold, "", "Fold the group, or go to its header"),
    bind(&[Key::plain(KeyCode::Right)], Command::Unfold, "", "Unfold the group, or go to its rows"),
    bind(&[], Command::FoldAll, "", "Fold all groups"),
    bind(&[], Command::UnfoldAll, "", "Unfold all groups"),
    bind(&[Key::char('m')], Command::Mark, "mark", "Mark the row, to act on several at once"),
    bind(
        &[Key::char('t')],
        Command::Ring,
        "",
        "Ring when the row's port opens, closes, changes owner or fills its queue",
    ),
    bind(
        &[Key::char('F')],
        Command::SavedFilters,
        "",
        "Saved filters: choose one, save this one, or forget one",
    ),
    bind(&[Key::char('H')], Command::History, "", "Open the history of ended sockets, or close it"),
    bind(&[Key::char('C')], Command::Columns, "", "Choose the columns and their order"),
    bind(&[Key::plain(KeyCode::Esc)], Command::ClearFilter, "", "Clear the filter, then the marks"),
];

/// A view of Packets and its key.
const fn view(keys: &'static [Key], name: &'static str, about: &'static str) -> Binding {
    bind(keys, Command::View(name), "", about)
}

pub(super) static PACKETS: &[Binding] = &[
    bind(
        &[Key::char('v')],
        Command::NextView,
        "view",
        "Next view: flows, ladder, packets, ports, processes, hosts, DNS, problems, drops and more",
    ),
    bind(&[Key::char('V')], Command::PreviousView, "", "The view before"),
    bind(
        &[Key::plain(KeyCode::Enter)],
        Command::Details,
        "ladder",
        "The life of the flow: handshake, data, end",
    ),
    bind(
        &[Key::char('f')],
        Command::FilterFlows,
        "filter",
        "List only flows that match: port:443, name:nginx, addr:10.0.0.0/8 …",
    ),
    bind(
        &[Key::char('c')],
        Command::FilterCapture,
        "",
        "Capture only what an expression of tcpdump's lets through, and count anew",
    ),
    bind(
        &[Key::char('w')],
        Command::WritePackets,
        "write",
        "Write whole packets to a new pcapng file here, or end that file",
    ),
    bind(&[Key::char('s')], Command::SortNext, "", "Sort the list by the next column"),
    bind(&[Key::char('S')], Command::SortReverse, "", "Reverse the order"),
    bind(&[Key::char('R')], Command::ResetCounts, "", "Count from nothing again"),
    bind(
        &[Key::plain(KeyCode::Esc)],
        Command::ClearFilter,
        "",
        "Back to the flows, then clear their filter",
    ),
    view(&[Key::char('F')], "flows", "Flows"),
    view(&[Key::char('d')], "packets", "The last packets of the flow, field by field"),
    view(&[Key::char('t')], "stream", "What the ends of the flow said"),
    bind(&[Key::char('X')], Command::HexDump, "", "Payload as text, or as a hex dump"),
    view(&[Key::char('l')], "protocols", "Protocols, layer by layer"),
    view(&[Key::char('p')], "ports", "Ports"),
    view(&[Key::char('o')], "processes", "Processes, the owners of flows"),
    view(&[Key::char('h')], "hosts", "Hosts"),
    view(&[Key::char('a')], "applications", "Applications"),
    view(&[Key::char('N')], "dns", "Names that DNS was asked for"),
    view(&[Key::char('x')], "problems", "Problems, the worst first"),
    view(&[Key::char('e')], "drops and resets", "Packets that the kernel dropped, and resets"),
    view(&[Key::char('i')], "interfaces", "Interfaces"),
];

pub(super) static OPTIONS: &[Binding] = &[
    bind(
        &[Key::char('a')],
        Command::ChangedOnly,
        "changed/all",
        "Show all options, or only the changed ones",
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

pub(super) static TESTER: &[Binding] = &[
    bind(&[Key::plain(KeyCode::Enter)], Command::Probe, "test", "Test the target once"),
    bind(&[Key::char('e')], Command::EditTarget, "edit", "Edit the target"),
    bind(&[Key::char('c')], Command::ProbeContinuously, "continuous", "Test every second, or stop"),
    bind(
        &[Key::char('b')],
        Command::ProbeAll,
        "board",
        "Test every target of the configuration, or leave their board",
    ),
    bind(
        &[Key::char('p')],
        Command::TracePath,
        "path",
        "Tell the hops to the target's very port, by connects with small times to live",
    ),
    bind(
        &[Key::char('i')],
        Command::Talk,
        "talk",
        "Open a connection and talk on it, line by line, as with telnet or nc",
    ),
];

/// In every dialog, besides its own keys.
pub(super) static DIALOG: &[Binding] = &[bind(&[Key::control('c')], Command::Quit, "", "Quit")];

pub(super) static FIELD: &[Binding] = &[
    bind(&[Key::plain(KeyCode::Enter)], Command::Accept, "done", "Finish"),
    bind(&[Key::plain(KeyCode::Tab)], Command::Complete, "complete", "Complete"),
    bind(&[Key::plain(KeyCode::Esc)], Command::Cancel, "cancel", "Leave it as it was"),
    bind(&[Key::control('c')], Command::Quit, "", "Quit"),
];

/// The signs of the table in Ports, and what they mean.
pub static SIGNS: &[(&str, &str)] = &[
    ("+ ~ ✕", "A new row, a row whose state or owners changed, a row that ended"),
    ("▶ ● ♪", "The selected row, a marked row, a row whose port rings"),
    ("3/128", "QUEUE of a listener: 3 waiting to be accepted, its limit is 128; ! from 80 % on"),
    ("64k:0", "QUEUE of others: bytes unread:unsent, k is 1000; ! if it does not move, or drops"),
    ("129+3", "Held by process 129 and 3 others"),
    ("~129", "Not checked since the process last ran: it may no longer hold the socket"),
    ("≥2m", "At least 2 minutes old: it was there before sockpit started"),
    ("-", "Not known"),
];
