//! The hops to the address that was tested.

use std::net::SocketAddr;

use crate::model::probe::Hop;
use crate::text::{clean, probe as words};
use crate::tui::event::RequestId;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::Line;

/// A path that was asked for.
#[derive(Debug)]
pub(super) struct Path {
    /// The request.
    pub(super) id: RequestId,
    /// Where it leads.
    pub(super) address: SocketAddr,
    /// Its hops, or why none could be looked for; `None` until they are told.
    pub(super) hops: Option<Result<Vec<Hop>, String>>,
}

impl Path {
    /// A line for each hop.
    pub(super) fn lines(&self, theme: &Theme, lines: &mut Vec<Line>) {
        let mut line = vec![("path     ".to_owned(), theme.heading)];
        line.push(match &self.hops {
            None => (format!("to {} …", self.address), theme.warning),
            Some(Ok(hops)) if hops.is_empty() => {
                (format!("to {}: no hop is known", self.address), theme.dim)
            }
            Some(Ok(_)) => (format!("to {}", self.address), theme.text),
            Some(Err(why)) => {
                let text = format!("to {}: no connect could be sent: {}", self.address, clean(why));
                (text, theme.danger)
            }
        });
        lines.push(line);
        if let Some(Ok(hops)) = &self.hops {
            lines.extend(hops.iter().map(|hop| vec![(words::hop(hop), theme.text)]));
        }
    }
}
