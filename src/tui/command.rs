//! Everything that can be asked of the dashboard, by key, mouse or palette.

/// Which pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaneId {
    /// Who holds which port.
    Ports,
    /// What travels.
    Packets,
    /// How the socket is set up.
    Options,
    /// Whether an endpoint answers.
    Tester,
}

impl PaneId {
    /// In the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Ports, Self::Packets, Self::Options, Self::Tester];

    /// The name in titles and tabs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ports => "Ports",
            Self::Packets => "Packets",
            Self::Options => "Options",
            Self::Tester => "Tester",
        }
    }

    /// Position in [`PaneId::ALL`]; the key that focuses it is one more.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The pane `steps` further on, in a ring.
    #[must_use]
    pub fn step(self, steps: usize) -> Self {
        Self::ALL[(self.index() + steps) % Self::ALL.len()]
    }
}

/// One request of the user. What it means in detail is decided by whoever has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// End the program.
    Quit,
    /// Stop the process and give the terminal back to the shell.
    Suspend,
    /// List the keys.
    Help,
    /// Open the palette of commands.
    Palette,
    /// Focus one pane.
    Focus(PaneId),
    /// Focus the next pane.
    FocusNext,
    /// Focus the pane before.
    FocusPrevious,
    /// One pane on the whole screen, or all of them again.
    Zoom,
    /// More or fewer lines for Ports, where other panes stand below it.
    MoveSplit {
        /// More.
        down: bool,
    },
    /// Hold the view still while the collectors run on.
    Freeze,
    /// Leave the mouse to the terminal, or take it back.
    Mouse,
    /// Numbers, or the names that go with them.
    Names,
    /// Copy the selected row to the terminal's clipboard.
    Copy,
    /// Write what is on screen to a file.
    Export(ExportFormat),
    /// Sample, or look, again now.
    Refresh,
    /// Show what was done to the system.
    ActionLog,
    /// Show what can be seen and done here, and what not.
    Doctor,
    /// Edit the filter of Ports.
    Filter,
    /// List the filters with a name.
    SavedFilters,
    /// Drop the filter of Ports.
    ClearFilter,
    /// Move within a list or a text.
    Move(Motion),
    /// Sort by the next column.
    SortNext,
    /// Turn the order around.
    SortReverse,
    /// Bring the rows together by the next thing they can have in common.
    GroupNext,
    /// Hide the rows of a group, or go to the header above.
    Fold,
    /// Show the rows of a group, or go to its first.
    Unfold,
    /// Hide the rows of every group.
    FoldAll,
    /// Show the rows of every group.
    UnfoldAll,
    /// Open the history of ended sockets, or close it.
    History,
    /// Choose the columns.
    Columns,
    /// Everything known about the selected row.
    Details,
    /// Mark the selected row for a joint action, or unmark it.
    Mark,
    /// Have the row's port ring when something happens to it, or be silent.
    Ring,
    /// The sockets of every network namespace, or of sockpit's own.
    AllNamespaces,
    /// UNIX and netlink sockets among the others, or not.
    LocalSockets,
    /// Plan the end of the processes that hold the selected rows.
    Kill,
    /// Plan the close of the selected connections.
    CloseConnection,
    /// Find out why the selected row's port is busy.
    Why,
    /// Show the socket calls of the process that holds the selected row.
    Trace,
    /// Only what differs from its default, or everything.
    ChangedOnly,
    /// Edit the selected option.
    EditOption,
    /// Undo the option that was set last.
    UndoOption,
    /// The next of a pane's views.
    NextView,
    /// The view before.
    PreviousView,
    /// The view of this name.
    View(&'static str),
    /// Edit the filter that says which flows are listed.
    FilterFlows,
    /// Edit the filter that says which packets are captured.
    FilterCapture,
    /// Show payload as a hex dump, or as text.
    HexDump,
    /// Write packets to a file from now on, or end that file.
    WritePackets,
    /// Count packets from nothing again.
    ResetCounts,
    /// Edit the tester's target.
    EditTarget,
    /// Test the target once.
    Probe,
    /// Test the target again and again, or stop.
    ProbeContinuously,
    /// Test every target of the configuration, or leave their board.
    ProbeAll,
    /// Look for the hops to the target's port.
    TracePath,
    /// Talk with the target on an open connection.
    Talk,
    /// Close a dialog, leave a field.
    Cancel,
    /// Agree to a dialog, finish a field.
    Accept,
    /// Complete what is being typed.
    Complete,
    /// What only the open dialog knows, by a name of its own.
    Own(&'static str),
}

/// Where to move in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Motion {
    /// One up.
    Up,
    /// One down.
    Down,
    /// A screenful up.
    PageUp,
    /// A screenful down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
}

impl Motion {
    /// The position after this motion from `from`, in a list of `len` of which `page` fit
    /// on screen. `None` in an empty list.
    pub fn apply(self, from: usize, len: usize, page: usize) -> Option<usize> {
        let last = len.checked_sub(1)?;
        let page = page.max(1);
        Some(match self {
            Self::Up => from.saturating_sub(1),
            Self::Down => from.saturating_add(1),
            Self::PageUp => from.saturating_sub(page),
            Self::PageDown => from.saturating_add(page),
            Self::First => 0,
            Self::Last => last,
        })
        .map(|to| to.min(last))
    }

    /// Moves a choice among `len` one up or down; `false` where there is none in that
    /// direction, and for every other motion.
    pub fn step(self, chosen: &mut usize, len: usize) -> bool {
        let to = match self {
            Self::Up => chosen.checked_sub(1),
            Self::Down => Some(*chosen + 1).filter(|to| *to < len),
            _ => None,
        };
        *chosen = to.unwrap_or(*chosen);
        to.is_some()
    }
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// One document of the JSON contract.
    Json,
    /// A line a row.
    Csv,
}

impl ExportFormat {
    /// The file name's ending.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}
