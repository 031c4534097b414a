//! What a row is like, as far as arranging it needs to know.

use crate::model::finding;
use crate::model::prominence::Prominence;
use crate::model::socket::{Socket, State};
use crate::query::Truth;
use crate::tui::label;

/// What is kept of a live row from one arrangement to the next, in a few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts(u16);

impl Facts {
    /// Nothing is known yet.
    pub(super) const UNREAD: Self = Self(0);
    const READ: u16 = 1;
    pub(super) const MATCHES: u16 = 1 << 1;
    pub(super) const UNDECIDED: u16 = 1 << 2;
    pub(super) const LISTENS: u16 = 1 << 3;
    pub(super) const CONNECTED: u16 = 1 << 4;
    pub(super) const CROWDED: u16 = 1 << 5;
    pub(super) const HIDDEN: u16 = 1 << 6;
    pub(super) const OF_HIDDEN_TABLE: u16 = 1 << 7;
    /// Above the rank.
    pub(super) const FOUND: u16 = 1 << 11;
    /// Three bits for the rank.
    const RANK: u16 = 8;

    /// All but what the filter says.
    pub(super) fn of(socket: &Socket, own: u32) -> Self {
        let flag = |holds: bool, bit: u16| if holds { bit } else { 0 };
        Self(
            Self::READ
                | flag(socket.state == State::Listen, Self::LISTENS)
                | flag(socket.remote.is_some(), Self::CONNECTED)
                | flag(label::is_crowded(socket), Self::CROWDED)
                | flag(finding::of(socket).next().is_some(), Self::FOUND)
                | (Prominence::of(socket, own) as u16) << Self::RANK,
        )
    }

    /// By the row alone, whenever it was heard before.
    pub(super) fn rank(self) -> Prominence {
        let rank = (self.0 >> Self::RANK) & 0b111;
        Prominence::ALL[usize::from(rank) % Prominence::ALL.len()]
    }

    /// And this says the filter.
    pub(super) fn and(self, truth: Truth, is_hidden: bool) -> Self {
        let table = if is_hidden { Self::OF_HIDDEN_TABLE } else { 0 };
        Self(
            self.0
                | table
                | match truth {
                    Truth::Yes if is_hidden => Self::HIDDEN,
                    Truth::Yes => Self::MATCHES,
                    Truth::Undecided if !is_hidden => Self::UNDECIDED,
                    Truth::Undecided | Truth::No => 0,
                },
        )
    }

    pub(super) fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}
