//! The views of Packets, and what they are called.

/// Which list stands below the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    #[default]
    Flows,
    Ladder,
    Packets,
    Ports,
    Processes,
    Hosts,
    Applications,
    Dns,
    Problems,
    Drops,
    Interfaces,
}

impl View {
    /// The next one. Where no packets are counted only two have anything to show.
    pub(super) fn next(self, counts_packets: bool) -> Self {
        match self {
            Self::Drops if !counts_packets => Self::Interfaces,
            _ if !counts_packets => Self::Drops,
            Self::Flows => Self::Ladder,
            Self::Ladder => Self::Packets,
            Self::Packets => Self::Ports,
            Self::Ports => Self::Processes,
            Self::Processes => Self::Hosts,
            Self::Hosts => Self::Applications,
            Self::Applications => Self::Dns,
            Self::Dns => Self::Problems,
            Self::Problems => Self::Drops,
            Self::Drops => Self::Interfaces,
            Self::Interfaces => Self::Flows,
        }
    }

    /// What an empty list says, and what would fill it.
    pub(super) fn nothing_yet(self) -> &'static str {
        match self {
            Self::Flows => "No flow yet: they appear as packets arrive; v shows other views.",
            Self::Ladder | Self::Packets => {
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
            Self::Interfaces => "No interface has been read yet.",
        }
    }

    /// Whether it shows the packets of one flow.
    pub(super) fn is_of_one_flow(self) -> bool {
        matches!(self, Self::Ladder | Self::Packets)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Ladder => "ladder",
            Self::Packets => "packets",
            Self::Ports => "ports",
            Self::Processes => "processes",
            Self::Hosts => "hosts",
            Self::Applications => "applications",
            Self::Dns => "dns",
            Self::Problems => "problems",
            Self::Drops => "drops and resets",
            Self::Interfaces => "interfaces",
        }
    }
}
