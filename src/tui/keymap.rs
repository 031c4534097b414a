//! Keys as data: which key asks for which command where. The hint lines, the help and the
//! palette are made from these tables, so that none of them can say what is not so.

mod binding;
mod key;
mod tables;

use std::borrow::Cow;

use super::command::{Command, PaneId};
use tables::{DIALOG, FIELD, GLOBAL, MOTION, OPTIONS, PACKETS, PORTS, TESTER};

pub use binding::Binding;
pub use key::{Key, without_alt};
pub use tables::SIGNS;

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

/// The sections of the help for `pane`, in reading order.
pub fn help(pane: PaneId) -> [(&'static str, &'static [Binding]); 3] {
    [(pane.name(), Context::Pane(pane).bindings()), ("Everywhere", GLOBAL), ("Lists", MOTION)]
}

/// A command that the palette offers.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The pane that must have the focus for it, where that is another one.
    pub pane: Option<PaneId>,
    /// Its line of the keymap.
    pub binding: &'static Binding,
}

impl Offer {
    /// What it does, and in which other pane.
    pub fn about(&self) -> Cow<'static, str> {
        match self.pane {
            Some(pane) => format!("{}: {}", pane.name(), self.binding.about).into(),
            None => self.binding.about.into(),
        }
    }

    /// The keys for it; those of another pane after the key that goes there.
    pub fn key_names(&self) -> String {
        let keys = self.binding.key_names();
        match self.pane {
            Some(pane) => format!("{} {keys}", pane.index() + 1).trim_end().to_owned(),
            None => keys,
        }
    }
}

/// Every command that can be given while `pane` has the focus: its own, those that hold
/// everywhere, and those of the other panes, which take the focus along. Motions are left out:
/// nobody looks for them by name.
pub fn palette(pane: PaneId) -> impl Iterator<Item = Offer> {
    let here = Context::Pane(pane).bindings().iter().chain(GLOBAL);
    let others = PaneId::ALL.into_iter().filter(move |other| *other != pane);
    let there = others.flat_map(|other| {
        let offer = move |binding| Offer { pane: Some(other), binding };
        Context::Pane(other).bindings().iter().map(offer)
    });
    here.map(|binding| Offer { pane: None, binding }).chain(there)
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

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
