//! What was done to the system, newest first.

use super::{Dialog, Page};
use crate::text::clean;

/// The log of actions.
#[derive(Debug)]
pub struct ActionLogDialog;

impl Dialog for ActionLogDialog {
    fn title(&self) -> String {
        "Actions".to_owned()
    }

    fn write(&self, page: &mut Page<'_>) {
        let (theme, log) = (page.theme, page.log);
        if log.entries.is_empty() {
            page.add("No action yet: what K, X and e do to the system is listed here.", theme.dim);
        }
        for entry in log.entries.iter().rev() {
            let zoned = entry.at.to_zoned(page.world.timezone.clone());
            let at = zoned.strftime("%H:%M:%S").to_string();
            let (sign, style) = if entry.ok { ("✓", theme.fresh) } else { ("✗", theme.danger) };
            page.lead((&format!("{at} {sign} "), style), (&clean(&entry.text), theme.text));
            if let Some(command) = &entry.command {
                // Whole, however long: a command line that is cut does something else.
                page.hang("           $ ", &clean(command), theme.dim);
            }
            if let Some(undo) = &entry.undo {
                page.hang("      undo $ ", &clean(undo), theme.dim);
            }
        }
        if log.forgotten > 0 {
            page.add(&format!("{} earlier ones are forgotten", log.forgotten), theme.dim);
        }
    }
}
