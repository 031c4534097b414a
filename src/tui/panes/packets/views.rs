//! The views of Packets, and what they are called.

/// Which list stands below the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    #[default]
    Flows,
    Ladder,
    Packets,
    Stream,
    Ports,
    Processes,
    Hosts,
    Applications,
    Dns,
    Problems,
    Drops,
    Protocols,
    Interfaces,
}

impl View {
    /// In the order in which a key goes through them.
    const ALL: [Self; 13] = [
        Self::Flows,
        Self::Ladder,
        Self::Packets,
        Self::Stream,
        Self::Ports,
        Self::Processes,
        Self::Hosts,
        Self::Applications,
        Self::Dns,
        Self::Problems,
        Self::Drops,
        Self::Protocols,
        Self::Interfaces,
    ];

    /// So many further on, in a ring.
    fn step(self, steps: usize) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        Self::ALL[(at + steps) % Self::ALL.len()]
    }

    /// The next one. Where no packets are counted only two have anything to show.
    pub(super) fn next(self, counts_packets: bool) -> Self {
        match self {
            Self::Drops if !counts_packets => Self::Interfaces,
            _ if !counts_packets => Self::Drops,
            _ => self.step(1),
        }
    }

    /// The one before.
    pub(super) fn previous(self, counts_packets: bool) -> Self {
        if counts_packets { self.step(Self::ALL.len() - 1) } else { self.next(false) }
    }

    /// The view of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.name() == name)
    }

    /// What an empty list says, and what would fill it.
    pub(super) fn nothing_yet(self) -> &'static str {
        match self {
            Self::Flows => "No flow yet: they appear as packets arrive; v shows other views.",
            Self::Ladder | Self::Packets | Self::Stream => {
                "No flow yet to look at: Enter on a flow shows its life."
            }
            Self::Ports => "No port yet: no TCP or UDP packet has arrived.",
            Self::Processes => "No process yet: no packet of a listed socket has arrived.",
            Self::Hosts => "No host yet: no IP packet has arrived.",
            Self::Applications => {
                "No application yet: the first bytes of a connection tell which it is."
            }
            Self::Dns => "No DNS query yet.",
            Self::Problems => "No problem was seen.",
            Self::Drops => "No packet was dropped and no connection reset meanwhile.",
            Self::Protocols => "No protocol yet: no packet has arrived.",
            Self::Interfaces => "No interface has been read yet.",
        }
    }

    /// Whether it shows the packets of one flow.
    pub(super) fn is_of_one_flow(self) -> bool {
        matches!(self, Self::Ladder | Self::Packets | Self::Stream)
    }

    /// Whether the totals by protocol have room beside it, and are not what it shows.
    pub(super) fn has_protocols_beside(self) -> bool {
        !self.is_of_one_flow() && self != Self::Protocols
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Ladder => "ladder",
            Self::Packets => "packets",
            Self::Stream => "stream",
            Self::Ports => "ports",
            Self::Processes => "processes",
            Self::Hosts => "hosts",
            Self::Applications => "applications",
            Self::Dns => "dns",
            Self::Problems => "problems",
            Self::Drops => "drops and resets",
            Self::Protocols => "protocols",
            Self::Interfaces => "interfaces",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::command::{Command, PaneId};
    use crate::tui::keymap::Context;

    #[test]
    fn every_view_has_a_key_and_every_key_its_view() {
        let bindings = Context::Pane(PaneId::Packets).bindings();
        let named = |command: &Command| match command {
            Command::View(name) => Some(*name),
            _ => None,
        };
        let names: Vec<&str> = bindings.iter().filter_map(|it| named(&it.command)).collect();
        assert!(names.iter().all(|name| View::named(name).is_some()), "{names:?}");
        for view in View::ALL {
            assert!(names.contains(&view.name()) || view == View::Ladder, "{view:?}: Enter");
        }
    }

    #[test]
    fn back_and_forth_is_the_same_view() {
        for view in View::ALL {
            assert_eq!(view.next(true).previous(true), view);
        }
    }
}
