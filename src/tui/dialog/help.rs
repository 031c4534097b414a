//! The keys of a pane, from the keymap.

use super::{Dialog, Page};
use crate::query;
use crate::tui::keymap;
use crate::tui::pane::PaneId;

/// The list of keys.
#[derive(Debug)]
pub struct Help {
    pane: PaneId,
}

impl Help {
    /// The keys of this pane, and those of everywhere.
    pub fn new(pane: PaneId) -> Self {
        Self { pane }
    }
}

impl Dialog for Help {
    fn title(&self) -> String {
        "Keys".to_owned()
    }

    fn write(&self, page: &mut Page<'_>) {
        for (index, (section, bindings)) in keymap::help(self.pane).into_iter().enumerate() {
            if index > 0 {
                page.gap();
            }
            page.add(section, page.theme.heading);
            for binding in bindings.iter().filter(|binding| !binding.keys.is_empty()) {
                entry(page, &binding.key_names(), binding.about);
            }
        }
        if self.pane == PaneId::Ports {
            page.gap();
            page.add("Signs", page.theme.heading);
            keymap::SIGNS.iter().for_each(|(sign, about)| entry(page, sign, about));
            page.gap();
            page.add("Filter: all words must match", page.theme.heading);
            query::SYNTAX.iter().for_each(|(form, meaning)| entry(page, form, meaning));
            page.gap();
            page.add("Filter keys", page.theme.heading);
            for key in query::KEYS {
                entry(page, key.key, &format!("{}: {}", key.about, key.example));
            }
            page.gap();
            page.add(&query::NOTES.replace('\n', " "), page.theme.text);
        }
    }
}

fn entry(page: &mut Page<'_>, key: &str, about: &str) {
    let theme = page.theme;
    page.lead((&format!("  {key:<12}  "), theme.accent), (about, theme.text));
}
